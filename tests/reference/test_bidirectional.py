"""Both reading directions against central differences and against two separate runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.bidirectional import Merge, bidirectional_backward, bidirectional_forward
from sentiline.reference.cell import Cell
from sentiline.reference.gru import gru_cell
from sentiline.reference.lstm import LSTM
from sentiline.reference.rnn import RNN
from sentiline.reference.unroll import unroll_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


@pytest.mark.parametrize("cell", [RNN, LSTM, gru_cell()], ids=["rnn", "lstm", "gru"])
@pytest.mark.parametrize("merge", ["concat", "sum"])
@drawn
@given(d=draws(max_time=3))
def test_gradients_equal_central_differences(cell: Cell, merge: Merge, d: Draw) -> None:
    params = (d.cell_params(cell.gates, "b"), d.cell_params(cell.gates, "b"))
    x = d.normal(d.batch, d.time, d.features)
    dh = d.normal(d.batch, d.time, d.units * (2 if merge == "concat" else 1))
    sides = ("forward", "backward")
    initial = tuple([d.normal(d.batch, d.units) for _ in range(cell.states)] for _ in sides)
    dfinal = tuple([d.normal(d.batch, d.units) for _ in range(cell.states)] for _ in sides)

    def loss() -> float:
        h, final, _ = bidirectional_forward(cell, x, params, d.lengths, initial, merge)
        ends = sum((s * ds).sum() for i in (0, 1) for s, ds in zip(final[i], dfinal[i], strict=True))
        return float((h * dh).sum() + ends)

    *_, cache = bidirectional_forward(cell, x, params, d.lengths, initial, merge)
    gradients = bidirectional_backward(dh, dfinal, cache)
    tensors, expected = {"x": x}, {"x": gradients.dx}
    for side, weights, starts, own in zip(sides, params, initial, gradients[1:], strict=True):
        tensors |= {f"{side} {name}": value for name, value in weights.items()}
        tensors |= {f"{side} initial {index}": state for index, state in enumerate(starts)}
        expected |= {f"{side} {name}": value for name, value in own.dparams.items()}
        expected |= {f"{side} initial {index}": state for index, state in enumerate(own.dinitial)}
    check_gradients(loss, tensors, expected)


@drawn
@given(d=draws())
def test_the_backward_half_at_t_has_read_from_the_end_to_t(d: Draw) -> None:
    params = (d.cell_params(4), d.cell_params(4))
    x = d.normal(d.batch, d.time, d.features)
    h, _, _ = bidirectional_forward(LSTM, x, params, d.lengths)
    for b in range(d.batch):
        n = d.time if d.lengths is None else d.lengths[b]
        for t in range(n):
            _, (last, _), _ = unroll_forward(LSTM, x[b : b + 1, t:n][:, ::-1], params[1])
            np.testing.assert_allclose(h[b, t, d.units :], last[0], rtol=0, atol=1e-13)
        np.testing.assert_array_equal(h[b, n:], 0)


def test_unknown_merge_is_refused() -> None:
    params = {"W": np.ones((1, 1)), "U": np.ones((1, 1))}
    with pytest.raises(ValueError, match="merge is 'mean'"):
        bidirectional_forward(RNN, np.ones((1, 1, 1)), (params, params), merge="mean")  # type: ignore[arg-type]


def test_float32_stays_float32() -> None:
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(2, 12)), "U": rng.normal(size=(3, 12))}
    x, params = as_float32((rng.normal(size=(2, 4, 2)), params))
    h, final, cache = bidirectional_forward(LSTM, x, (params, params), np.array([2, 4]))
    gradients = bidirectional_backward(h, final, cache)
    assert dtypes((h, final, gradients.dx, tuple(gradients.forward), tuple(gradients.backward))) == {"float32"}
