"""Conversion of any Sequential or functional Keras model of recurrent layers to a fused ONNX graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import onnx
from onnx import helper

from training.errors import ExportError
from training.export.graph_builder import GraphBuilder
from training.export.keras_layers import SUPPORTED, LayerConverter
from training.export.keras_value import Value

IDS, FEATURES, LENGTHS = "input_ids", "features", "lengths"
_RESERVED = (IDS, FEATURES, LENGTHS)


@dataclass(frozen=True)
class Conversion:
    """A Keras model as nodes of a graph that is not yet finished.

    Attributes:
        builder: The nodes.
        inputs: The graph's inputs.
        outputs: The model's outputs by name.
    """

    builder: GraphBuilder
    inputs: list[onnx.ValueInfoProto]
    outputs: dict[str, Value]


def convert_model(model: keras.Model) -> onnx.ModelProto:
    """Convert a model to a float32 graph; see `training.export.to_onnx`, which also checks it."""
    conversion = convert_layers(model)
    builder = conversion.builder
    outputs: dict[str, list[str | int]] = {}
    for name, value in conversion.outputs.items():
        tensor = value.exact
        axes: list[str | int] = ["batch", value.width]
        if value.sequence:
            tensor, axes = builder.node("Transpose", tensor, perm=[1, 0, 2]), ["batch", "time", value.width]
        builder.named(name, tensor)
        outputs[name] = axes
    return builder.build(conversion.inputs, outputs)


def convert_layers(model: keras.Model, *, vocabulary: int | None = None, pad_to: int = 0) -> Conversion:
    """Convert the layers of a model.

    Args:
        model: The model.
        vocabulary: The number of rows that the embedding keeps; None for all.
        pad_to: The number of timesteps to which shorter sequences of ids are padded inside the graph.

    Raises:
        ExportError: The model is not a Sequential or functional one, or has a layer that cannot be converted.
    """
    graph = functional_model(model)
    source = graph.inputs[0]
    builder = GraphBuilder()
    converter = LayerConverter(builder, vocabulary)
    reads_ids = len(source.shape) == 2
    if reads_ids:
        axes: list[str | int] = ["batch", "time"]
        kind, name, perm = onnx.TensorProto.INT32, IDS, [1, 0]
    else:
        axes = ["batch", "time", int(source.shape[2])]
        kind, name, perm = onnx.TensorProto.FLOAT, FEATURES, [1, 0, 2]
    read = builder.node("Transpose", name, perm=perm)
    if pad_to:
        read = _pad(builder, read, pad_to)
    builder.sequence, builder.ids = read, reads_ids
    values = _walk(graph, [Value(read, 1 if reads_ids else int(source.shape[2]), sequence=True)], converter)
    names = [output if output not in _RESERVED else f"output_{output}" for output in graph.output_names]
    if len(set(names)) != len(values):  # a layer with several outputs gives them one name
        names = [f"output_{index}" for index in range(len(values))]
    inputs = [
        helper.make_tensor_value_info(name, kind, axes),
        helper.make_tensor_value_info(LENGTHS, onnx.TensorProto.INT32, ["batch"]),
    ]
    return Conversion(builder, inputs, dict(zip(names, values, strict=True)))


def functional_model(model: Any) -> Any:
    """Return the functional form of a model with one input of token ids or features.

    Raises:
        ExportError: There is none.
    """
    if isinstance(model, keras.Sequential):
        if not model.built or model._functional is None:
            raise ExportError(
                f"the model {model.name!r} has no shapes yet; give it an Input layer, or fit it before the export"
            )
        model = model._functional
    model = split_vectorizer(model)[1]
    if not isinstance(model, keras.Model) or not hasattr(model, "_nodes_by_depth"):
        raise ExportError(
            f"{type(model).__name__} is not a Sequential or functional Keras model, whose layers can be read; "
            f"build the same layers with keras.Sequential or keras.Model(inputs, outputs) and copy the weights"
        )
    if len(model.inputs) != 1:
        raise ExportError(f"the model {model.name!r} has {len(model.inputs)} inputs; models with one can be exported")
    shape = tuple(model.inputs[0].shape)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] is None):
        raise ExportError(
            f"the input of the model {model.name!r} has the shape {shape}; it must be (batch, time) for token ids or "
            f"(batch, time, features)"
        )
    return model


def split_vectorizer(model: Any) -> tuple[Any, Any]:
    """Return a model's TextVectorization layer, None if it has none, and the rest of the model, which reads its ids."""
    if isinstance(model, keras.Sequential) and model._functional is not None:
        model = model._functional
    for nodes in getattr(model, "_nodes_by_depth", {}).values():
        for node in nodes:
            if type(node.operation).__name__ == "TextVectorization":
                alone = any(node.outputs[0] is output for output in model.outputs)
                rest = model if alone else keras.Model(node.outputs[0], model.outputs, name=model.name)
                return node.operation, rest
    return None, model


