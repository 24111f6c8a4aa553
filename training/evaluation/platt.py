"""Platt scaling: the temperature and the shift that calibrate a model's logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

# A temperature beyond these limits means that the logits separate the labels or are unrelated to them.
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0

# The smallest number of reviews to fit on: with fewer, the result would be mostly chance.
MIN_REVIEWS = 200


@dataclass(frozen=True)
class Platt:
    """A calibrated logit is `logit / temperature + shift`.

    Attributes:
        temperature: A value above 1 makes predictions less confident, a value below 1 more confident.
        shift: A value above 0 makes all predictions more positive.
        note: Why the values are 1 and 0; empty if they were fitted.
    """

    temperature: float = 1.0
    shift: float = 0.0
    note: str = ""


def fit_platt(logits: NDArray[Any], labels: NDArray[Any]) -> Platt:
    """Fit the temperature T and the shift s that minimize the cross-entropy of σ(logit / T + s) (Platt 1999).

    This is the logistic regression of the labels on the logits with slope 1/T and intercept s. With s = 0 it would be
    the temperature scaling of Guo et al. 2017 (arXiv:1706.04599), which cannot correct a bias towards one label.

    Args:
        logits: [N], the logits of reviews that the model was not trained on.
        labels: [N], 0 or 1.

    Returns:
        T within [MIN_TEMPERATURE, MAX_TEMPERATURE] and s; 1 and 0 with a note if there are fewer than `MIN_REVIEWS`
        reviews, if all have one label, or if the minimum lies outside these limits.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(labels, np.int8)
    if len(z) < MIN_REVIEWS:
        return Platt(
            note=f"{len(z)} validation reviews are too few to calibrate with; at least {MIN_REVIEWS} are needed"
        )
    if y.min() == y.max():
        return Platt(note=f"all {len(z)} validation reviews have the same label, so the model cannot be calibrated")
    slope, spread = 0.0, float(z.std())
    if spread > 0:
        # Without a penalty (C = ∞); on logits of unit variance the solver's tolerance means the same for every model.
        regression = LogisticRegression(C=np.inf, solver="newton-cg", tol=1e-12).fit(z[:, None] / spread, y)
        slope, shift = float(regression.coef_[0, 0]) / spread, float(regression.intercept_[0])
    if not 1 / MAX_TEMPERATURE < slope < 1 / MIN_TEMPERATURE:
        return Platt(
            note=f"the cross-entropy of the validation reviews has no minimum at a temperature from "
            f"{MIN_TEMPERATURE:g} to {MAX_TEMPERATURE:g}: their logits separate the labels or are unrelated to them"
        )
    return Platt(1 / slope, shift)
