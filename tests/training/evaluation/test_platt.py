"""Platt scaling finds known scalings and shifts and agrees with a plain search; without a solution it says why."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluation.platt import MIN_REVIEWS, fit_platt


def _drawn(count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Calibrated logits: each label is drawn with the probability that its logit states."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, count)
    return logits, (generator.random(count) < 1 / (1 + np.exp(-logits))).astype(np.int8)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("shift", [-1.2, 0.0, 0.3])
def test_a_known_scaling_and_shift_are_recovered(scale: float, shift: float) -> None:
    logits, labels = _drawn(40_000)
    found = fit_platt(scale * (logits - shift), labels)
    assert found.temperature == pytest.approx(scale, rel=0.03)
    assert found.shift == pytest.approx(shift, abs=0.06)


def test_platt_scaling_is_exactly_equivariant() -> None:
    logits, labels = _drawn(500)
    base, other = fit_platt(logits, labels), fit_platt(3 * (logits - 2), labels)
    assert other.temperature == pytest.approx(3 * base.temperature, rel=1e-6)
    assert other.shift == pytest.approx(base.shift + 2 / base.temperature, rel=1e-6)


def test_nothing_else_has_a_lower_cross_entropy() -> None:
    logits, labels = _drawn(300)
    logits = 2.5 * logits + 1
    platt = fit_platt(logits, labels)

    def loss(temperature: float, shift: float) -> float:
        z = logits / temperature + shift
        return float(np.logaddexp(0, -np.where(labels == 1, z, -z)).mean())

    searched = [
        loss(temperature, shift) for temperature in np.geomspace(0.5, 8, 100) for shift in np.linspace(-2, 1, 99)
    ]
    assert loss(platt.temperature, platt.shift) <= min(searched) + 1e-12
    assert min(searched) < loss(platt.temperature, platt.shift) + 1e-3
    assert platt.note == ""


@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_of_the_cross_entropy_vanishes(seed: int) -> None:
    logits, labels = _drawn(2_511, seed)
    logits = (1.5 + seed) * logits - seed
    platt = fit_platt(logits, labels)
    errors = 1 / (1 + np.exp(-(logits / platt.temperature + platt.shift))) - labels
    np.testing.assert_allclose([errors.mean(), (errors * logits).mean() / logits.std()], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("logits", "labels", "note"),
    [
        (*_drawn(MIN_REVIEWS - 1), "199 validation reviews are too few"),
        (np.zeros(0), np.zeros(0), "0 validation reviews are too few"),
        (np.linspace(-1, 1, 300), np.ones(300), "all 300 validation reviews have the same label"),
        (np.linspace(-1, 1, 300), np.linspace(-1, 1, 300) > 0, "separate the labels or are unrelated to them"),
        (np.linspace(-1, 1, 300), np.linspace(-1, 1, 300) < 0, "separate the labels or are unrelated to them"),
        (np.zeros(300), np.arange(300) % 2, "separate the labels or are unrelated to them"),
    ],
    ids=["few", "none", "one label", "separated", "opposite", "constant"],
)
def test_what_cannot_be_fitted_is_left_and_says_why(
    logits: NDArray[np.float64], labels: NDArray[np.int8], note: str
) -> None:
    platt = fit_platt(logits, labels)
    assert (platt.temperature, platt.shift) == (1, 0)
    assert note in platt.note
