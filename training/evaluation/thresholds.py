"""The thresholds of score and share of unknown tokens beyond which a prediction is marked as uncertain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.platt import MIN_REVIEWS

# The error rate allowed among predictions not marked as uncertain, relative to that of all predictions.
MAX_ERROR_RATIO = 0.5

# The largest share of the validation reviews that may be marked as uncertain because of a low score.
MAX_FLAGGED = 0.5

# The threshold used if there are too few reviews to fit one: little better than a coin toss.
DEFAULT_CONFIDENCE = 0.6

UNKNOWN_QUANTILE = 0.999
# In a short text a single rare name is already a large share, and the model can still read such a text.
MIN_UNKNOWN_RATE = 0.25

_STEPS = 1000


@dataclass(frozen=True)
class FittedThresholds:
    """A prediction is uncertain if its score is below `confidence` or its unknown share is above `unknown_rate`.

    Attributes:
        confidence: A score in [0.5, 1], a multiple of 0.001.
        unknown_rate: A share of the tokens used, a multiple of 0.001.
        note: Why a threshold could not be fitted as defined and what replaces it; empty otherwise.
    """

    confidence: float
    unknown_rate: float
    note: str = ""

    def flags(self, scores: NDArray[Any], unknown: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which predictions are uncertain.

        Args:
            scores: [N], the probability of each predicted label.
            unknown: [N], the share of the tokens used that are not in the vocabulary.
        """
        return np.asarray((scores < self.confidence) | (unknown > self.unknown_rate))

    def as_dict(self) -> dict[str, Any]:
        """Return the thresholds for the manifest, without an empty note."""
        return {key: value for key, value in asdict(self).items() if value != ""}


def fit_thresholds(scores: NDArray[Any], right: NDArray[np.bool_], unknown: NDArray[Any]) -> FittedThresholds:
    """Fit both thresholds on reviews that the model was not trained on.

    `confidence` is the smallest score such that predictions with at least this score err at most half as often
    (`MAX_ERROR_RATIO`) as all predictions; if that would mark more than half of them as uncertain (`MAX_FLAGGED`), it
    is the largest score that does not. `unknown_rate` is the 99.9 % quantile of the reviews' unknown shares, and at
    least `MIN_UNKNOWN_RATE`.

    Args:
        scores: [N], the probability of each predicted label; N is at least 1.
        right: [N], whether each predicted label is correct.
        unknown: [N], the share of unknown tokens.
    """
    rate = float(np.quantile(unknown, UNKNOWN_QUANTILE, method="higher"))
    unknown_rate = max(MIN_UNKNOWN_RATE, np.ceil(_STEPS * rate) / _STEPS)
    confidence, note = _confidence(scores, right)
    return FittedThresholds(confidence, float(unknown_rate), note)


def _confidence(scores: NDArray[Any], right: NDArray[np.bool_]) -> tuple[float, str]:
    if len(scores) < MIN_REVIEWS:
        few = f"{len(scores)} validation reviews are too few to fit a confidence threshold ({MIN_REVIEWS} are needed)"
        return DEFAULT_CONFIDENCE, f"{few}: {DEFAULT_CONFIDENCE} is the default"
    if right.all():
        return (0.5, f"all {len(scores)} validation predictions are correct, so no score is marked as uncertain")
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
        f"the error rate cannot be halved without marking more than {MAX_FLAGGED:.0%} of the validation reviews "
        "as uncertain"
    )
