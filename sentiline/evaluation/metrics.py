"""Metrics of a binary classifier, as pure functions of labels and probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CALIBRATION_BINS = 10
FOLDS = 5

Labels = NDArray[np.bool_]
Probabilities = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """The confusion matrix.

    Attributes:
        true_positives: The number of positive reviews predicted as positive.
        false_positives: The number of negative reviews predicted as positive.
        true_negatives: The number of negative reviews predicted as negative.
        false_negatives: The number of positive reviews predicted as negative.
    """

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def total(self) -> int:
        """The number of reviews."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def correct(self) -> int:
        """The number of reviews with the right prediction."""
        return self.true_positives + self.true_negatives


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """Metrics of one class; None where a metric is undefined.

    Attributes:
        precision: The share of the reviews predicted as the class that belong to it.
        recall: The share of the reviews of the class that are predicted as it.
        f1: The harmonic mean of precision and recall.
        support: The number of reviews of the class.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Reviews whose P(positive) lies in `[low, high)`; the last bin includes 1.

    Attributes:
        low: The lower edge.
        high: The upper edge.
        count: The number of reviews in the bin.
        predicted: Their mean P(positive); None if the bin is empty.
        observed: The share of them that is positive; None if the bin is empty.
    """

    low: float
    high: float
    count: int
    predicted: float | None
    observed: float | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """The threshold with the highest accuracy.

    Attributes:
        value: A review is predicted as positive if P(positive) is at least this value.
        accuracy: The accuracy on the reviews that the threshold was chosen on, which is biased upwards.
        cross_validated: The accuracy if each of `FOLDS` folds is predicted with the best threshold of the others; None
            if there are fewer reviews than folds.
    """

    value: float
    accuracy: float
    cross_validated: float | None


def confusion_matrix(labels: Labels, predicted: Labels) -> ConfusionMatrix:
    """Count the predictions [N] by the labels [N]."""
    return ConfusionMatrix(
        true_positives=int((labels & predicted).sum()),
        false_positives=int((~labels & predicted).sum()),
        true_negatives=int((~labels & ~predicted).sum()),
        false_negatives=int((labels & ~predicted).sum()),
    )


def class_metrics(hits: int, predicted: int, support: int) -> ClassMetrics:
    """Compute the metrics of one class.

    Args:
        hits: The number of reviews of the class that were predicted as it.
        predicted: The number of reviews predicted as the class.
        support: The number of reviews of the class.
    """
    return ClassMetrics(
        precision=hits / predicted if predicted else None,
        recall=hits / support if support else None,
        f1=2 * hits / (predicted + support) if predicted + support else None,
        support=support,
    )


def roc_auc(labels: Labels, scores: Probabilities) -> float | None:
    """Compute the area under the ROC curve.

    It is the probability that a positive review scores above a negative one, ties counting half: Mann and Whitney's U
    divided by the number of pairs (Hanley & McNeil 1982, Radiology 143:29).

    Args:
        labels: Whether each review is positive, [N].
        scores: Scores that increase with positivity, [N].

    Returns:
        The area, or None if all reviews belong to one class.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # mean rank, from 1, of each distinct score
    return float((ranks[place][labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def brier_score(labels: Labels, positive: Probabilities) -> float:
    """Compute the mean squared difference between P(positive) and the label, 0 or 1 (Brier 1950)."""
    return float(np.mean((positive.astype(np.float64) - labels) ** 2))


def calibration_bins(labels: Labels, positive: Probabilities, bins: int = CALIBRATION_BINS) -> list[Bin]:
    """Compare P(positive) with the share of positive reviews in bins of equal width.

    Args:
        labels: Whether each review is positive, [N].
        positive: P(positive) of each review, [N].
        bins: The number of bins.
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
    """Compute the ECE: the mean of |predicted - observed| over the bins, weighted by count (Naeini et al. 2015)."""
    total = sum(one.count for one in bins)
    gaps = (
        one.count * abs(one.predicted - one.observed)
        for one in bins
        if one.predicted is not None and one.observed is not None
    )
    return sum(gaps) / total


def best_threshold(labels: Labels, positive: Probabilities, folds: int = FOLDS, seed: int = 0) -> Threshold:
    """Find the threshold with the highest accuracy; among several the one nearest to 0.5.

    Args:
        labels: Whether each review is positive, [N] with N at least 1.
        positive: P(positive) of each review, [N].
        folds: The number of folds of the cross-validation.
        seed: The seed of the assignment of reviews to folds.
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
    # right[i]: correct predictions, up to a constant, if the i lowest distinct values are predicted as negative
    right = np.concatenate([[0.0], -np.cumsum(gains)])
    # half-way between neighbours, so that rounding differences cannot move a score across the threshold
    top = (distinct[-1] + 1) / 2 if distinct[-1] < 1 else np.nextafter(1, 2)
    cuts = np.concatenate([[distinct[0] / 2], (distinct[:-1] + distinct[1:]) / 2, [top]])
    cuts[np.searchsorted(distinct, 0.5)] = 0.5  # 0.5 is as good as any threshold between the same neighbours
    best = cuts[right == right.max()]
    return float(best[np.argmin(np.abs(best - 0.5))])
