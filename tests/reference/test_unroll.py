"""Unrolling through time: gradients, lengths, initial states, and how much gradient reaches each step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.cell import Cell
from sentiline.reference.gru import gru_cell
from sentiline.reference.heads import head_backward, head_forward
from sentiline.reference.lstm import LSTM
from sentiline.reference.rnn import RNN
from sentiline.reference.unroll import gradient_norms, unroll_backward, unroll_forward
from tests.reference.gradients import Draw, as_float32, central_differences, check_gradients, drawn, draws, dtypes

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": gru_cell(), "gru-take-after": gru_cell("take", "after")}
cells = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())


@cells
@drawn
@given(d=draws())
def test_gradients_equal_central_differences(cell: Cell, d: Draw) -> None:
    params = d.cell_params(cell.gates, "b")
    x, dh = d.normal(d.batch, d.time, d.features), d.normal(d.batch, d.time, d.units)
    initial = [d.normal(d.batch, d.units) for _ in range(cell.states)]
    dfinal = [d.normal(d.batch, d.units) for _ in range(cell.states)]

    def loss() -> float:
        h, final, _ = unroll_forward(cell, x, params, d.lengths, initial)
        return float((h * dh).sum() + sum((s * ds).sum() for s, ds in zip(final, dfinal, strict=True)))

    *_, cache = unroll_forward(cell, x, params, d.lengths, initial)
    gradients = unroll_backward(dh, dfinal, cache)
    starts = {f"initial {index}": state for index, state in enumerate(initial)}
    dstarts = {f"initial {index}": gradient for index, gradient in enumerate(gradients.dinitial)}
    check_gradients(loss, {"x": x, **starts, **params}, {"x": gradients.dx, **dstarts, **gradients.dparams})


@cells
@drawn
@given(d=draws())
def test_without_initial_and_final_states_they_are_zero(cell: Cell, d: Draw) -> None:
    params, x = d.cell_params(cell.gates), d.normal(d.batch, d.time, d.features)
    dh, zeros = d.normal(d.batch, d.time, d.units), [np.zeros((d.batch, d.units))] * cell.states
    h, final, cache = unroll_forward(cell, x, params, d.lengths)
    h_zeros, final_zeros, cache_zeros = unroll_forward(cell, x, params, d.lengths, zeros)
    np.testing.assert_array_equal(h, h_zeros)
    np.testing.assert_array_equal(final, final_zeros)
    bare, explicit = unroll_backward(dh, None, cache), unroll_backward(dh, zeros, cache_zeros)
    np.testing.assert_array_equal(bare.dx, explicit.dx)
    np.testing.assert_array_equal(bare.dparams["U"], explicit.dparams["U"])


@cells
@drawn
@given(d=draws())
def test_padding_and_neighbours_change_nothing(cell: Cell, d: Draw) -> None:
    params, x = d.cell_params(cell.gates, "b"), d.normal(d.batch, d.time, d.features)
    dh = d.normal(d.batch, d.time, d.units)
    h, final, cache = unroll_forward(cell, x, params, d.lengths)
    dx = unroll_backward(dh, None, cache).dx
    for b in range(d.batch):
        n = d.time if d.lengths is None else d.lengths[b]
        alone, ends, own = unroll_forward(cell, x[b : b + 1, :n], params)
        np.testing.assert_allclose(h[b, :n], alone[0], rtol=0, atol=1e-13)
        np.testing.assert_array_equal(h[b, n:], 0)
        for state, end in zip(final, ends, strict=True):
            np.testing.assert_allclose(state[b], end[0], rtol=0, atol=1e-13)
        np.testing.assert_allclose(dx[b, :n], unroll_backward(dh[b : b + 1, :n], None, own).dx[0], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(dx[b, n:], 0)


@cells
@drawn
@given(d=draws(max_time=5))
def test_the_gradient_that_reaches_a_step_is_that_of_a_run_begun_there(cell: Cell, d: Draw) -> None:
    params, x = d.cell_params(cell.gates, "b"), d.normal(d.batch, d.time, d.features)
    dlast = d.normal(d.batch, d.units)
    norms = gradient_norms(cell, x, params, dlast)
    assert norms.shape == (d.batch, d.time)
    for t in range(d.time):
        _, states, _ = unroll_forward(cell, x[:, : t + 1], params)
        starts = [state.copy() for state in states]

        def loss(t: int = t, starts: list[np.ndarray] = starts) -> float:
            if t + 1 == d.time:
                return float((starts[0] * dlast).sum())
            _, final, _ = unroll_forward(cell, x[:, t + 1 :], params, initial=starts)
            return float((final[0] * dlast).sum())

        squares = sum((central_differences(loss, start) ** 2).sum(axis=1) for start in starts)
        np.testing.assert_allclose(norms[:, d.time - 1 - t], np.sqrt(squares), rtol=1e-6, atol=1e-9)


def test_gradient_norms_count_steps_back_from_each_sequence_end() -> None:
    rng = np.random.default_rng(3)
    x, dlast = rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 3))
    params = {"W": rng.normal(size=(2, 12)), "U": rng.normal(size=(3, 12))}
    norms = gradient_norms(LSTM, x, params, dlast, np.array([3, 5]))
    np.testing.assert_allclose(norms[0, :3], gradient_norms(LSTM, x[:1, :3], params, dlast[:1])[0], rtol=1e-12)
    np.testing.assert_array_equal(norms[0, 3:], 0)
    np.testing.assert_allclose(norms[:, 0], np.linalg.norm(dlast, axis=1), rtol=1e-12)


@pytest.mark.parametrize("task", ["one-to-one", "one-to-many", "many-to-one", "many-to-many"])
def test_gradients_of_the_four_task_shapes(task: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 1 if task == "one-to-one" else 4, 3))
    if task == "one-to-many":
        x[:, 1:] = 0
    cell = {"W": rng.normal(size=(3, 4)), "U": rng.normal(size=(4, 4)), "b": rng.normal(size=4)}
    head = {"V": rng.normal(size=(4, 3)), "c": rng.normal(size=3)}
    every_step = task.endswith("many")
    weight = rng.normal(size=(*x.shape[:2], 3) if every_step else (2, 3))

    def run() -> tuple[np.ndarray, tuple, tuple]:
        h, (last,), unrolled = unroll_forward(RNN, x, cell)
        y, read = head_forward(h if every_step else last, head, "softmax")
        return y, unrolled, read

    y, unrolled, read = run()
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-14)
    dstates, dhead = head_backward(weight, read)
    if every_step:
        gradients = unroll_backward(dstates, None, unrolled)
    else:
        gradients = unroll_backward(np.zeros((*x.shape[:2], 4)), [dstates], unrolled)
    check_gradients(
        lambda: float((run()[0] * weight).sum()),
        {"x": x, **cell, **head},
        {"x": gradients.dx, **gradients.dparams, **dhead},
    )


@cells
def test_float32_stays_float32(cell: Cell) -> None:
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(2, 3 * cell.gates)), "U": rng.normal(size=(3, 3 * cell.gates))}
    x, params = as_float32((rng.normal(size=(2, 4, 2)), params))
    h, final, cache = unroll_forward(cell, x, params, np.array([2, 4]))
    gradients = unroll_backward(h, final, cache)
    assert dtypes((h, final, tuple(gradients))) == {"float32"}
