"""The two numbers that make a model's logits probabilities that can be believed; runs no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
"""Temperatures beyond these are refused: they belong to labels that the logits separate, or do not follow at all."""

MIN_REVIEWS = 200
"""Reviews below which nothing is fitted: the numbers of so few would be mostly chance."""


@dataclass(frozen=True)
class Platt:
    """A calibrated logit is `logit / temperature + shift`.

    Attributes:
        temperature: above 1 it makes verdicts less sure, below 1 surer.
        shift: above 0 it makes all verdicts more positive.
        note: why they are 1 and 0; empty where they were fitted.
    """

    temperature: float = 1.0
    shift: float = 0.0
    note: str = ""


def fit_platt(logits: NDArray[Any], labels: NDArray[Any]) -> Platt:
    """Platt scaling (Platt 1999): the temperature T and shift s of least cross-entropy of σ(logit / T + s).

    With a slope β = 1/T the cross-entropy is convex in β and s. With s = 0 it would be the temperature scaling of Guo
    et al. 2017 (arXiv:1706.04599), which cannot mend a lean towards one of the labels.

    Args:
        logits: [N] on reviews that the model was not fitted on.
        labels: [N], 0 or 1.

    Returns:
        T within [MIN_TEMPERATURE, MAX_TEMPERATURE] and s; 1 and 0 with a note where there are fewer than `MIN_REVIEWS` reviews, where one
        label is missing, and where the lowest cross-entropy lies beyond those bounds.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    if len(z) < MIN_REVIEWS:
        return Platt(note=f"{len(z)} validation reviews are too few to calibrate by; {MIN_REVIEWS} would do")
    if y.min() == y.max():
        return Platt(note=f"all {len(z)} validation reviews have one label: nothing can be calibrated by them")
    spread = float(z.std())
    slope, shift = _logistic(z / spread, y) if spread > 0 else (0.0, 0.0)
    if not 1 / MAX_TEMPERATURE < slope / (spread or 1.0) < 1 / MIN_TEMPERATURE:
        return Platt(
            note=f"the cross-entropy of the validation reviews is lowest at no temperature from {MIN_TEMPERATURE:g} to "
            f"{MAX_TEMPERATURE:g}: their logits separate the labels, or do not follow them",
        )
    return Platt(spread / slope, shift)


def _logistic(z: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of y on z, by Newton's method."""
    design = np.stack([z, np.ones_like(z)])

    def probabilities(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(0.5 * (weights @ design))  # σ, which overflows for no logit
        return found

    def loss(weights: NDArray[np.float64]) -> float:
        margins = np.where(y == 1, 1, -1) * (weights @ design)
        return float(np.logaddexp(0, -margins).mean())

    def gradient(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = design @ (probabilities(weights) - y) / len(y)
        return found

    def hessian(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        p = probabilities(weights)
        found: NDArray[np.float64] = (design * (p * (1 - p))) @ design.T / len(y)
        return found

    found = minimize(loss, np.zeros(2), jac=gradient, hess=hessian, method="trust-exact", options={"gtol": 1e-12})
    slope, shift = found.x
    return float(slope), float(shift)
