"""Figures of a binary classifier as pure functions of labels and probabilities; knows neither texts nor models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CALIBRATION_BINS = 10
FOLDS = 5

Labels = NDArray[np.bool_]
Probabilities = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of verdicts by what was true.

    Attributes:
        true_positives: positive reviews called positive.
        false_positives: negative reviews called positive.
        true_negatives: negative reviews called negative.
        false_negatives: positive reviews called negative.
    """

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def correct(self) -> int:
        """Those whose verdict is right."""
        return self.true_positives + self.true_negatives


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class; None where nothing of that class was called, or there.

    Attributes:
        precision: share of those called so that are so.
        recall: share of those that are so that were called so.
        f1: harmonic mean of both.
        support: how many are so.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Reviews whose P(positive) lies in `[low, high)`; the last bin includes 1.

    Attributes:
        low: lower edge.
        high: upper edge.
        count: how many there are.
        predicted: mean P(positive) of them; None if there are none.
        observed: share of them that is positive; None if there are none.
    """

    low: float
    high: float
    count: int
    predicted: float | None
    observed: float | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """The cut at which most verdicts are right.

    Attributes:
        value: a review is called positive if P(positive) is at least this.
        accuracy: share right with it, on the very reviews by which it was chosen: too good by construction.
        cross_validated: share right where each of `FOLDS` parts is judged by the cut that is best for the others;
            None where there are fewer reviews than parts.
    """

    value: float
    accuracy: float
    cross_validated: float | None


def confuse(labels: Labels, called: Labels) -> Confusion:
    """Count verdicts [N] against what was true [N]."""
    return Confusion(
        true_positives=int((labels & called).sum()),
        false_positives=int((~labels & called).sum()),
        true_negatives=int((~labels & ~called).sum()),
        false_negatives=int((labels & ~called).sum()),
    )


def class_figures(hits: int, called: int, support: int) -> ClassFigures:
    """Figures of one class.

    Args:
        hits: how many of the class were called so.
        called: how many were called so at all.
        support: how many are of the class.
    """
    return ClassFigures(
        precision=hits / called if called else None,
        recall=hits / support if support else None,
        f1=2 * hits / (called + support) if called + support else None,
        support=support,
    )


def roc_auc(labels: Labels, scores: Probabilities) -> float | None:
    """Area under the ROC curve: the chance that a positive review scores above a negative one, ties counting half.

    That is Mann and Whitney's U over the number of pairs (Hanley & McNeil 1982, Radiology 143:29).

    Args:
        labels: [N], what is true.
        scores: [N], the higher the more positive.

    Returns:
        None if all reviews are of one class.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # mean rank, from 1, of each distinct score
    return float((ranks[place][labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def brier(labels: Labels, positive: Probabilities) -> float:
    """Mean squared difference of P(positive) from what was true, 0 or 1 (Brier 1950)."""
    return float(np.mean((positive.astype(np.float64) - labels) ** 2))


def calibrate(labels: Labels, positive: Probabilities, bins: int = CALIBRATION_BINS) -> list[Bin]:
    """Compare P(positive) with the share that is positive, in bins of equal width.

    Args:
        labels: [N], what is true.
        positive: [N], P(positive) in [0, 1].
        bins: how many.
    """
    place = np.minimum((positive.astype(np.float64) * bins).astype(np.intp), bins - 1)
    counts = np.bincount(place, minlength=bins)
    predicted, observed = np.bincount(place, positive, bins), np.bincount(place, labels, bins)
    return [
        Bin(
            low=index / bins,
            high=(index + 1) / bins,
            count=int(count),
            predicted=float(predicted[index] / count) if count else None,
            observed=float(observed[index] / count) if count else None,
        )
        for index, count in enumerate(counts)
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """ECE: mean distance of prediction and share over the bins, weighted by their reviews (Naeini et al. 2015)."""
    total = sum(one.count for one in bins)
    gaps = (
        one.count * abs(one.predicted - one.observed)
        for one in bins
        if one.predicted is not None and one.observed is not None
    )
    return sum(gaps) / total


def best_threshold(labels: Labels, positive: Probabilities, folds: int = FOLDS, seed: int = 0) -> Threshold:
    """The cut at which most verdicts are right; of several the one nearest to 0.5.

    Args:
        labels: [N], what is true, N at least 1.
        positive: [N], P(positive).
        folds: parts of the cross-validation.
        seed: of the order in which reviews are dealt out to them.
    """
    values = positive.astype(np.float64)
    cut = _best_cut(labels, values)
    fold = np.random.default_rng(seed).permutation(len(labels)) % folds
    right = None
    if len(labels) >= folds:
        cuts = np.array([_best_cut(labels[fold != part], values[fold != part]) for part in range(folds)])
        right = float(np.mean((values >= cuts[fold]) == labels))
    return Threshold(cut, float(np.mean((values >= cut) == labels)), right)


def _best_cut(labels: Labels, values: NDArray[np.float64]) -> float:
    distinct, place = np.unique(values, return_inverse=True)
    gains = np.bincount(place, np.where(labels, 1.0, -1.0), len(distinct))
    # right[i]: verdicts right if the i lowest distinct values are called negative, but for a constant
    right = np.concatenate([[0.0], -np.cumsum(gains)])
    # half way between neighbours, so that scores that differ from these by a rounding fall on the same side
    top = (distinct[-1] + 1) / 2 if distinct[-1] < 1 else np.nextafter(1, 2)
    cuts = np.concatenate([[distinct[0] / 2], (distinct[:-1] + distinct[1:]) / 2, [top]])
    cuts[np.searchsorted(distinct, 0.5)] = 0.5  # as good as any cut between the same neighbours
    best = cuts[right == right.max()]
    return float(best[np.argmin(np.abs(best - 0.5))])
