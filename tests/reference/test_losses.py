"""Losses against central differences and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.losses import (
    binary_cross_entropy_backward,
    binary_cross_entropy_forward,
    mean_squared_error_backward,
    mean_squared_error_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
)
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes

weighted = pytest.mark.parametrize("weighted", [False, True])


@weighted
@drawn
@given(d=draws())
def test_mean_squared_error_gradients(weighted: bool, d: Draw) -> None:
    y_hat, y = d.normal(d.batch, d.time), d.normal(d.batch, d.time)
    weights = d.rng.random((d.batch, d.time)) + 0.1 if weighted else None
    _, cache = mean_squared_error_forward(y_hat, y, weights)
    check_gradients(
        lambda: float(1.5 * mean_squared_error_forward(y_hat, y, weights)[0]),
        {"y_hat": y_hat},
        {"y_hat": mean_squared_error_backward(1.5, cache)},
    )


@weighted
@drawn
@given(d=draws())
def test_binary_cross_entropy_gradients(weighted: bool, d: Draw) -> None:
    logits, labels = d.normal(d.batch, d.time), d.rng.random((d.batch, d.time))
    logits += np.sign(logits) * 0.01  # the formula has its seam at 0, across which it stays smooth but the test steps
    weights = d.rng.random((d.batch, d.time)) + 0.1 if weighted else None
    _, cache = binary_cross_entropy_forward(logits, labels, weights)
    check_gradients(
        lambda: float(1.5 * binary_cross_entropy_forward(logits, labels, weights)[0]),
        {"logits": logits},
        {"logits": binary_cross_entropy_backward(1.5, cache)},
    )


@weighted
@drawn
@given(d=draws())
def test_softmax_cross_entropy_gradients(weighted: bool, d: Draw) -> None:
    logits, labels = d.normal(d.batch, d.time, 3), d.rng.integers(0, 3, (d.batch, d.time))
    weights = d.rng.random((d.batch, d.time)) + 0.1 if weighted else None
    _, cache = softmax_cross_entropy_forward(logits, labels, weights)
    check_gradients(
        lambda: float(1.5 * softmax_cross_entropy_forward(logits, labels, weights)[0]),
        {"logits": logits},
        {"logits": softmax_cross_entropy_backward(1.5, cache)},
    )


def test_values_by_definition() -> None:
    squared, _ = mean_squared_error_forward(np.array([1.0, 4.0, 9.0]), np.array([0.0, 2.0, 0.0]), np.array([1.0, 1, 0]))
    assert squared == pytest.approx(2.5)
    p = 1 / (1 + math.exp(-2))
    binary, _ = binary_cross_entropy_forward(np.array([2.0, 2.0]), np.array([1.0, 0.0]))
    assert binary == pytest.approx(-(math.log(p) + math.log(1 - p)) / 2, rel=1e-14)
    many, _ = softmax_cross_entropy_forward(np.array([[1.0, 2.0, 3.0]]), np.array([1]))
    assert many == pytest.approx(math.log(math.e + math.e**2 + math.e**3) - 2, rel=1e-14)


def test_extreme_logits_do_not_overflow() -> None:
    assert binary_cross_entropy_forward(np.array([-1e4]), np.array([1.0]))[0] == 1e4
    assert softmax_cross_entropy_forward(np.array([[1e4, -1e4]]), np.array([1]))[0] == 2e4


def test_float32_stays_float32() -> None:
    z, y, weights = as_float32((np.ones((2, 3)), np.zeros((2, 3)), np.ones((2, 3))))
    squared, mse = mean_squared_error_forward(z, y, weights)
    binary, bce = binary_cross_entropy_forward(z, y)
    many, sce = softmax_cross_entropy_forward(z, np.array([0, 2]), np.ones(2))
    gradients = (
        mean_squared_error_backward(1.0, mse),
        binary_cross_entropy_backward(1.0, bce),
        softmax_cross_entropy_backward(1.0, sce),
    )
    assert dtypes((squared, binary, many, gradients)) == {"float32"}
