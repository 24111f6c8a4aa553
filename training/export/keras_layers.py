"""Conversion of Keras layers to ONNX nodes, by the name of the layer's class."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from training.errors import ExportError
from training.export.graph_builder import GraphBuilder
from training.export.keras_value import Trace, Value
from training.export.recurrent_layers import convert_bidirectional, convert_recurrent, merge

_RECURRENT = ("SimpleRNN", "GRU", "LSTM")
# Layers that change nothing when a model predicts.
_IDENTITIES = (
    "Dropout",
    "SpatialDropout1D",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
    "Identity",
)
_MERGES = {"Concatenate": "concat", "Add": "sum", "Average": "ave", "Multiply": "mul"}
_ACTIVATIONS: dict[str, Callable[[GraphBuilder, str], str]] = {
    "linear": lambda builder, tensor: tensor,
    "sigmoid": lambda builder, tensor: builder.node("Sigmoid", tensor),
    "softmax": lambda builder, tensor: builder.node("Softmax", tensor, axis=-1),
    "tanh": lambda builder, tensor: builder.node("Tanh", tensor),
    "relu": lambda builder, tensor: builder.node("Relu", tensor),
    "elu": lambda builder, tensor: builder.node("Elu", tensor),
    "selu": lambda builder, tensor: builder.node("Selu", tensor),
    "softplus": lambda builder, tensor: builder.node("Softplus", tensor),
    "softsign": lambda builder, tensor: builder.node("Softsign", tensor),
    "hard_sigmoid": lambda builder, tensor: builder.node("HardSigmoid", tensor, alpha=1 / 6, beta=0.5),
    "silu": lambda builder, tensor: builder.node("Mul", tensor, builder.node("Sigmoid", tensor)),
}

SUPPORTED = ", ".join(
    (
        "Embedding",
        *_RECURRENT,
        "Bidirectional",
        "Dense",
        "TimeDistributed of a Dense, an activation or a dropout",
        "GlobalMaxPooling1D",
        "GlobalAveragePooling1D",
        "Masking",
        "Activation",
        "ReLU",
        "Softmax",
        *_MERGES,
        *_IDENTITIES,
    )
)


@dataclass(frozen=True)
class LayerConverter:
    """Converts one layer at a time.

    Attributes:
        builder: The graph.
        vocabulary: The number of rows that embeddings keep; None for all.
    """

    builder: GraphBuilder
    vocabulary: int | None = None

    def convert(self, layer: Any, values: list[Value]) -> list[Value]:
        """Convert a layer.

        Args:
            layer: The Keras layer.
            values: Its inputs.

        Returns:
            Its outputs.

        Raises:
            ExportError: The layer, or one of its options, cannot be converted; the message names it.
        """
        kind = type(layer).__name__
        if type(layer).__module__.split(".")[0] != "keras":
            raise _refusal(layer, "is not a layer of Keras")
        if kind in _MERGES:
            return [self._merge(layer, _MERGES[kind], values)]
        if len(values) != 1:
            raise _refusal(layer, f"has {len(values)} inputs")
        (value,) = values
        if kind in _IDENTITIES:
            return [value]
        if kind == "Bidirectional":
            inner = type(layer.forward_layer).__name__
            if {inner, type(layer.backward_layer).__name__} - set(_RECURRENT):
                raise _refusal(layer, f"wraps {inner}")
            return convert_bidirectional(self.builder, layer, self._sequence(layer, value))
        if kind in _RECURRENT:
            return [convert_recurrent(self.builder, layer, self._sequence(layer, value))]
        if kind == "TimeDistributed":
            return [self._time_distributed(layer, self._sequence(layer, value))]
        method = getattr(self, f"_{kind.lower()}", None)
        if method is None:
            raise _refusal(layer, "has no conversion")
        return [method(layer, value)]

    def embedding(self, layer: Any, ids: str) -> Value:
        """Convert an Embedding of time-major ids."""
        table = np.asarray(layer.get_weights()[0], np.float32)[: self.vocabulary]
        vectors = self.builder.node("Gather", self.builder.constant(table, name=f"{layer.name}_table"), ids)
        return Value(vectors, layer.output_dim, sequence=True, masked=bool(layer.mask_zero))

    def _sequence(self, layer: Any, value: Value) -> Value:
        if not value.sequence:
            raise _refusal(layer, "reads a tensor without a time axis")
        return value

    def _time_distributed(self, layer: Any, value: Value) -> Value:
        inner = type(layer.layer).__name__
        if inner in _IDENTITIES:
            return value
        if inner == "Dense":
            return self._dense(layer.layer, value)
        if inner in ("Activation", "ReLU", "Softmax"):
            return getattr(self, f"_{inner.lower()}")(layer.layer, value)  # type: ignore[no-any-return]
        raise _refusal(layer, f"wraps {inner}")

    def _dense(self, layer: Any, value: Value) -> Value:
        kernel, *biased = (np.asarray(weight, np.float32) for weight in layer.get_weights())
        bias = biased[0] if biased else np.zeros(kernel.shape[1], np.float32)
        if kernel.ndim != 2 or kernel.shape[0] != value.width:
            raise _refusal(layer, f"multiplies {value.width} features with weights of the shape {kernel.shape}")
        weights, offset = self.builder.constant(kernel, name=f"{layer.name}_kernel"), self.builder.constant(bias)

        def product(tensor: str) -> str:
            return self.builder.node("MatMul", tensor, weights)

        def step(tensor: str) -> str:
            return self.builder.node("Add", product(tensor), offset) if biased else product(tensor)

        linear = self._each(value, step, kernel.shape[1])
        if value.trace is not None:
            old = value.trace
            parts = None if old.parts is None else product(old.parts)
            trace = Trace(
                step(old.steps), parts, old.base @ kernel + bias, old.order, old.start @ kernel + bias, old.flipped
            )
            linear = replace(linear, trace=trace)
        return self._activate(layer, linear)

    def _activation(self, layer: Any, value: Value) -> Value:
        return self._activate(layer, value)

    def _relu(self, layer: Any, value: Value) -> Value:
        if layer.max_value is not None or layer.negative_slope or layer.threshold:
            raise _refusal(layer, "has a max_value, negative_slope or threshold")
        return self._activate(layer, value, keras.activations.relu)

    def _softmax(self, layer: Any, value: Value) -> Value:
        if layer.axis not in (-1, 2 if value.sequence else 1):
            raise _refusal(layer, f"has axis={layer.axis}")
        if value.sequence and value.masked:
            raise _refusal(layer, "reads a masked sequence")
        return self._activate(layer, value, keras.activations.softmax)

    def _activate(self, layer: Any, value: Value, function: Any = None) -> Value:
        function = layer.activation if function is None else function
        name = getattr(function, "__name__", str(function))
        if name not in _ACTIVATIONS or (function is not keras.activations.get(name)):
            raise _refusal(layer, f"has the activation {name!r}, which is none of {', '.join(_ACTIVATIONS)}")
        if name == "linear":
            return value
        activate = functools.partial(_ACTIVATIONS[name], self.builder)
        result = self._each(value, activate, value.width)
        if value.trace is not None:
            old = value.trace
            start = np.asarray(keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(old.start[None]))))[0]
            result = replace(result, trace=replace(old, steps=activate(old.steps), parts=None, start=start))
        return replace(result, activation=name, before=value)

    def _each(self, value: Value, step: Callable[[str], str], width: int) -> Value:
        """Apply a function to a tensor, and to its padded form if that differs."""
        pad = None if value.pad is None else functools.cache(lambda: step(value.exact))
        return Value(step(value.name), width, value.sequence, value.masked, pad, flipped=value.flipped)

    def _masking(self, layer: Any, value: Value) -> Value:
        self._sequence(layer, value)

        @functools.cache
        def pad() -> str:
            return self.builder.node("Where", self.builder.time_mask(), value.exact, self.builder.constant(0.0))

        return replace(value, masked=True, pad=pad, activation=None, before=None)

    def _globalaveragepooling1d(self, layer: Any, value: Value) -> Value:
        self._check_pooling(layer, value)
        builder, states = self.builder, value.readable
        if value.masked:
            states = builder.node("Where", builder.time_mask(), states, builder.constant(0.0))
        steps = builder.node("Cast", "lengths" if value.masked else builder.all_steps(), to=1)
        count = builder.node("Unsqueeze", steps, builder.integers(1))  # [B, 1]
        total = builder.node("ReduceSum", states, builder.integers(0), keepdims=0)
        trace = Trace.of(value.readable, builder.node("Div", states, count), value.width, flipped=value.flipped)
        return Value(builder.node("Div", total, count), value.width, sequence=False, trace=trace)

    def _globalmaxpooling1d(self, layer: Any, value: Value) -> Value:
        self._check_pooling(layer, value)
        largest = self.builder.node("ReduceMax", value.exact, axes=[0], keepdims=0)  # Keras ignores the mask here
        return Value(
            largest, value.width, sequence=False, trace=Trace.of(value.exact, None, value.width, flipped=value.flipped)
        )

    def _check_pooling(self, layer: Any, value: Value) -> None:
        self._sequence(layer, value)
        if layer.data_format != "channels_last" or layer.keepdims:
            raise _refusal(layer, f"has data_format={layer.data_format!r} and keepdims={layer.keepdims}")

    def _merge(self, layer: Any, mode: str, values: list[Value]) -> Value:
        same_form = len({(value.sequence, value.masked, value.flipped) for value in values}) == 1
        axis = getattr(layer, "axis", -1)
        if not same_form or axis not in (-1, 2 if values[0].sequence else 1):
            raise _refusal(
                layer,
                "merges tensors of unlike forms (time axis, mask, go_backwards), or over another axis",
            )
        if mode != "concat" and len({value.width for value in values}) > 1:
            raise _refusal(layer, "merges tensors of different widths")
        return merge(self.builder, mode, values, masked=values[0].masked)


def _refusal(layer: Any, reason: str) -> ExportError:
    return ExportError(
        f"{type(layer).__name__} {layer.name!r} cannot be exported: it {reason}. Layers that can be: {SUPPORTED}"
    )