def _walk(graph: Any, inputs: list[Value], converter: LayerConverter) -> list[Value]:
    """Convert the layers of a functional model, nested models included, in an order in which inputs come first."""
    values = {id(tensor): value for tensor, value in zip(graph.inputs, inputs, strict=True)}
    skipped: dict[int, Any] = {}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            layer = node.operation
            if type(layer).__name__ == "InputLayer":
                continue
            if not isinstance(layer, keras.layers.Layer):  # such as those that make a mask, which values carry already
                skipped.update((id(tensor), layer) for tensor in node.outputs)
                continue
            mask = node.arguments.kwargs.get("mask")
            masks = {id(tensor) for tensor in (mask if isinstance(mask, list | tuple) else [mask])}
            read = [tensor for tensor in node.input_tensors if id(tensor) not in masks]
            _check_read(read, skipped)
            found = _convert_node(layer, [values[id(tensor)] for tensor in read], converter)
            values.update((id(tensor), value) for tensor, value in zip(node.outputs, found, strict=True))
    _check_read(graph.outputs, skipped)
    return [values[id(tensor)] for tensor in graph.outputs]


def _check_read(tensors: Iterable[Any], skipped: Mapping[int, Any]) -> None:
    for tensor in tensors:
        if id(tensor) in skipped:
            operation = skipped[id(tensor)]
            raise ExportError(
                f"the operation {type(operation).__name__} {operation.name!r} cannot be exported. Layers that can be: "
                f"{SUPPORTED}"
            )


def _convert_node(layer: Any, inputs: list[Value], converter: LayerConverter) -> list[Value]:
    if isinstance(layer, keras.Model):
        inner = layer._functional if isinstance(layer, keras.Sequential) else layer
        return _walk(functional_model(inner), inputs, converter)
    if type(layer).__name__ in ("LSTM", "GRU", "SimpleRNN", "Bidirectional") and len(inputs) > 1:
        raise ExportError(f"{type(layer).__name__} {layer.name!r} is given an initial state, which cannot be exported")
    reads_ids = inputs[0].name == converter.builder.sequence and converter.builder.ids
    if type(layer).__name__ == "Embedding":
        if not reads_ids:
            raise ExportError(f"Embedding {layer.name!r} does not read the model's input, so it cannot be exported")
        return [converter.embedding(layer, inputs[0].name)]
    if reads_ids:
        raise ExportError(
            f"{type(layer).__name__} {layer.name!r} reads an input of the shape (batch, time); such an input must go "
            f"to an Embedding, and features have the shape (batch, time, features)"
        )
    return converter.convert(layer, inputs)


def _pad(builder: GraphBuilder, ids: str, steps: int) -> str:
    """Append zeros to time-major ids until there are `steps` timesteps."""
    shape = builder.node("Shape", ids)
    time = builder.node("Slice", shape, builder.integers(0), builder.integers(1))
    missing = builder.node("Max", builder.node("Sub", builder.integers(steps), time), builder.integers(0))
    pads = builder.node("Concat", builder.integers(0, 0), missing, builder.integers(0), axis=0)
    return builder.node("Pad", ids, pads, builder.constant(0, np.int32))
