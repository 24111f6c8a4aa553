"""Conversion of Keras's recurrent layers to the fused ONNX ops `RNN`, `GRU` and `LSTM` with `sequence_lens`."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training.errors import ExportError
from training.export.fused_ops import onnx_weights
from training.export.graph_builder import GraphBuilder
from training.export.keras_value import Trace, Value

_CELLS = {"SimpleRNN": "rnn", "GRU": "gru", "LSTM": "lstm"}
# The ONNX name, alpha and beta of each activation function of a recurrent layer.
_ACTIVATIONS: dict[str, tuple[str, float, float]] = {
    "tanh": ("Tanh", 0.0, 0.0),
    "sigmoid": ("Sigmoid", 0.0, 0.0),
    "relu": ("Relu", 0.0, 0.0),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "softsign": ("Softsign", 0.0, 0.0),
    "softplus": ("Softplus", 0.0, 0.0),
    "elu": ("Elu", 1.0, 0.0),
    "linear": ("Affine", 1.0, 0.0),
}


@dataclass(frozen=True)
class _States:
    """The states of one direction.

    Attributes:
        all: float32 [T, B, H] in the order of the text, 0 on masked timesteps.
        last: float32 [B, H], the state after the last timestep that the direction reads.
        backwards: Whether the direction reads the text from its end.
    """

    all: str
    last: str
    backwards: bool


def convert_recurrent(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    """Convert a SimpleRNN, GRU or LSTM."""
    (states,) = _run(builder, [layer], value)
    if not layer.return_sequences:
        return Value(states.last, layer.units, sequence=False, trace=_last_trace(builder, states, layer.units, value))
    return replace(_sequence(builder, layer, states, value), masked=value.masked)


def convert_bidirectional(builder: GraphBuilder, layer: Any, value: Value) -> list[Value]:
    """Convert a Bidirectional layer; it has one output, or two with `merge_mode=None`."""
    layers = [layer.forward_layer, layer.backward_layer]
    one, other = layers
    if type(one) is type(other) and one.units == other.units and not one.go_backwards:
        states = _run(builder, layers, value)
    else:
        states = [_run(builder, [part], value)[0] for part in layers]
    if layer.return_sequences:
        found = [_sequence(builder, part, own, value) for part, own in zip(layers, states, strict=True)]
        found[1] = replace(
            found[1],
            name=builder.flip(found[1].name),
            pad=None,  # both directions are 0 on masked timesteps
            flipped=not found[1].flipped,
        )
    else:
        found = [
            Value(own.last, part.units, sequence=False, trace=_last_trace(builder, own, part.units, value))
            for part, own in zip(layers, states, strict=True)
        ]
    if layer.merge_mode is None:
        return [replace(each, masked=each.sequence and value.masked) for each in found]
    return [merge(builder, layer.merge_mode, found, masked=layer.return_sequences and value.masked)]


def merge(builder: GraphBuilder, mode: str, values: list[Value], *, masked: bool) -> Value:
    """Merge values of the same shape, or of any widths if `mode` is "concat"; other modes are "sum", "ave", "mul"."""

    def join(names: list[str]) -> str:
        if mode == "concat":
            return builder.node("Concat", *names, axis=-1)
        op = "Mul" if mode == "mul" else "Add"
        total = functools.reduce(lambda left, right: builder.node(op, left, right), names)
        return builder.node("Div", total, builder.constant(float(len(names)))) if mode == "ave" else total

    def join_arrays(arrays: list[Any]) -> Any:
        if mode == "concat":
            return np.concatenate(arrays)
        if mode == "mul":
            return np.prod(arrays, axis=0)
        return np.sum(arrays, axis=0) / (len(arrays) if mode == "ave" else 1)

    width = sum(value.width for value in values) if mode == "concat" else values[0].width
    trace = None
    traces = [value.trace for value in values if value.trace is not None]
    if len(traces) == len(values) and len({each.flipped for each in traces}) == 1:
        additive = mode != "mul" and all(each.parts is not None for each in traces)
        orders = {each.order for each in traces}
        trace = Trace(
            steps=join([each.steps for each in traces]),
            parts=join([each.parts for each in traces if each.parts is not None]) if additive else None,
            base=join_arrays([each.base for each in traces]),
            order=orders.pop() if len(orders) == 1 else 0,
            start=join_arrays([each.start for each in traces]),
            flipped=traces[0].flipped,
        )
    pad = None
    if any(value.pad is not None for value in values):
        pad = functools.cache(lambda: join([value.exact for value in values]))
    return Value(
        join([value.name for value in values]), width, values[0].sequence, masked, pad, trace, flipped=values[0].flipped
    )


def _run(builder: GraphBuilder, layers: list[Any], value: Value) -> list[_States]:
    """Run one or two directions in one fused op."""
    cell = _CELLS[type(layers[0]).__name__]
    for layer in layers:
        _check(layer)
    parts = [onnx_weights(cell, layer) for layer in layers]
    prefix = layers[0].name
    constants = [
        builder.constant(np.stack(arrays), name=f"{prefix}_{letter}")
        for letter, arrays in zip("WRB", zip(*parts, strict=True), strict=True)
    ]
    backwards = [bool(layer.go_backwards) for layer in layers]
    direction = "bidirectional" if len(layers) == 2 else "reverse" if backwards[0] else "forward"
    attributes: dict[str, Any] = {"hidden_size": layers[0].units, "direction": direction}
    attributes |= _activations(cell, layers)
    if cell == "gru":
        attributes["linear_before_reset"] = int(layers[0].reset_after)
    lengths = "lengths" if value.masked else builder.all_steps()
    op = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[cell]
    whole, last = builder.nodes(op, [value.readable, *constants, lengths], 2, name=prefix, **attributes)
    if len(layers) == 1:
        alls, lasts = [whole], [last]
    else:
        alls, lasts = builder.nodes("Split", [whole], 2, axis=1), builder.nodes("Split", [last], 2, axis=0)
    axis, first = builder.integers(1), builder.integers(0)
    return [
        _States(builder.node("Squeeze", every, axis), builder.node("Squeeze", final, first), reads_backwards)
        for every, final, reads_backwards in zip(alls, lasts, backwards, strict=True)
    ]


def _sequence(builder: GraphBuilder, layer: Any, states: _States, value: Value) -> Value:
    """Return the states in the order in which the layer gives them, with Keras's values on masked timesteps."""
    if states.backwards:  # Keras reads the padding first, so that states of 0 come before the text's
        return Value(builder.flip(states.all), layer.units, sequence=True, flipped=not value.flipped)
    pad = None
    if value.masked and not layer.zero_output_for_mask:  # Keras repeats the last state on the padding
        pad = functools.cache(lambda: builder.node("Where", builder.time_mask(), states.all, states.last))
    return Value(states.all, layer.units, sequence=True, pad=pad, flipped=value.flipped)


