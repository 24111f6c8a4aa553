"""Published values of recurrent cells, reproduced to the digits printed.

`golden.json` lists, for each case, the tensors in the order in which they are drawn from `randn` after seed 1, and
the published values by their zero-based index. Two cases are not as published: the notebook's formula for the gradient
of the reset gate is wrong, so the values of `gru_cell_backward` and `gru_backward` were computed again (central
differences agree to 3e-9), and `notebook_wrong` keeps what the notebook prints.

The values come as columns: inputs (n_x, m), gate weights (n_a, n_a + n_x) on concat(h_prev, x). They are transposed to
the reference's rows on the way in, and back on the way out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiline.reference.gru import gru_cell, gru_cell_backward, gru_cell_forward
from sentiline.reference.heads import head_forward
from sentiline.reference.lstm import LSTM, lstm_cell_forward
from sentiline.reference.rnn import RNN, rnn_cell_backward, rnn_cell_forward
from sentiline.reference.unroll import unroll_backward, unroll_forward
from tests.reference.gradients import Array

UNITS, FEATURES = 5, 3
GOLDEN: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))


def _draw(name: str) -> dict[str, Array]:
    """Draw the tensors of one published case, in its order."""
    wanted = GOLDEN[name]["draw"]
    if wanted[0].startswith("as "):
        wanted = GOLDEN[wanted[0].removeprefix("as ")]["draw"] + wanted[1:]
    source = np.random.RandomState(1)
    tensors = {}
    for entry in wanted:
        variable, shape = re.match(r"(\w+)(?:\(([\d,]+)\))?", entry).groups()  # type: ignore[union-attr]
        gate = (UNITS, UNITS + FEATURES) if variable.startswith("W") else (UNITS, 1)
        tensors[variable] = source.randn(*([int(size) for size in shape.split(",")] if shape else gate))
    return tensors


def _rows(columns: Array) -> Array:
    """(n, m) to [m, n] and (n, m, T) to [m, T, n]."""
    return columns.T if columns.ndim == 2 else columns.transpose(1, 2, 0)


def _columns(rows: Array) -> Array:
    return rows.T if rows.ndim == 2 else rows.transpose(2, 0, 1)


def _elman(drawn: dict[str, Array]) -> dict[str, Array]:
    return {"W": drawn["Wax"].T, "U": drawn["Waa"].T, "b": drawn["ba"][:, 0]}


def _gated(drawn: dict[str, Array], gates: str) -> dict[str, Array]:
    stacked = np.concatenate([drawn[f"W{gate}"] for gate in gates])  # (gates · n_a, n_a + n_x)
    bias = np.concatenate([drawn[f"b{gate}"] for gate in gates])[:, 0]
    return {"W": stacked[:, UNITS:].T, "U": stacked[:, :UNITS].T, "b": bias}


def _softmax_head(drawn: dict[str, Array], h: Array) -> Array:
    head = {"V": drawn["Wya" if "Wya" in drawn else "Wy"].T, "c": drawn["by"][:, 0]}
    return _columns(head_forward(_rows(h), head, "softmax")[0])


def _check(ours: Array, published: Any) -> None:
    """Equal to the digits printed: eight decimals in numpy's arrays, all digits in single numbers."""
    ours, published = np.asarray(ours), np.asarray(published)
    assert ours.shape == published.shape
    in_full = np.array([len(repr(float(value)).split(".")[1]) > 8 for value in published.ravel()])
    apart, size = np.abs(ours - published).ravel(), np.abs(published).ravel()
    assert (apart <= np.where(in_full, 1e-13 * np.maximum(size, 1), 0.5e-8 + 1e-14)).all(), f"{ours} is not {published}"


def test_rnn_cell_forward() -> None:
    drawn, golden = _draw("rnn_cell_forward"), GOLDEN["rnn_cell_forward"]
    h = _columns(rnn_cell_forward(_rows(drawn["xt"]), _rows(drawn["h_prev"]), _elman(drawn))[0])
    _check(h[4], golden["h[4]"])
    _check(_softmax_head(drawn, h)[1], golden["softmax_y[1]"])


def test_rnn_forward() -> None:
    drawn, golden = _draw("rnn_forward"), GOLDEN["rnn_forward"]
    h, _, _ = unroll_forward(RNN, _rows(drawn["x"]), _elman(drawn), initial=[_rows(drawn["h0"])])
    _check(_columns(h)[4][1], golden["h[4][1]"])
    _check(_softmax_head(drawn, _columns(h))[1][3], golden["y[1][3]"])
    _check(drawn["x"][1][3], golden["x[1][3]"])


def test_lstm_cell_forward() -> None:
    drawn, golden = _draw("lstm_cell_forward"), GOLDEN["lstm_cell_forward"]
    states = _rows(drawn["h_prev"]), _rows(drawn["c_prev"])
    h, c, _ = lstm_cell_forward(_rows(drawn["xt"]), *states, _gated(drawn, "ifco"))
    _check(_columns(h)[4], golden["h[4]"])
    _check(_columns(c)[2], golden["c[2]"])
    _check(_softmax_head(drawn, _columns(h))[1], golden["softmax_y[1]"])


def test_lstm_forward() -> None:
    drawn, golden = _draw("lstm_forward"), GOLDEN["lstm_forward"]
    x, h0 = _rows(drawn["x"]), _rows(drawn["h0"])
    params = _gated(drawn, "ifco")
    h, _, _ = unroll_forward(LSTM, x, params, initial=[h0, np.zeros_like(h0)])
    _check(_columns(h)[4][3][6], golden["h[4][3][6]"])
    _check(_softmax_head(drawn, _columns(h))[1][4][3], golden["y[1][4][3]"])
    _, (_, c), _ = unroll_forward(LSTM, x[:, :2], params, initial=[h0, np.zeros_like(h0)])
    _check(_columns(c)[1][2], golden["c[1][2][1]"])


