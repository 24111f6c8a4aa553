"""Calibration of probabilities, and the error rate as the least confident predictions are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.evaluation import metrics

BINS = 15
# The shares of the reviews, most confident first, for which the error rate is recorded, in percent.
COVERAGES = tuple(range(5, 101, 5))


@dataclass(frozen=True)
class Calibration:
    """The calibration of one model on labelled reviews.

    Attributes:
        ece: The expected calibration error in percentage points: the mean difference between P(positive) and the share
            of positive reviews, over `BINS` bins of equal width, weighted by their numbers of reviews (Naeini et al.
            2015).
        chance: The mean error, in percentage points, over labels drawn with these very probabilities: what a perfectly
            calibrated model would show. It falls with the number of reviews.
        reviews: The number of reviews in each bin.
        predicted: The mean P(positive) of each bin; None for an empty bin.
        observed: The share of positive reviews in each bin; None for an empty bin.
        risk: The error rate in percent among the most confident 5, 10, …, 100 % of the reviews (`COVERAGES`).
    """

    ece: float
    chance: float
    reviews: list[int]
    predicted: list[float | None]
    observed: list[float | None]
    risk: list[float]


def measure_calibration(labels: NDArray[np.bool_], positive: NDArray[np.float64]) -> Calibration:
    """Measure the calibration of a model.

    Args:
        labels: [N], whether each review is positive; N is at least 1.
        positive: [N], P(positive).
    """
    bins = metrics.calibration_bins(labels, positive, BINS)
    return Calibration(
        ece=round(100 * metrics.expected_calibration_error(bins), 4),
        chance=round(expected_error_by_chance(positive), 4),
        reviews=[one.count for one in bins],
        predicted=[_rounded(one.predicted) for one in bins],
        observed=[_rounded(one.observed) for one in bins],
        risk=risk_by_coverage(labels, positive),
    )


def expected_error_by_chance(positive: NDArray[np.float64], draws: int = 100, seed: int = 0) -> float:
    """Return the mean calibration error, in percentage points, over labels drawn with the probabilities themselves."""
    generator = np.random.default_rng(seed)
    drawn = (generator.random(len(positive)) < positive for _ in range(draws))
    errors = [metrics.expected_calibration_error(metrics.calibration_bins(labels, positive, BINS)) for labels in drawn]
    return 100 * float(np.mean(errors))


def risk_by_coverage(labels: NDArray[np.bool_], positive: NDArray[np.float64]) -> list[float]:
    """Return the error rate in percent among the most confident reviews, at least one, for each of `COVERAGES`."""
    order = np.argsort(-np.maximum(positive, 1 - positive), kind="stable")
    wrong = np.cumsum(((positive >= 0.5) != labels)[order])
    counts = [max(1, round(len(order) * coverage / 100)) for coverage in COVERAGES]
    return [round(100 * float(wrong[count - 1]) / count, 4) for count in counts]


def _rounded(value: float | None) -> Any:
    return None if value is None else round(value, 4)
