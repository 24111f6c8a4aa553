"""The fitted temperature against known scalings and a plain search; what cannot be fitted is left at 1 and says so."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.temperature import FEWEST, fit_temperature


def _drawn(count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Calibrated logits: each label is drawn with the probability that its logit states."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, count)
    return logits, (generator.random(count) < 1 / (1 + np.exp(-logits))).astype(np.int8)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7, 4.0])
def test_a_known_scaling_is_recovered(scale: float) -> None:
    logits, labels = _drawn(40_000)
    assert fit_temperature(scale * logits, labels).value == pytest.approx(scale, rel=0.03)


def test_it_is_exactly_equivariant() -> None:
    logits, labels = _drawn(500)
    base = fit_temperature(logits, labels).value
    assert fit_temperature(3 * logits, labels).value == pytest.approx(3 * base, rel=1e-6)


def test_no_other_temperature_has_a_lower_cross_entropy() -> None:
    logits, labels = _drawn(300)
    fitted = fit_temperature(2.5 * logits, labels)

    def loss(temperature: float) -> float:
        margins = np.where(labels == 1, 2.5 * logits, -2.5 * logits) / temperature
        return float(np.logaddexp(0, -margins).mean())

    searched = np.geomspace(0.1, 10, 400)
    assert loss(fitted.value) <= min(map(loss, searched)) + 1e-12
    assert fitted.note == ""


@pytest.mark.parametrize(
    ("logits", "labels", "note"),
    [
        (*_drawn(FEWEST - 1), "199 validation reviews are too few"),
        (np.zeros(0), np.zeros(0), "0 validation reviews are too few"),
        (np.linspace(-1, 1, 300), np.ones(300), "all 300 validation reviews have one label"),
        (np.linspace(-1, 1, 300), np.linspace(-1, 1, 300) > 0, "separate the labels, or do not follow them"),
        (np.linspace(-1, 1, 300), np.linspace(-1, 1, 300) < 0, "separate the labels, or do not follow them"),
        (np.zeros(300), np.arange(300) % 2, "separate the labels, or do not follow them"),
    ],
    ids=["few", "none", "one label", "separated", "opposite", "constant"],
)
def test_what_cannot_be_fitted_is_one_and_says_why(
    logits: NDArray[np.float64], labels: NDArray[np.int8], note: str
) -> None:
    fitted = fit_temperature(logits, labels)
    assert fitted.value == 1
    assert note in fitted.note
