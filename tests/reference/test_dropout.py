"""Dropout with a given mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.dropout import dropout_backward, dropout_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


@pytest.mark.parametrize("per_step", [True, False])
@drawn
@given(d=draws())
def test_gradients_equal_central_differences(per_step: bool, d: Draw) -> None:
    x, dy = d.normal(d.batch, d.time, d.features), d.normal(d.batch, d.time, d.features)
    keep = (d.rng.random((d.batch, d.time if per_step else 1, d.features)) >= 0.4).astype(float)
    _, cache = dropout_forward(x, keep, 0.4)
    check_gradients(
        lambda: float((dropout_forward(x, keep, 0.4)[0] * dy).sum()), {"x": x}, {"x": dropout_backward(dy, cache)}
    )


def test_what_is_kept_is_scaled_so_that_the_mean_stays() -> None:
    y, _ = dropout_forward(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.0, 1.0, 1.0]), 0.25)
    np.testing.assert_allclose(y, [4 / 3, 0, 4, 16 / 3], rtol=1e-15)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_outside_the_range_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate is"):
        dropout_forward(np.ones(2), np.ones(2), rate)


def test_float32_stays_float32() -> None:
    y, cache = dropout_forward(as_float32(np.ones(2)), np.ones(2), 0.5)
    assert dtypes((y, dropout_backward(y, cache))) == {"float32"}