def _last_trace(builder: GraphBuilder, states: _States, units: int, value: Value) -> Trace:
    """Return the trace of a last state, which is the sum of the changes of the state at every timestep."""
    zeros = builder.node("Sub", states.last, states.last)
    zeros = builder.node("Unsqueeze", zeros, builder.integers(0))  # [1, B, H]
    infinity = builder.integers(np.iinfo(np.int64).max)
    axis = builder.integers(0)
    if states.backwards:
        after = builder.node("Slice", states.all, builder.integers(1), infinity, axis)
        neighbours = builder.node("Concat", after, zeros, axis=0)
    else:
        before = builder.node("Slice", states.all, builder.integers(0), builder.integers(-1), axis)
        neighbours = builder.node("Concat", zeros, before, axis=0)
    parts = builder.node("Sub", states.all, neighbours)
    if value.masked:
        parts = builder.node("Where", builder.time_mask(), parts, builder.constant(0.0))
    return Trace.of(states.all, parts, units, -1 if states.backwards else 1, flipped=value.flipped)


def _check(layer: Any) -> None:
    for option in ("return_state", "stateful"):
        if getattr(layer, option, False):
            raise ExportError(
                f"{type(layer).__name__} {layer.name!r} has {option}=True, which cannot be exported; "
                f"build the model with {option}=False and copy its weights"
            )


def _activations(cell: str, layers: list[Any]) -> dict[str, Any]:
    found = []
    for layer in layers:
        gates = [] if cell == "rnn" else [layer.recurrent_activation]
        outputs = [layer.activation] * (2 if cell == "lstm" else 1)
        for function in (*gates, *outputs):
            name = getattr(function, "__name__", str(function))
            if name not in _ACTIVATIONS:
                raise ExportError(
                    f"{type(layer).__name__} {layer.name!r} has the activation {name!r}; recurrent layers can be "
                    f"exported with {', '.join(_ACTIVATIONS)}"
                )
            found.append(_ACTIVATIONS[name])
    attributes: dict[str, Any] = {"activations": [name for name, _, _ in found]}
    if any(name in ("HardSigmoid", "Elu", "Affine") for name, _, _ in found):
        # One entry per function that has the parameter, in order: the others take none.
        attributes["activation_alpha"] = [a for name, a, _ in found if name in ("HardSigmoid", "Elu", "Affine")]
        attributes["activation_beta"] = [b for name, _, b in found if name in ("HardSigmoid", "Affine")]
    return attributes
