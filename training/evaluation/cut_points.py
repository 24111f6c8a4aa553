"""The cut points between negative, neutral and positive texts, fitted on the logits of labelled texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from sentiline.cut_points import CutPoints
from training.errors import DataError
from training.evaluation.scored_texts import NEGATIVE, NEUTRAL, POSITIVE, ScoredTexts, sigmoid

# The smallest number of texts of each class to fit on: with fewer, the result would be mostly chance.
MIN_TEXTS = 100

_NAMES = {NEGATIVE: "negative", NEUTRAL: "neutral", POSITIVE: "positive"}
_LIMIT = 50.0  # of a cut point; the logits of a fitted model are far smaller


@dataclass(frozen=True)
class ThreeWayMetrics:
    """The figures of predictions with three labels.

    Attributes:
        texts: The number of texts by class.
        recall: The recall of each class, in percent.
        macro_recall: The mean of the three recalls, in percent.
        accuracy: The share of correct labels, in percent.
        confusion: The number of texts by class (rows) and predicted class, both negative, neutral, positive.
    """

    texts: dict[str, int]
    recall: dict[str, float | None]
    macro_recall: float | None
    accuracy: float
    confusion: list[list[int]]


def fit_cut_points(logits: NDArray[Any], labels: NDArray[Any]) -> CutPoints:
    """Fit the cut points by maximum likelihood, each class with the same total weight.

    The model is an ordinal logistic regression whose slope is 1, since the logit is calibrated already. The balanced
    weights keep the classes' shares in the data, which say nothing about a user's texts, from deciding. The likelihood
    is log-concave in the cut points (Pratt 1981), so the maximum is unique and the result deterministic.

    Args:
        logits: [N], the logits of texts that the model was not trained on.
        labels: [N], -1 for negative, 0 for neutral, 1 for positive.

    Raises:
        DataError: A class has fewer than `MIN_TEXTS` texts, or the likelihood has no maximum because the logits do not
            put the classes in order.
    """
    z = np.asarray(logits, np.float64)
    classes = [z[np.asarray(labels) == label] for label in (NEGATIVE, NEUTRAL, POSITIVE)]
    for label, values in zip((NEGATIVE, NEUTRAL, POSITIVE), classes, strict=True):
        if len(values) < MIN_TEXTS:
            raise DataError(
                f"there are {len(values)} {_NAMES[label]} texts; cut points need at least {MIN_TEXTS} of each class",
                field="labels",
            )
    medians = [float(np.median(values)) for values in classes]
    if medians[0] >= medians[2]:
        raise DataError(
            f"the median logit of negative texts is {medians[0]:.3g} and that of positive ones {medians[2]:.3g}: the "
            "logits do not put the classes in order; check the labels",
            field="labels",
        )
    start = np.array([(np.median(classes[0]) + np.median(classes[2])) / 2, 0.5])
    found = minimize(_loss, start, args=(classes,), jac=True, method="BFGS", options={"gtol": 1e-9})
    middle, half = float(found.x[0]), float(np.exp(found.x[1]))
    negative, positive = middle - half, middle + half
    if not np.isfinite(found.fun) or half < 1e-3 or max(abs(negative), abs(positive)) > _LIMIT:
        raise DataError(
            f"the cut points have no maximum of the likelihood within ±{_LIMIT:g} (reached {negative:.3g} and "
            f"{positive:.3g}): the logits do not put the classes in order; check the labels",
            field="labels",
        )
    return CutPoints(round(negative, 6), round(positive, 6))


def _loss(parameters: NDArray[np.float64], classes: list[NDArray[np.float64]]) -> tuple[float, NDArray[np.float64]]:
    """Return the balanced cross-entropy and its gradient, for the middle of the cut points and half their distance.

    The logarithm of the half distance keeps the cut points in order without a constraint.
    """
    half = np.exp(min(parameters[1], 10.0))
    low, high = parameters[0] - half, parameters[0] + half
    below, between, above = classes
    width = 2 * half
    # P(neutral) = sigmoid(z - low) * sigmoid(high - z) * (1 - exp(-width)), which has no cancellation
    loss = (
        np.logaddexp(0, below - low).mean()
        + np.logaddexp(0, high - above).mean()
        + (np.logaddexp(0, low - between) + np.logaddexp(0, between - high)).mean()
        - np.log(-np.expm1(-width))
    )
    gap = 1 / np.expm1(width)  # the derivative of log(1 - exp(-width))
    by_low = -sigmoid(below - low).mean() + sigmoid(low - between).mean() + gap
    by_high = sigmoid(high - above).mean() - sigmoid(between - high).mean() - gap
    return float(loss), np.array([by_low + by_high, half * (by_high - by_low)])


def measure_three_way(texts: ScoredTexts, cut_points: CutPoints) -> ThreeWayMetrics:
    """Measure the predictions with three labels on labelled texts."""
    predicted = texts.verdicts(cut_points)[0]
    confusion = np.zeros((3, 3), np.int64)
    np.add.at(confusion, (texts.labels + 1, predicted + 1), 1)
    support, hits = confusion.sum(axis=1), np.diag(confusion)
    recall = {
        _NAMES[label]: round(100 * float(hits[label + 1] / support[label + 1]), 4) if support[label + 1] else None
        for label in (NEGATIVE, NEUTRAL, POSITIVE)
    }
    known = [value for value in recall.values() if value is not None]
    return ThreeWayMetrics(
        texts={_NAMES[label]: int(support[label + 1]) for label in (NEGATIVE, NEUTRAL, POSITIVE)},
        recall=recall,
        macro_recall=round(float(np.mean(known)), 4) if len(known) == 3 else None,
        accuracy=round(100 * float(hits.sum() / len(texts)), 4),
        confusion=confusion.tolist(),
    )
