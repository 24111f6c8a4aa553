"""Keras layers, outputs and gradients, in float32 and float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sentiline.reference.activations import SIGMOID
from sentiline.reference.bidirectional import bidirectional_backward, bidirectional_forward
from sentiline.reference.cell import Cell
from sentiline.reference.gru import gru_cell
from sentiline.reference.lstm import LSTM, lstm_cell
from sentiline.reference.rnn import RNN, rnn_cell
from sentiline.reference.stack import Layer, stack_backward, stack_forward
from sentiline.reference.unroll import unroll_backward, unroll_forward
from tests.reference.gradients import Array

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
LENGTHS = np.array([6, 2, 4])
TOLERANCES = {"float32": 1e-5, "float64": 1e-10}

CELLS: dict[str, tuple[Cell, str, dict[str, Any]]] = {
    "SimpleRNN": (RNN, "SimpleRNN", {}),
    "SimpleRNN without bias": (RNN, "SimpleRNN", {"use_bias": False}),
    "LSTM": (LSTM, "LSTM", {}),
    "GRU reset after": (gru_cell("keep", "after"), "GRU", {"reset_after": True}),
    "GRU reset before": (gru_cell("keep", "before"), "GRU", {"reset_after": False}),
    "SimpleRNN with sigmoid": (rnn_cell(SIGMOID), "SimpleRNN", {"activation": "sigmoid"}),
    "LSTM with sigmoid": (lstm_cell(SIGMOID), "LSTM", {"activation": "sigmoid"}),
    "GRU with sigmoid": (gru_cell(activation=SIGMOID), "GRU", {"activation": "sigmoid", "reset_after": False}),
}
cells = pytest.mark.parametrize("name", CELLS)
dtypes = pytest.mark.parametrize("dtype", TOLERANCES)
padded = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "padded"])


def _make(name: str, dtype: str, units: int = UNITS) -> Any:
    _, layer, options = CELLS[name]
    return getattr(keras.layers, layer)(units, return_sequences=True, return_state=True, dtype=dtype, **options)


def _randomize(layer: Any, rng: np.random.Generator) -> None:
    layer.set_weights([0.5 * rng.standard_normal(weight.shape) for weight in layer.get_weights()])


def _params(weights: list[Any]) -> dict[str, Array]:
    """Keras weights, or their gradients, under the names of the reference; shapes are the same but for one bias."""
    kernel, recurrent, *bias = (np.asarray(weight) for weight in weights)
    params = {"W": kernel, "U": recurrent}
    if bias and bias[0].ndim == 2:  # GRU with reset_after: input bias above recurrent bias
        params |= {"b": bias[0][0], "b_recurrent": bias[0][1]}
    elif bias:
        params["b"] = bias[0]
    return params


def _mask(lengths: Array | None) -> Any:
    return None if lengths is None else tf.sequence_mask(lengths, TIME)


def _zeroed(outputs: Any, lengths: Array | None) -> Any:
    """Keras repeats the last output on padding; the reference gives zeros."""
    mask = np.ones((BATCH, TIME)) if lengths is None else np.arange(TIME) < lengths[:, None]
    return outputs * tf.constant(mask[:, :, None], outputs.dtype)


def _check(dtype: str, ours: Mapping[str, Array], theirs: Mapping[str, Any]) -> None:
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        other = np.asarray(theirs[name])
        assert value.dtype == other.dtype == dtype, name
        apart = np.abs(value - other).max() / max(np.abs(other).max(), 1)
        assert apart <= TOLERANCES[dtype], f"{name}: {apart:.1e}"


@cells
@dtypes
@padded
def test_each_cell_equals_its_keras_layer(name: str, dtype: str, lengths: Array | None) -> None:
    cell, rng = CELLS[name][0], np.random.default_rng(0)
    layer = _make(name, dtype)
    layer.build((BATCH, TIME, FEATURES))
    _randomize(layer, rng)
    x = tf.Variable(rng.standard_normal((BATCH, TIME, FEATURES)), dtype=dtype)
    starts = [tf.Variable(rng.standard_normal((BATCH, UNITS)), dtype=dtype) for _ in range(cell.states)]
    dh = rng.standard_normal((BATCH, TIME, UNITS)).astype(dtype)
    dfinal = [rng.standard_normal((BATCH, UNITS)).astype(dtype) for _ in range(cell.states)]
    weights = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        outputs, *final = layer(x, initial_state=list(starts), mask=_mask(lengths))
        outputs = _zeroed(outputs, lengths)
        loss = tf.reduce_sum(outputs * dh) + sum(tf.reduce_sum(s * ds) for s, ds in zip(final, dfinal, strict=True))
    dx, *rest = tape.gradient(loss, [x, *starts, *weights])
    theirs = {"outputs": outputs, "dx": dx, **{f"d{name}": g for name, g in _params(rest[cell.states :]).items()}}
    theirs |= {f"final {index}": state for index, state in enumerate(final)}
    theirs |= {f"dinitial {index}": gradient for index, gradient in enumerate(rest[: cell.states])}

    h, ends, cache = unroll_forward(cell, x.numpy(), _params(weights), lengths, [start.numpy() for start in starts])
    gradients = unroll_backward(dh, dfinal, cache)
    ours = {"outputs": h, "dx": gradients.dx, **{f"d{name}": value for name, value in gradients.dparams.items()}}
    ours |= {f"final {index}": state for index, state in enumerate(ends)}
    ours |= {f"dinitial {index}": gradient for index, gradient in enumerate(gradients.dinitial)}
    _check(dtype, ours, theirs)


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU reset after", "GRU reset before"])
@pytest.mark.parametrize("merge", ["concat", "sum"])
@dtypes
def test_bidirectional_layers_equal_those_of_keras(name: str, merge: Any, dtype: str) -> None:
    cell, rng = CELLS[name][0], np.random.default_rng(1)
    _, kind, options = CELLS[name]
    inner = getattr(keras.layers, kind)(UNITS, return_sequences=True, dtype=dtype, **options)
    layer = keras.layers.Bidirectional(inner, merge_mode=merge, dtype=dtype)
    layer.build((BATCH, TIME, FEATURES))
    _randomize(layer, rng)
    x = tf.Variable(rng.standard_normal((BATCH, TIME, FEATURES)), dtype=dtype)
    dh = rng.standard_normal((BATCH, TIME, UNITS * (2 if merge == "concat" else 1))).astype(dtype)
    weights = [weight.value for weight in layer.trainable_weights]
    half = len(weights) // 2
    with tf.GradientTape() as tape:
        outputs = _zeroed(layer(x, mask=_mask(LENGTHS)), LENGTHS)
        loss = tf.reduce_sum(outputs * dh)
    dx, *dweights = tape.gradient(loss, [x, *weights])
    theirs = {"outputs": outputs, "dx": dx}
    theirs |= {f"forward d{name}": value for name, value in _params(dweights[:half]).items()}
    theirs |= {f"backward d{name}": value for name, value in _params(dweights[half:]).items()}

    params = (_params(weights[:half]), _params(weights[half:]))
    h, _, cache = bidirectional_forward(cell, x.numpy(), params, LENGTHS, merge=merge)
    gradients = bidirectional_backward(dh, None, cache)
    ours = {"outputs": h, "dx": gradients.dx}
    ours |= {f"forward d{name}": value for name, value in gradients.forward.dparams.items()}
    ours |= {f"backward d{name}": value for name, value in gradients.backward.dparams.items()}
    _check(dtype, ours, theirs)


@dtypes
def test_stacked_layers_equal_those_of_keras(dtype: str) -> None:
    rng = np.random.default_rng(2)
    names = ["SimpleRNN", "LSTM", "GRU reset after"]
    layers, widths = [], [FEATURES, 5, 4, 3]
    for name, width, units in zip(names, widths[:-1], widths[1:], strict=True):
        layer = _make(name, dtype, units)
        layer.build((BATCH, TIME, width))
        _randomize(layer, rng)
        layers.append(layer)
    x = tf.Variable(rng.standard_normal((BATCH, TIME, FEATURES)), dtype=dtype)
    dh = rng.standard_normal((BATCH, TIME, widths[-1])).astype(dtype)
    weights = [[weight.value for weight in layer.trainable_weights] for layer in layers]
    with tf.GradientTape() as tape:
        outputs = x
        for layer in layers:
            outputs = layer(outputs, mask=_mask(LENGTHS))[0]
        outputs = _zeroed(outputs, LENGTHS)
        loss = tf.reduce_sum(outputs * dh)
    dx, dweights = tape.gradient(loss, [x, weights])
    theirs = {"outputs": outputs, "dx": dx}
    for index, gradient in enumerate(dweights):
        theirs |= {f"layer {index} d{name}": value for name, value in _params(gradient).items()}

    stack = [Layer(CELLS[name][0], (_params(own),)) for name, own in zip(names, weights, strict=True)]
    h, cache = stack_forward(stack, x.numpy(), LENGTHS)
    gradients = stack_backward(dh, cache)
    ours = {"outputs": h, "dx": gradients.dx}
    for index, (dlayer,) in enumerate(gradients.dlayers):
        ours |= {f"layer {index} d{name}": value for name, value in dlayer.items()}
    _check(dtype, ours, theirs)
