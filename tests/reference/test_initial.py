"""Initial weights."""

from __future__ import annotations

import numpy as np

from sentiline.reference.gru import gru_cell
from sentiline.reference.initial import glorot_uniform, initialize_cell, initialize_head
from sentiline.reference.lstm import LSTM
from sentiline.reference.rnn import RNN


def test_cells_start_orthogonal_with_an_open_forget_gate() -> None:
    rng = np.random.default_rng(0)
    for cell, gates in ((RNN, 1), (gru_cell(), 3), (LSTM, 4)):
        params = initialize_cell(rng, cell, 5, 3)
        assert {name: value.shape for name, value in params.items()} == {
            "W": (5, 3 * gates),
            "U": (3, 3 * gates),
            "b": (3 * gates,),
        }
        np.testing.assert_allclose(params["U"] @ params["U"].T, np.eye(3), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(params["b"], [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    assert "b" not in initialize_cell(rng, RNN, 5, 3, bias=False)


def test_glorot_bound_and_spread() -> None:
    weights = glorot_uniform(np.random.default_rng(0), 300, 300)
    assert np.abs(weights).max() <= 0.1
    np.testing.assert_allclose(weights.std(), 0.1 / np.sqrt(3), rtol=0.01)


def test_a_head_has_its_shapes_and_a_zero_bias() -> None:
    head = initialize_head(np.random.default_rng(0), 4, 2)
    assert head["V"].shape == (4, 2)
    assert head["c"].tolist() == [0, 0]
