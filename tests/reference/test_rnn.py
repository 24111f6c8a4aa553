"""The Elman cell against its equation and against central differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.activations import LINEAR, RELU, SIGMOID, TANH, Activation
from sentiline.reference.rnn import rnn_cell_backward, rnn_cell_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes

BIASES: list[tuple[str, ...]] = [(), ("b",)]


def test_one_unit_by_hand() -> None:
    params = {"W": np.array([[0.5], [-1.0]]), "U": np.array([[2.0]]), "b": np.array([0.25])}
    h, _ = rnn_cell_forward(np.array([[1.0, 0.5]]), np.array([[0.125]]), params)
    assert h[0, 0] == pytest.approx(math.tanh(0.5 - 0.5 + 0.25 + 0.25), abs=1e-15)


@pytest.mark.parametrize("activation", [TANH, SIGMOID, RELU, LINEAR], ids=["tanh", "sigmoid", "relu", "linear"])
@pytest.mark.parametrize("biases", BIASES)
@drawn
@given(d=draws())
def test_gradients_equal_central_differences(activation: Activation, biases: tuple[str, ...], d: Draw) -> None:
    params = d.cell_params(1, *biases)
    x, h_prev, dh = d.normal(d.batch, d.features), d.normal(d.batch, d.units), d.normal(d.batch, d.units)

    def loss() -> float:
        return float((rnn_cell_forward(x, h_prev, params, activation)[0] * dh).sum())

    _, cache = rnn_cell_forward(x, h_prev, params, activation)
    dx, dh_prev, dparams = rnn_cell_backward(dh, cache)
    check_gradients(loss, {"x": x, "h_prev": h_prev, **params}, {"x": dx, "h_prev": dh_prev, **dparams})


def test_float32_stays_float32() -> None:
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(2, 3)), "U": rng.normal(size=(3, 3)), "b": rng.normal(size=3)}
    x, h_prev, params = as_float32((rng.normal(size=(4, 2)), rng.normal(size=(4, 3)), params))
    h, cache = rnn_cell_forward(x, h_prev, params)
    assert dtypes((h, rnn_cell_backward(h, cache))) == {"float32"}
