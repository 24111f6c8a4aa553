"""Cut points: the two places on the scale of logits between which a text is neutral, for labels of three classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sentiline.prediction import Label, Probabilities
from sentiline.uncertainty import Thresholds


@dataclass(frozen=True, slots=True)
class CutPoints:
    """The cut points of an ordinal logistic model (proportional odds, McCullagh 1980) over a model's own logit.

    P(negative) = sigmoid(negative - logit) and P(positive) = sigmoid(logit - positive); the rest is P(neutral). The
    logit is that of the prediction with two labels, so contributions still add up to it.

    Attributes:
        negative: The logit at which P(negative) is one half.
        positive: The logit at which P(positive) is one half; greater than `negative`.
        thresholds: The limits of a certain prediction with three labels; None for those of two labels.
    """

    negative: float
    positive: float
    thresholds: Thresholds | None = None

    def probabilities(self, logit: float) -> Probabilities:
        """Return the probabilities of the three classes, which add up to 1.

        Example:
            >>> probabilities = CutPoints(-1.0, 1.0).probabilities(0.0)
            >>> [round(value, 3) for value in (probabilities.negative, probabilities.neutral, probabilities.positive)]
            [0.269, 0.462, 0.269]
        """
        negative, positive = _sigmoid(self.negative - logit), _sigmoid(logit - self.positive)
        return Probabilities(negative, max(0.0, 1.0 - negative - positive), positive)

    def log_odds(self, logit: float) -> Probabilities:
        """Return log(P / (1 - P)) of each class in place of P; finite however large the logit is."""
        log_neutral = (
            math.log(-math.expm1(self.negative - self.positive))
            - _softplus(self.negative - logit)
            - _softplus(logit - self.positive)
        )
        others = -_softplus(logit - self.negative), -_softplus(self.positive - logit)  # the logarithms of their P
        log_rest = max(others) + math.log1p(math.exp(min(others) - max(others)))
        return Probabilities(self.negative - logit, log_neutral - log_rest, logit - self.positive)

    def as_dict(self) -> dict[str, Any]:
        """Return the cut points and their thresholds, if there are any, as in a manifest."""
        thresholds = {} if self.thresholds is None else {"uncertainty": self.thresholds.as_dict()}
        return {"cut_points": {"negative": self.negative, "positive": self.positive}, **thresholds}


def label_of(probabilities: Probabilities) -> tuple[Label, float, float]:
    """Return the most probable label, its probability, and the confidence in it.

    The confidence is the label's share in the sum of its probability and the next label's, in [0.5, 1]: with two
    labels it is the probability itself. Equal probabilities go to NEUTRAL first, then to POSITIVE.
    """
    ranked = sorted(
        (
            ("NEUTRAL", probabilities.neutral),
            ("POSITIVE", probabilities.positive),
            ("NEGATIVE", probabilities.negative),
        ),
        key=lambda item: -item[1],
    )
    (label, score), (_, following), _ = ranked
    return label, score, score / (score + following)  # type: ignore[return-value]


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))  # log(1 + exp(value)), which never overflows


def _sigmoid(value: float) -> float:
    return 0.5 + 0.5 * math.tanh(0.5 * value)  # never overflows
