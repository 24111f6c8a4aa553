"""The gated recurrent unit in all its forms, against its equations and against central differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.activations import SIGMOID
from sentiline.reference.gru import Reset, Update, gru_cell_backward, gru_cell_forward
from sentiline.reference.notebook import gru_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes

FORMS = [(update, reset) for update in ("keep", "take") for reset in ("before", "after")]
BIASES: list[tuple[str, ...]] = [(), ("b",), ("b", "b_recurrent"), ("b_recurrent",)]


def _sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


@pytest.mark.parametrize(("update", "reset"), FORMS)
def test_one_unit_by_hand(update: Update, reset: Reset) -> None:
    params = {
        "W": np.array([[0.1, 0.2, 0.3]]),
        "U": np.array([[-0.5, 0.6, 0.7]]),
        "b": np.array([0.01, 0.02, 0.03]),
        "b_recurrent": np.array([0.04, -0.05, 0.6]),
    }
    h_prev = 0.5
    z, r = _sigmoid(0.2 - 0.25 + 0.05), _sigmoid(0.4 + 0.3 - 0.03)
    recurrent = r * h_prev * 0.7 + 0.6 if reset == "before" else r * (h_prev * 0.7 + 0.6)
    candidate = math.tanh(0.6 + 0.03 + recurrent)
    by_hand = z * h_prev + (1 - z) * candidate if update == "keep" else (1 - z) * h_prev + z * candidate
    h, _ = gru_cell_forward(np.array([[2.0]]), np.array([[h_prev]]), params, update, reset)
    assert h.item() == pytest.approx(by_hand, abs=1e-15)


@pytest.mark.parametrize(("update", "reset"), FORMS)
@pytest.mark.parametrize("biases", BIASES)
@drawn
@given(d=draws())
def test_gradients_equal_central_differences(update: Update, reset: Reset, biases: tuple[str, ...], d: Draw) -> None:
    params = d.cell_params(3, *biases)
    x, h_prev, dh = d.normal(d.batch, d.features), d.normal(d.batch, d.units), d.normal(d.batch, d.units)

    def loss() -> float:
        return float((gru_cell_forward(x, h_prev, params, update, reset)[0] * dh).sum())

    _, cache = gru_cell_forward(x, h_prev, params, update, reset)
    dx, dh_prev, dparams = gru_cell_backward(dh, cache)
    check_gradients(loss, {"x": x, "h_prev": h_prev, **params}, {"x": dx, "h_prev": dh_prev, **dparams})


@pytest.mark.parametrize("reset", ["before", "after"])
def test_the_update_conventions_are_one_model_with_the_update_gate_negated(reset: Reset) -> None:
    rng = np.random.default_rng(1)
    params = {"W": rng.normal(size=(2, 9)), "U": rng.normal(size=(3, 9)), "b": rng.normal(size=9)}
    x, h_prev = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    negated = {name: np.concatenate([-value[..., :3], value[..., 3:]], axis=-1) for name, value in params.items()}
    keep, _ = gru_cell_forward(x, h_prev, params, "keep", reset)
    take, _ = gru_cell_forward(x, h_prev, negated, "take", reset)
    np.testing.assert_allclose(take, keep, rtol=0, atol=1e-14)


def test_gru_forward_is_the_equations_of_the_paper() -> None:
    rng = np.random.default_rng(2)
    units, features = 3, 2
    inputs, h0 = rng.normal(size=(6, features)), rng.normal(size=units)
    Wz, Wr, W = (rng.normal(size=(units, features)) for _ in range(3))  # noqa: N806
    Uz, Ur, U = (rng.normal(size=(units, units)) for _ in range(3))  # noqa: N806
    states = gru_forward(inputs, h0, Wz, Uz, Wr, Ur, W, U)
    assert states.shape == (6, units)
    h = h0
    for x, state in zip(inputs, states, strict=True):
        z, r = 1 / (1 + np.exp(-(Wz @ x + Uz @ h))), 1 / (1 + np.exp(-(Wr @ x + Ur @ h)))
        h = z * h + (1 - z) * np.tanh(W @ x + U @ (r * h))
        np.testing.assert_allclose(state, h, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(gru_forward(list(inputs), h0, Wz, Uz, Wr, Ur, W, U), states)


@drawn
@given(d=draws())
def test_gradients_with_another_activation(d: Draw) -> None:
    params = d.cell_params(3, "b")
    x, h_prev, dh = d.normal(d.batch, d.features), d.normal(d.batch, d.units), d.normal(d.batch, d.units)

    def loss() -> float:
        return float((gru_cell_forward(x, h_prev, params, activation=SIGMOID)[0] * dh).sum())

    _, cache = gru_cell_forward(x, h_prev, params, activation=SIGMOID)
    dx, dh_prev, dparams = gru_cell_backward(dh, cache)
    check_gradients(loss, {"x": x, "h_prev": h_prev, **params}, {"x": dx, "h_prev": dh_prev, **dparams})


def test_unknown_conventions_are_refused() -> None:
    params = {"W": np.ones((1, 3)), "U": np.ones((1, 3))}
    with pytest.raises(ValueError, match="update is 'cho'"):
        gru_cell_forward(np.ones((1, 1)), np.ones((1, 1)), params, update="cho")  # type: ignore[arg-type]


@pytest.mark.parametrize(("update", "reset"), FORMS)
def test_float32_stays_float32(update: Update, reset: Reset) -> None:
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(2, 9)), "U": rng.normal(size=(3, 9)), "b_recurrent": rng.normal(size=9)}
    x, h_prev, params = as_float32((rng.normal(size=(4, 2)), rng.normal(size=(4, 3)), params))
    h, cache = gru_cell_forward(x, h_prev, params, update, reset)
    assert dtypes((h, gru_cell_backward(h, cache))) == {"float32"}
