"""How well probabilities agree with what is true, and how errors thin out as unsure verdicts are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.evaluation import metrics

BINS = 15
COVERAGES = tuple(range(5, 101, 5))
"""Percent of the reviews, surest first, of which the risk is recorded."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of one model on labelled reviews.

    Attributes:
        ece: expected calibration error, in percentage points: the mean distance of P(positive) from the share that
            is positive, over `BINS` bins of equal width, weighted by their reviews (Naeini et al. 2015).
        chance: the error that a model with these very probabilities would have if they were exactly right, in
            percentage points: the mean over labels drawn by them. It falls with the number of reviews.
        reviews: how many reviews each bin holds.
        predicted: mean P(positive) of each bin; None where it holds none.
        observed: share of each bin that is positive; None where it holds none.
        risk: errors in percent among the surest 5, 10, …, 100 % (`COVERAGES`).
    """

    ece: float
    chance: float
    reviews: list[int]
    predicted: list[float | None]
    observed: list[float | None]
    risk: list[float]


def measure_calibration(labels: NDArray[np.bool_], positive: NDArray[np.float64]) -> Calibration:
    """Measure it.

    Args:
        labels: [N], what is true; N at least 1.
        positive: [N], P(positive).
    """
    bins = metrics.calibrate(labels, positive, BINS)
    return Calibration(
        ece=round(100 * metrics.expected_calibration_error(bins), 4),
        chance=round(expected_error_by_chance(positive), 4),
        reviews=[one.count for one in bins],
        predicted=[_rounded(one.predicted) for one in bins],
        observed=[_rounded(one.observed) for one in bins],
        risk=risk_by_coverage(labels, positive),
    )


def expected_error_by_chance(positive: NDArray[np.float64], draws: int = 100, seed: int = 0) -> float:
    """Mean calibration error, in percentage points, over labels drawn with the probabilities themselves."""
    generator = np.random.default_rng(seed)
    drawn = (generator.random(len(positive)) < positive for _ in range(draws))
    errors = [metrics.expected_calibration_error(metrics.calibrate(labels, positive, BINS)) for labels in drawn]
    return 100 * float(np.mean(errors))


def risk_by_coverage(labels: NDArray[np.bool_], positive: NDArray[np.float64]) -> list[float]:
    """Errors in percent among the surest reviews, for each of `COVERAGES`; at least one review each."""
    order = np.argsort(-np.maximum(positive, 1 - positive), kind="stable")
    wrong = np.cumsum(((positive >= 0.5) != labels)[order])
    counts = [max(1, round(len(order) * coverage / 100)) for coverage in COVERAGES]
    return [round(100 * float(wrong[count - 1]) / count, 4) for count in counts]


def _rounded(value: float | None) -> Any:
    return None if value is None else round(value, 4)
