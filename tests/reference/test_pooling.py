"""Pooling over timesteps against central differences."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from sentiline.reference.pooling import (
    attention_pool_backward,
    attention_pool_forward,
    attention_weights,
    max_pool_backward,
    max_pool_forward,
    mean_pool_backward,
    mean_pool_forward,
)
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


@drawn
@given(draws())
def test_mean_gradients(d: Draw) -> None:
    h, dpooled = d.normal(d.batch, d.time, d.units), d.normal(d.batch, d.units)
    _, cache = mean_pool_forward(h, d.lengths)
    check_gradients(
        lambda: float((mean_pool_forward(h, d.lengths)[0] * dpooled).sum()),
        {"h": h},
        {"h": mean_pool_backward(dpooled, cache)},
    )


@drawn
@given(draws())
def test_max_gradients(d: Draw) -> None:
    # distinct values a tenth apart: at a tie the maximum has no derivative
    h = d.rng.permutation(d.batch * d.time * d.units).reshape(d.batch, d.time, d.units) / 10
    dpooled = d.normal(d.batch, d.units)
    _, cache = max_pool_forward(h, d.lengths)
    check_gradients(
        lambda: float((max_pool_forward(h, d.lengths)[0] * dpooled).sum()),
        {"h": h},
        {"h": max_pool_backward(dpooled, cache)},
    )


@drawn
@given(draws())
def test_attention_gradients(d: Draw) -> None:
    h, u, dpooled = d.normal(d.batch, d.time, d.units), d.normal(d.units), d.normal(d.batch, d.units)
    _, cache = attention_pool_forward(h, u, d.lengths)
    dh, du = attention_pool_backward(dpooled, cache)
    check_gradients(
        lambda: float((attention_pool_forward(h, u, d.lengths)[0] * dpooled).sum()),
        {"h": h, "u": u},
        {"h": dh, "u": du},
    )


def test_values_by_hand() -> None:
    h, lengths = np.array([[[1.0, -4.0], [3.0, -2.0], [100.0, 100.0]]]), np.array([2])
    np.testing.assert_allclose(mean_pool_forward(h, lengths)[0], [[2, -3]])
    np.testing.assert_allclose(max_pool_forward(h, lengths)[0], [[3, -2]])
    u = np.array([np.log(3) / 2, 0.0])  # weights 1 : 3
    np.testing.assert_allclose(attention_weights(h, u, lengths), [[0.25, 0.75, 0]], rtol=1e-14)
    np.testing.assert_allclose(attention_pool_forward(h, u, lengths)[0], [[2.5, -2.5]], rtol=1e-14)


def test_float32_stays_float32() -> None:
    h, u = as_float32((np.random.default_rng(0).normal(size=(2, 3, 4)), np.ones(4)))
    lengths = np.array([2, 3])
    mean, averaged = mean_pool_forward(h, lengths)
    largest, won = max_pool_forward(h, lengths)
    attended, weighed = attention_pool_forward(h, u, lengths)
    backward = (
        mean_pool_backward(mean, averaged),
        max_pool_backward(mean, won),
        attention_pool_backward(mean, weighed),
    )
    assert dtypes((mean, largest, attended, backward)) == {"float32"}
