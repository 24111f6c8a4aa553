"""Below which score, and above which share of unknown tokens, a verdict is called uncertain; runs no model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.platt import MIN_REVIEWS

MAX_ERROR_RATIO = 0.5
"""Share of the error rate over all verdicts that those not called uncertain may have."""

MAX_FLAGGED = 0.5
"""Largest share of the validation reviews that a low score may call uncertain."""

DEFAULT_CONFIDENCE = 0.6
"""Where there are too few reviews to fit one: a verdict little better than the toss of a coin."""

UNKNOWN_QUANTILE = 0.999
MIN_UNKNOWN_RATE = 0.25
"""In a short text one rare name is a large share; such a text is not yet one that the model cannot read."""

_STEPS = 1000


@dataclass(frozen=True)
class FittedThresholds:
    """When a verdict is uncertain: its score is below `confidence`, or its unknown share above `unknown_rate`.

    Attributes:
        confidence: a score in [0.5, 1], a multiple of 0.001.
        unknown_rate: a share of the tokens used, a multiple of 0.001.
        note: what could not be fitted as defined, and what stands there instead; empty otherwise.
    """

    confidence: float
    unknown_rate: float
    note: str = ""

    def flags(self, scores: NDArray[Any], unknown: NDArray[Any]) -> NDArray[np.bool_]:
        """Which verdicts are uncertain.

        Args:
            scores: [N], probability of each verdict.
            unknown: [N], share of the tokens used that are not in the vocabulary.
        """
        return np.asarray((scores < self.confidence) | (unknown > self.unknown_rate))

    def as_dict(self) -> dict[str, Any]:
        """For the manifest, without an empty note."""
        return {key: value for key, value in asdict(self).items() if value != ""}


def fit_thresholds(scores: NDArray[Any], right: NDArray[np.bool_], unknown: NDArray[Any]) -> FittedThresholds:
    """Choose both on reviews that the model was not fitted on.

    `confidence` is the smallest score at which the verdicts that reach it err at most half as often (`MAX_ERROR_RATIO`) as
    all of them; if that would call more than half of them uncertain (`MAX_FLAGGED`), the largest score that does
    not. `unknown_rate` is the 99.9 % quantile of the reviews' unknown shares, and at least `MIN_UNKNOWN_RATE`.

    Args:
        scores: [N], probability of each verdict; N at least 1.
        right: [N], whether it is right.
        unknown: [N], share of unknown tokens.
    """
    rate = float(np.quantile(unknown, UNKNOWN_QUANTILE, method="higher"))
    unknown_rate = max(MIN_UNKNOWN_RATE, np.ceil(_STEPS * rate) / _STEPS)
    confidence, note = _confidence(scores, right)
    return FittedThresholds(confidence, float(unknown_rate), note)


def _confidence(scores: NDArray[Any], right: NDArray[np.bool_]) -> tuple[float, str]:
    if len(scores) < MIN_REVIEWS:
        few = f"{len(scores)} validation reviews are too few to fit a confidence ({MIN_REVIEWS} would do)"
        return DEFAULT_CONFIDENCE, f"{few}: {DEFAULT_CONFIDENCE} is a convention"
    if right.all():
        return 0.5, f"all {len(scores)} validation verdicts are right: no score is too low to be believed"
    allowed = MAX_ERROR_RATIO * float(1 - right.mean())
    chosen = 0.5
    for step in range(_STEPS // 2, _STEPS + 1):
        reached = scores >= step / _STEPS
        if 1 - reached.mean() > MAX_FLAGGED:
            break
        chosen = step / _STEPS
        if 1 - float(right[reached].mean()) <= allowed:
            return chosen, ""
    return chosen, (
        f"the errors cannot be halved without calling more than {MAX_FLAGGED:.0%} of the validation reviews uncertain"
    )
