"""Thresholds of uncertain predictions per length of text, fitted for an error rate among the certain predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.cut_points import CutPoints
from sentiline.uncertainty import LengthThreshold, Thresholds
from training.errors import DataError
from training.evaluation.platt import MIN_REVIEWS
from training.evaluation.scored_texts import ScoredTexts
from training.evaluation.thresholds import DEFAULT_CONFIDENCE, MIN_UNKNOWN_RATE

# The number of tokens of the longest texts in each length class; the last class holds all longer texts.
MAX_TOKENS = (8, 16, 32, 64, 128, 256)

# The error rate wanted among the certain predictions of every length class.
TARGET_ERROR = 0.06

# The largest share of a length class that may be uncertain to reach it.
MAX_FLAGGED = 0.3

# A text of which more than this share is unread is always uncertain: what it says there may turn the verdict around.
MAX_UNREAD = 0.25

# Candidates for the largest share of unknown tokens. Beyond one half, a model guesses from a minority of the words.
_UNKNOWN_RATES = tuple(round(MIN_UNKNOWN_RATE + 0.05 * step, 2) for step in range(6))

_STEPS = 1000


@dataclass(frozen=True)
class FittedLengthThresholds:
    """Thresholds by length with how they were fitted.

    Attributes:
        thresholds: The thresholds.
        target_error: The error rate wanted among the certain predictions of every length class.
        max_flagged: The largest share of a length class that might be uncertain.
        texts: The number of texts.
        notes: A sentence for each length class in which the error rate could not be reached, or that has no fit.
    """

    thresholds: Thresholds
    target_error: float
    max_flagged: float
    texts: int
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the thresholds for the manifest, without an empty note."""
        document = {
            **self.thresholds.as_dict(),
            "target_error": self.target_error,
            "max_flagged": self.max_flagged,
            "texts": self.texts,
        }
        return document | ({"note": "; ".join(self.notes)} if self.notes else {})


def fit_length_thresholds(
    texts: ScoredTexts,
    cut_points: CutPoints | None = None,
    *,
    target_error: float = TARGET_ERROR,
    max_flagged: float = MAX_FLAGGED,
    max_tokens: Sequence[int] = MAX_TOKENS,
    unread_rate: float = MAX_UNREAD,
) -> FittedLengthThresholds:
    """Fit a confidence threshold per length class, and one share of unknown tokens for all.

    In each class, the threshold is the smallest confidence, a multiple of 0.001, such that the predictions with at
    least this confidence and not too many unknown tokens err at most at the rate `target_error`; that marks as few as
    possible as uncertain. If it would mark more than `max_flagged` of the class, the threshold is the largest that does
    not, with a note. A class of fewer than `MIN_REVIEWS` texts is joined with the next longer one. The share of unknown
    tokens, from 25 to 50 %, is the one with the fewest such notes, and then the fewest uncertain predictions.

    Args:
        texts: Texts that the model was not trained on; neutral ones are left out unless there are cut points.
        cut_points: The cut points, for predictions with three labels; None for two labels.
        target_error: The error rate wanted among the certain predictions of each class, in (0, 1).
        max_flagged: The largest share of a class that may be uncertain to reach it, in (0, 1].
        max_tokens: The number of tokens of the longest texts in each class, ascending.
        unread_rate: The largest share of tokens that may be unread; it is not fitted, because labelled texts are seldom
            long enough to be truncated.

    Raises:
        DataError: There is no text.
    """
    texts = texts if cut_points is not None else texts.without_neutral()
    if not len(texts):
        raise DataError("there is no text with a usable label to fit thresholds on", field="labels")
    if len(texts) < MIN_REVIEWS:
        note = f"{len(texts)} texts are too few to fit thresholds ({MIN_REVIEWS} are needed): these are defaults"
        thresholds = Thresholds(DEFAULT_CONFIDENCE, MIN_UNKNOWN_RATE, (), unread_rate)
        return FittedLengthThresholds(thresholds, target_error, max_flagged, len(texts), (note,))
    predicted, confidence = texts.verdicts(cut_points)
    wrong, unknown = predicted != texts.labels, texts.unknown_rates
    edges, places = _length_classes(texts.tokens_total, max_tokens)
    fits = []
    for rate in _UNKNOWN_RATES:
        found = [
            _fit_class(confidence[places == place], wrong[places == place], unknown[places == place] <= rate,
                       target_error, max_flagged)
            for place in range(len(edges) + 1)
        ]  # fmt: skip
        missed = [place for place, one in enumerate(found) if not one.reached]
        fits.append((len(missed), sum(one.flagged for one in found), rate, found, missed))
    _, _, rate, found, missed = min(fits, key=lambda fit: fit[:3])
    thresholds = Thresholds(
        confidence=found[-1].confidence,
        unknown_rate=rate,
        lengths=tuple(LengthThreshold(edge, one.confidence) for edge, one in zip(edges, found, strict=False)),
        unread_rate=unread_rate,
    )
    notes = tuple(
        f"texts of {class_name(edges, place)}: {100 * found[place].error:.1f} % errors, since more than "
        f"{100 * max_flagged:.0f} % would have to be uncertain for {100 * target_error:g} %"
        for place in missed
    )
    return FittedLengthThresholds(thresholds, target_error, max_flagged, len(texts), notes)


def class_name(edges: Sequence[int], place: int) -> str:
    """Return the name of a length class, such as "9 to 16 tokens"."""
    if not edges:
        return "any length"
    if place == len(edges):
        return f"more than {edges[-1]} tokens"
    return f"up to {edges[0]} tokens" if place == 0 else f"{edges[place - 1] + 1} to {edges[place]} tokens"


def _length_classes(tokens: NDArray[np.int64], max_tokens: Sequence[int]) -> tuple[list[int], NDArray[np.intp]]:
    """Return the edges between length classes of enough texts, and the class of each text [N]."""
    edges: list[int] = []
    least = 0
    for edge in max_tokens:
        if int(((tokens > least) & (tokens <= edge)).sum()) >= MIN_REVIEWS:
            edges.append(edge)
            least = edge
    if edges and int((tokens > edges[-1]).sum()) < MIN_REVIEWS:
        edges.pop()
    return edges, np.searchsorted(edges, tokens)


@dataclass(frozen=True)
class _ClassFit:
    confidence: float
    error: float
    flagged: int
    reached: bool


def _fit_class(
    confidence: NDArray[np.float64], wrong: NDArray[np.bool_], known: NDArray[np.bool_], target: float, most: float
) -> _ClassFit:
    """Fit the threshold of one length class; `known` says which texts have few enough unknown tokens."""
    # a confidence reaches the threshold s / 1000 exactly if its step is at least s
    thresholds = np.arange(_STEPS // 2, _STEPS + 1) / _STEPS
    steps = np.searchsorted(thresholds, confidence[known], "right") - 1
    counts = np.bincount(steps, minlength=len(thresholds))[::-1].cumsum()[::-1]
    errors = np.bincount(steps, wrong[known], len(thresholds))[::-1].cumsum()[::-1]
    rates = np.divide(errors, counts, out=np.zeros(len(thresholds)), where=counts > 0)
    flagged = len(confidence) - counts
    allowed = flagged <= most * len(confidence)
    reaching = np.flatnonzero(allowed & (rates <= target))
    last = np.flatnonzero(allowed)
    chosen = int(reaching[0]) if len(reaching) else int(last[-1]) if len(last) else 0
    return _ClassFit(float(thresholds[chosen]), float(rates[chosen]), int(flagged[chosen]), bool(len(reaching)))
