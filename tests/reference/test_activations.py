"""Activations, their derivatives, and the softmax."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.activations import LINEAR, RELU, SIGMOID, TANH, Activation, sigmoid, softmax, softmax_backward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


@pytest.mark.parametrize("activation", [TANH, SIGMOID, RELU, LINEAR], ids=["tanh", "sigmoid", "relu", "linear"])
@drawn
@given(d=draws())
def test_derivative_equals_central_differences(activation: Activation, d: Draw) -> None:
    a = d.normal(d.batch, d.units)
    a += np.sign(a) * 0.01  # away from the kink of the rectifier
    weight = d.normal(d.batch, d.units)
    check_gradients(
        lambda: float((activation.function(a) * weight).sum()), {"a": a}, {"a": weight * activation.derivative(a)}
    )
    assert dtypes([activation.function(as_float32(a)), activation.derivative(as_float32(a))]) == {"float32"}


def test_sigmoid_of_extreme_values_neither_overflows_nor_leaves_the_unit_interval() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1e4, -2.0, 0.0, 2.0, 1e4])), [0, 0.11920292, 0.5, 0.88079708, 1])


def test_softmax_normalizes_each_row_however_far_apart_the_rows_are() -> None:
    a = np.array([[1000.0, 1001.0], [-1000.0, -1001.0], [0.0, -np.inf]])
    np.testing.assert_allclose(softmax(a), [[0.26894142, 0.73105858], [0.73105858, 0.26894142], [1, 0]], rtol=1e-7)


@drawn
@given(draws())
def test_softmax_backward_equals_central_differences(d: Draw) -> None:
    a, dp = d.normal(d.batch, d.units + 1), d.normal(d.batch, d.units + 1)
    check_gradients(lambda: float((softmax(a) * dp).sum()), {"a": a}, {"a": softmax_backward(dp, softmax(a))})
