"""The one number that a model's logits are divided by so that its probabilities can be believed; runs no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

SMALLEST, LARGEST = 0.05, 20.0
"""Temperatures beyond these are refused: they belong to labels that the logits separate, or do not follow at all."""

FEWEST = 200
"""Reviews below which nothing is fitted: the temperature of so few would be mostly chance."""


@dataclass(frozen=True)
class Temperature:
    """A temperature, and why it is 1 if it could not be fitted.

    Attributes:
        value: above 1 it makes verdicts less sure, below 1 surer.
        note: empty where it was fitted.
    """

    value: float
    note: str = ""


def fit_temperature(logits: NDArray[Any], labels: NDArray[Any]) -> Temperature:
    """The temperature T at which the cross-entropy of σ(logit / T) is lowest (Guo et al. 2017, arXiv:1706.04599).

    With β = 1/T the cross-entropy is convex, and its slope, mean(logit · (σ(β · logit) − label)), rises with β: one
    root is all there is to find.

    Args:
        logits: [N] on reviews that the model was not fitted on.
        labels: [N], 0 or 1.

    Returns:
        T within [SMALLEST, LARGEST]; 1 with a note where there are fewer than `FEWEST` reviews, where one label is
        missing, and where the lowest cross-entropy lies beyond those bounds.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    if len(z) < FEWEST:
        return Temperature(1.0, f"{len(z)} validation reviews are too few to fit a temperature; {FEWEST} would do")
    if y.min() == y.max():
        return Temperature(1.0, f"all {len(z)} validation reviews have one label: no temperature can be fitted")

    def slope(beta: float) -> float:
        probability = 0.5 + 0.5 * np.tanh(0.5 * beta * z)  # σ, which overflows for no logit
        return float(np.mean(z * (probability - y)))

    if not slope(1 / LARGEST) < 0 < slope(1 / SMALLEST):
        return Temperature(
            1.0,
            f"the cross-entropy of the validation reviews is lowest at no temperature from {SMALLEST:g} to "
            f"{LARGEST:g}: their logits separate the labels, or do not follow them",
        )
    return Temperature(float(1 / brentq(slope, 1 / LARGEST, 1 / SMALLEST, xtol=1e-10)))
