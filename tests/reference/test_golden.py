"""Published values of recurrent cells, reproduced to the digits printed.

`golden.json` lists, for each case, the tensors in the order in which they are drawn from `randn` after seed 1, and
the published values by their zero-based index. Two cases are not as published: the notebook's formula for the gradient
of the reset gate is wrong, so the values of `gru_cell_backward` and `gru_backward` were computed again (central
differences agree to 3e-9), and `notebook_wrong` keeps what the notebook prints.

They are reproduced under their published names and shapes, by `sentiline.reference.notebook`, which transposes them to
the rows of the reference and back.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiline.reference import notebook
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


def _check(ours: Array, published: Any) -> None:
    """Equal to the digits printed: eight decimals in numpy's arrays, all digits in single numbers."""
    ours, published = np.asarray(ours), np.asarray(published)
    assert ours.shape == published.shape
    in_full = np.array([len(repr(float(value)).split(".")[1]) > 8 for value in published.ravel()])
    apart, size = np.abs(ours - published).ravel(), np.abs(published).ravel()
    assert (apart <= np.where(in_full, 1e-13 * np.maximum(size, 1), 0.5e-8 + 1e-14)).all(), f"{ours} is not {published}"


def test_rnn_cell_forward_gives_the_published_values() -> None:
    drawn, golden = _draw("rnn_cell_forward"), GOLDEN["rnn_cell_forward"]
    a_next, yt_pred, cache = notebook.rnn_cell_forward(drawn["xt"], drawn["h_prev"], drawn)
    _check(a_next[4], golden["h[4]"])
    _check(yt_pred[1], golden["softmax_y[1]"])
    assert [array.shape for array in cache[:3]] == [(5, 10), (5, 10), (3, 10)]


def test_rnn_forward_gives_the_published_values() -> None:
    drawn, golden = _draw("rnn_forward"), GOLDEN["rnn_forward"]
    a, y_pred, (steps, x) = notebook.rnn_forward(drawn["x"], drawn["h0"], drawn)
    _check(a[4][1], golden["h[4][1]"])
    _check(y_pred[1][3], golden["y[1][3]"])
    _check(x[1][3], golden["x[1][3]"])
    assert len(steps) == 4


def test_lstm_cell_forward_gives_the_published_values() -> None:
    drawn, golden = _draw("lstm_cell_forward"), GOLDEN["lstm_cell_forward"]
    a_next, c_next, yt_pred, cache = notebook.lstm_cell_forward(drawn["xt"], drawn["h_prev"], drawn["c_prev"], drawn)
    _check(a_next[4], golden["h[4]"])
    _check(c_next[2], golden["c[2]"])
    _check(yt_pred[1], golden["softmax_y[1]"])
    assert len(cache) == 10


def test_lstm_forward_gives_the_published_values() -> None:
    drawn, golden = _draw("lstm_forward"), GOLDEN["lstm_forward"]
    a, y, c, _ = notebook.lstm_forward(drawn["x"], drawn["h0"], drawn)
    _check(a[4][3][6], golden["h[4][3][6]"])
    _check(y[1][4][3], golden["y[1][4][3]"])
    _check(c[1][2][1], golden["c[1][2][1]"])


def test_gru_cell_forward_gives_the_published_values() -> None:
    drawn, golden = _draw("gru_cell_forward"), GOLDEN["gru_cell_forward"]
    c_next, yt_pred, _ = notebook.gru_cell_forward(drawn["xt"], drawn["h_prev"], drawn)
    _check(c_next[2], golden["h[2]"])
    _check(yt_pred[1], golden["softmax_y[1]"])


def test_gru_forward_gives_the_published_values() -> None:
    drawn, golden = _draw("gru_forward"), GOLDEN["gru_forward"]
    c, y, _ = notebook.gru_forward(drawn["x"], drawn["h0"], drawn)
    _check(y[1][4][3], golden["y[1][4][3]"])
    _check(c[1][2][1], golden["h[1][2][1]"])


def test_rnn_cell_backward_gives_the_published_values() -> None:
    drawn, golden = _draw("rnn_cell_backward"), GOLDEN["rnn_cell_backward"]
    drawn["ba"] = _draw("rnn_forward")["ba"]  # the bias left over from that case, as published
    *_, cache = notebook.rnn_cell_forward(drawn["xt"], drawn["h_prev"], drawn)
    gradients = notebook.rnn_cell_backward(drawn["dh"], cache)
    _check(gradients["dxt"][1][2], golden["dx[1][2]"])
    _check(gradients["da_prev"][2][3], golden["dh_prev[2][3]"])
    _check(gradients["dWax"][3][1], golden["dWax[3][1]"])
    _check(gradients["dWaa"][1][2], golden["dWaa[1][2]"])
    _check(gradients["dba"][4][0], golden["dba[4]"])


def test_rnn_backward_gives_the_published_values() -> None:
    drawn, golden = _draw("rnn_backward"), GOLDEN["rnn_backward"]
    *_, caches = notebook.rnn_forward(drawn["x"], drawn["h0"], drawn)
    gradients = notebook.rnn_backward(drawn["dh"], caches)
    _check(gradients["dx"][1][2], golden["dx[1][2]"])
    _check(gradients["da0"][2][3], golden["dh0[2][3]"])
    _check(gradients["dWax"][3][1], golden["dWax[3][1]"])
    _check(gradients["dWaa"][1][2], golden["dWaa[1][2]"])
    _check(gradients["dba"][4][0], golden["dba[4]"])


def test_gru_cell_backward_gives_the_published_values() -> None:
    drawn, golden = _draw("gru_cell_backward"), GOLDEN["gru_cell_backward"]
    *_, cache = notebook.gru_cell_forward(drawn["xt"], drawn["h_prev"], drawn)
    gradients = notebook.gru_cell_backward(drawn["dh"], cache)
    _check(gradients["dxt"][1][2], golden["dx[1][2]"])
    _check(gradients["dc_prev"][2][3], golden["dh_prev[2][3]"])
    _check(gradients["dWu"][3][1], golden["dWu[3][1]"])
    _check(gradients["dWc"][1][2], golden["dWc[1][2]"])
    _check(gradients["dbr"][4][0], golden["dbr[4]"])
    wrong = golden["notebook_wrong"]
    assert abs(gradients["dxt"][1][2] - wrong["dx[1][2]"]) > 1e-3
    assert abs(gradients["dc_prev"][2][3] - wrong["dh_prev[2][3]"]) > 1e-3


def test_gru_backward_gives_the_published_values() -> None:
    drawn, golden = _draw("gru_backward"), GOLDEN["gru_backward"]
    *_, caches = notebook.gru_forward(drawn["x"], drawn["h0"], drawn)
    gradients = notebook.gru_backward(drawn["dh"], caches)
    _check(gradients["dx"][1][2], golden["dx[1][2][:4]"])
    _check(gradients["dc0"][2][3], golden["dh0[2][3]"])
    _check(gradients["dWu"][3][1], golden["dWu[3][1]"])
    _check(gradients["dWc"][1][2], golden["dWc[1][2]"])
    _check(gradients["dbr"][4][0], golden["dbr[4]"])


def test_every_published_case_is_reproduced_here() -> None:
    assert GOLDEN.keys() <= {name.removeprefix("test_") for name in globals() if name.startswith("test_")}


@pytest.mark.parametrize("digits", [1e-7, -1e-7])
def test_the_comparison_sees_a_wrong_digit(digits: float) -> None:
    _check(np.array(0.25), 0.25)
    with pytest.raises(AssertionError, match="is not"):
        _check(np.array(0.25 + digits), 0.25)