def test_gru_cell_forward() -> None:
    drawn, golden = _draw("gru_cell_forward"), GOLDEN["gru_cell_forward"]
    h, _ = gru_cell_forward(_rows(drawn["xt"]), _rows(drawn["h_prev"]), _gated(drawn, "urc"), "take", "before")
    _check(_columns(h)[2], golden["h[2]"])
    _check(_softmax_head(drawn, _columns(h))[1], golden["softmax_y[1]"])


def test_gru_forward() -> None:
    drawn, golden = _draw("gru_forward"), GOLDEN["gru_forward"]
    cell = gru_cell("take", "before")
    h, _, _ = unroll_forward(cell, _rows(drawn["x"]), _gated(drawn, "urc"), initial=[_rows(drawn["h0"])])
    _check(_softmax_head(drawn, _columns(h))[1][4][3], golden["y[1][4][3]"])
    _check(_columns(h)[1][2][1], golden["h[1][2][1]"])


def test_rnn_cell_backward() -> None:
    drawn, golden = _draw("rnn_cell_backward"), GOLDEN["rnn_cell_backward"]
    drawn["ba"] = _draw("rnn_forward")["ba"]  # the bias left over from that case, as published
    _, cache = rnn_cell_forward(_rows(drawn["xt"]), _rows(drawn["h_prev"]), _elman(drawn))
    dx, dh_prev, dparams = rnn_cell_backward(_rows(drawn["dh"]), cache)
    _check(_columns(dx)[1][2], golden["dx[1][2]"])
    _check(_columns(dh_prev)[2][3], golden["dh_prev[2][3]"])
    _check(dparams["W"].T[3][1], golden["dWax[3][1]"])
    _check(dparams["U"].T[1][2], golden["dWaa[1][2]"])
    _check(dparams["b"][4], golden["dba[4]"])


def test_rnn_backward() -> None:
    drawn, golden = _draw("rnn_backward"), GOLDEN["rnn_backward"]
    *_, cache = unroll_forward(RNN, _rows(drawn["x"]), _elman(drawn), initial=[_rows(drawn["h0"])])
    gradients = unroll_backward(_rows(drawn["dh"]), None, cache)
    _check(_columns(gradients.dx)[1][2], golden["dx[1][2]"])
    _check(_columns(gradients.dinitial[0])[2][3], golden["dh0[2][3]"])
    _check(gradients.dparams["W"].T[3][1], golden["dWax[3][1]"])
    _check(gradients.dparams["U"].T[1][2], golden["dWaa[1][2]"])
    _check(gradients.dparams["b"][4], golden["dba[4]"])


def test_gru_cell_backward() -> None:
    drawn, golden = _draw("gru_cell_backward"), GOLDEN["gru_cell_backward"]
    params = _gated(drawn, "urc")
    _, cache = gru_cell_forward(_rows(drawn["xt"]), _rows(drawn["h_prev"]), params, "take", "before")
    dx, dh_prev, dparams = gru_cell_backward(_rows(drawn["dh"]), cache)
    dW_u, _, dW_c = np.split(dparams["U"].T, 3)  # noqa: N806 - columns 0 … 4 of the published gate weights
    _check(_columns(dx)[1][2], golden["dx[1][2]"])
    _check(_columns(dh_prev)[2][3], golden["dh_prev[2][3]"])
    _check(dW_u[3][1], golden["dWu[3][1]"])
    _check(dW_c[1][2], golden["dWc[1][2]"])
    _check(np.split(dparams["b"], 3)[1][4], golden["dbr[4]"])
    wrong = golden["notebook_wrong"]
    assert abs(_columns(dx)[1][2] - wrong["dx[1][2]"]) > 1e-3
    assert abs(_columns(dh_prev)[2][3] - wrong["dh_prev[2][3]"]) > 1e-3


def test_gru_backward() -> None:
    drawn, golden = _draw("gru_backward"), GOLDEN["gru_backward"]
    steps = drawn["dh"].shape[2]
    cell = gru_cell("take", "before")
    x = _rows(drawn["x"])[:, :steps]
    *_, cache = unroll_forward(cell, x, _gated(drawn, "urc"), initial=[_rows(drawn["h0"])])
    gradients = unroll_backward(_rows(drawn["dh"]), None, cache)
    dW_u, _, dW_c = np.split(gradients.dparams["U"].T, 3)  # noqa: N806
    _check(_columns(gradients.dx)[1][2], golden["dx[1][2][:4]"])
    _check(_columns(gradients.dinitial[0])[2][3], golden["dh0[2][3]"])
    _check(dW_u[3][1], golden["dWu[3][1]"])
    _check(dW_c[1][2], golden["dWc[1][2]"])
    _check(np.split(gradients.dparams["b"], 3)[1][4], golden["dbr[4]"])


def test_every_published_case_is_reproduced_here() -> None:
    assert GOLDEN.keys() <= {name.removeprefix("test_") for name in globals() if name.startswith("test_")}


@pytest.mark.parametrize("digits", [1e-7, -1e-7])
def test_the_comparison_sees_a_wrong_digit(digits: float) -> None:
    _check(np.array(0.25), 0.25)
    with pytest.raises(AssertionError, match="is not"):
        _check(np.array(0.25 + digits), 0.25)
