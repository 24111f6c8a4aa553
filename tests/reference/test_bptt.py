"""The general backpropagation through time, against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiline.reference.activations import LINEAR, SIGMOID, TANH, Activation
from sentiline.reference.bptt import Layout, rnn_backpropagation
from tests.reference.gradients import Draw, check_gradients, drawn, draws

ERRORS = {
    "squared": (lambda y, y_hat: (y_hat - y) ** 2, lambda y, y_hat: 2 * (y_hat - y)),
    "logistic": (
        lambda y, y_hat: np.logaddexp(0, y_hat) - y * y_hat,
        lambda y, y_hat: 1 / (1 + np.exp(-y_hat)) - y,
    ),
    "fourth power": (lambda y, y_hat: (y_hat - y) ** 4, lambda y, y_hat: 4 * (y_hat - y) ** 3),
}


@pytest.mark.parametrize("activation", [TANH, SIGMOID, LINEAR], ids=["tanh", "sigmoid", "linear"])
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
@drawn
@given(
    d=draws(max_time=5), outputs=st.integers(1, 3), spare=st.integers(0, 2), layout=st.sampled_from(["rows", "columns"])
)
def test_gradients_equal_central_differences(
    activation: Activation, error: tuple, d: Draw, outputs: int, spare: int, layout: Layout
) -> None:
    e, e_prime = error
    weights = {
        "W": 0.5 * d.normal(d.units, d.units),
        "U": d.normal(d.units, d.features),
        "V": 0.5 * d.normal(outputs, d.units),
    }
    x, y = d.normal(d.features, d.time + spare), d.normal(outputs, d.time + spare)

    def loss() -> float:
        h, total = np.zeros(d.units), 0.0
        for t in range(d.time):
            h = activation.function(weights["U"] @ x[:, t] + weights["W"] @ h)
            total += float(e(y[:, t], weights["V"] @ h).sum())
        return total

    gradients = rnn_backpropagation(
        *weights.values(),
        *((x, y) if layout == "columns" else (x.T, y.T)),
        d.time,
        activation.function,
        activation.derivative,
        e_prime,
        layout,
    )
    check_gradients(loss, weights, dict(zip(weights, gradients, strict=True)))


def test_the_target_comes_before_the_output_in_the_derivative_of_the_error() -> None:
    calls = []

    def e_prime(target: np.ndarray, output: np.ndarray) -> np.ndarray:
        calls.append((target.item(), output.item()))
        return output - target

    one = np.ones((1, 1))
    rnn_backpropagation(one, one, 2 * one, 3 * one, 7 * one, 1, *LINEAR, e_prime)
    assert calls == [(7.0, 6.0)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k": 4}, "k = 4 do not fit"),
        ({"x": np.ones((3, 3))}, r"x \(3, 3\).* do not fit.*x \[≥ 3, 2\] and y \[≥ 3, 1\]"),
        ({"V": np.ones((1, 3))}, r"V has shape \(1, 3\); it must be \[O, U\] with U = 2"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(wrong: dict, message: str) -> None:
    arguments = {
        "W": np.ones((2, 2)),
        "U": np.ones((2, 2)),
        "V": np.ones((1, 2)),
        "x": np.ones((2, 3)),
        "y": np.ones((1, 3)),
        "k": 3,
    } | wrong
    with pytest.raises(ValueError, match=message):
        rnn_backpropagation(*arguments.values(), *TANH, lambda y, y_hat: y_hat - y)


def test_rows_columns_and_column_vectors_are_one_sequence() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in ((2, 2), (2, 3), (1, 2))]
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 1))
    layouts = [(x, y), (x.T, y.T), (x[:, :, None], y[:, :, None]), ([[[v] for v in row] for row in x], y[:, :, None])]
    results = [rnn_backpropagation(*weights, *pair, 4, *TANH, lambda y, y_hat: y_hat - y) for pair in layouts]
    for result in results[1:]:
        for ours, first in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(ours, first)


def test_shapes_that_fit_both_layouts_are_ambiguous_until_one_is_named() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(2, 2)) for _ in range(3)]
    x, y = rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
    with pytest.raises(ValueError, match=r'fit both layouts.*layout="rows" or layout="columns"'):
        rnn_backpropagation(*weights, x, y, 2, *TANH, lambda y, y_hat: y_hat - y)
    rows = rnn_backpropagation(*weights, x, y, 2, *TANH, lambda y, y_hat: y_hat - y, layout="rows")
    columns = rnn_backpropagation(*weights, x.T, y.T, 2, *TANH, lambda y, y_hat: y_hat - y, layout="columns")
    for one, other in zip(rows, columns, strict=True):
        np.testing.assert_array_equal(one, other)
