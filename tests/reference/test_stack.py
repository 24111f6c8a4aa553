"""Stacked layers, with dropout between them, against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.gru import gru_cell
from sentiline.reference.lstm import LSTM
from sentiline.reference.rnn import RNN
from sentiline.reference.stack import Layer, stack_backward, stack_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, draws, dtypes, few


@pytest.mark.parametrize("with_dropout", [False, True])
@few
@given(d=draws(max_time=3))
def test_gradients_equal_central_differences(with_dropout: bool, d: Draw) -> None:
    layers = [
        Layer(RNN, (d.cell_params(1, "b"),)),
        Layer(LSTM, (d.cell_params(4, features=d.units), d.cell_params(4, features=d.units)), "concat"),
        Layer(gru_cell(), (d.cell_params(3, features=2 * d.units), d.cell_params(3, features=2 * d.units)), "sum"),
    ]
    x, dh = d.normal(d.batch, d.time, d.features), d.normal(d.batch, d.time, d.units)
    keep = [(d.rng.random((d.batch, d.time, width)) >= 0.5).astype(float) for width in (d.units, 2 * d.units)]
    masks = {"keep": keep, "rate": 0.5} if with_dropout else {}

    def loss() -> float:
        return float((stack_forward(layers, x, d.lengths, **masks)[0] * dh).sum())

    _, cache = stack_forward(layers, x, d.lengths, **masks)
    gradients = stack_backward(dh, cache)
    tensors, expected = {"x": x}, {"x": gradients.dx}
    for index, (layer, dlayer) in enumerate(zip(layers, gradients.dlayers, strict=True)):
        for side, (weights, dweights) in enumerate(zip(layer.params, dlayer, strict=True)):
            tensors |= {f"layer {index}.{side} {name}": value for name, value in weights.items()}
            expected |= {f"layer {index}.{side} {name}": value for name, value in dweights.items()}
    check_gradients(loss, tensors, expected)


def test_a_mask_for_each_layer_but_the_last() -> None:
    layer = Layer(RNN, ({"W": np.ones((1, 1)), "U": np.ones((1, 1))},))
    with pytest.raises(ValueError, match="2 layers need 1 dropout masks; got 2"):
        stack_forward([layer, layer], np.ones((1, 1, 1)), keep=[np.ones((1, 1, 1))] * 2, rate=0.5)


def test_float32_stays_float32() -> None:
    rng = np.random.default_rng(0)
    x, params = as_float32((rng.normal(size=(2, 4, 3)), {"W": rng.normal(size=(3, 3)), "U": rng.normal(size=(3, 3))}))
    layers = [Layer(RNN, (params,)), Layer(RNN, (params,))]
    h, cache = stack_forward(layers, x, np.array([2, 4]), keep=[np.ones((2, 4, 3))], rate=0.5)
    gradients = stack_backward(h, cache)
    assert dtypes((h, gradients.dx, gradients.dlayers)) == {"float32"}
