"""The LSTM cell against its equations and against central differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.activations import SIGMOID, TANH, Activation
from sentiline.reference.lstm import lstm_cell_backward, lstm_cell_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


def _sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def test_one_unit_by_hand() -> None:
    params = {
        "W": np.array([[0.1, 0.2, 0.3, 0.4]]),
        "U": np.array([[-0.5, 0.6, 0.7, -0.8]]),
        "b": np.array([0.01, 0.02, 0.03, 0.04]),
    }
    x, h_prev, c_prev = 2.0, 0.5, -0.25
    i, f, o = _sigmoid(0.2 - 0.25 + 0.01), _sigmoid(0.4 + 0.3 + 0.02), _sigmoid(0.8 - 0.4 + 0.04)
    c_hand = f * c_prev + i * math.tanh(0.6 + 0.35 + 0.03)
    h, c, _ = lstm_cell_forward(np.array([[x]]), np.array([[h_prev]]), np.array([[c_prev]]), params)
    assert c.item() == pytest.approx(c_hand, abs=1e-15)
    assert h.item() == pytest.approx(o * math.tanh(c_hand), abs=1e-15)


@pytest.mark.parametrize("activation", [TANH, SIGMOID], ids=["tanh", "sigmoid"])
@pytest.mark.parametrize("biases", [(), ("b",)])
@drawn
@given(d=draws())
def test_gradients_equal_central_differences(activation: Activation, biases: tuple[str, ...], d: Draw) -> None:
    params = d.cell_params(4, *biases)
    x = d.normal(d.batch, d.features)
    h_prev, c_prev, dh, dc = (d.normal(d.batch, d.units) for _ in range(4))

    def loss() -> float:
        h, c, _ = lstm_cell_forward(x, h_prev, c_prev, params, activation)
        return float((h * dh).sum() + (c * dc).sum())

    *_, cache = lstm_cell_forward(x, h_prev, c_prev, params, activation)
    dx, dh_prev, dc_prev, dparams = lstm_cell_backward(dh, dc, cache)
    check_gradients(
        loss,
        {"x": x, "h_prev": h_prev, "c_prev": c_prev, **params},
        {"x": dx, "h_prev": dh_prev, "c_prev": dc_prev, **dparams},
    )


def test_float32_stays_float32() -> None:
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(2, 12)), "U": rng.normal(size=(3, 12)), "b": rng.normal(size=12)}
    x, state, params = as_float32((rng.normal(size=(4, 2)), rng.normal(size=(4, 3)), params))
    h, c, cache = lstm_cell_forward(x, state, state, params)
    assert dtypes((h, c, lstm_cell_backward(h, c, cache))) == {"float32"}
