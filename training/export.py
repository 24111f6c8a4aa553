"""A fitted model as ONNX graphs: float32, and dynamically quantized to int8."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import tensorflow as tf
import tf2onnx
from keras import ops
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.fused import Handler, placeholder
from training.model import SentimentModel

OPSET = 17
AXES = {
    "input_ids": ("batch", "time"),
    "lengths": ("batch",),
    "probability": ("batch",),
    "logit": ("batch",),
    "bias": ("batch",),
    "scores": ("batch", "time"),
    "contributions": ("batch", "time"),
}
"""Every input and output a graph may have, with its axes."""

_QUANTIZED_OPS = ["LSTM", "Gather"]
"""Quantizing the head's products as well would triple the drift of the logit at the same file size."""


def to_onnx(model: SentimentModel) -> onnx.ModelProto:
    """Convert a model to a float32 graph with fused recurrent ops.

    Inputs are `input_ids` int32 [batch, time], right-padded with 0, and `lengths` int32 [batch]. Outputs are
    `probability`, `logit` and `bias` float32 [batch], and `scores` and, where the head is additive, `contributions`
    float32 [batch, time].

    Args:
        model: built, with the weights to export.

    Returns:
        The graph; it is not checked here (see `training.gate`).
    """

    def graph(input_ids: Any, lengths: Any) -> dict[str, Any]:
        states = model.embedding(input_ids)
        for index, layer in enumerate(model.recurrent):
            states = placeholder(index, states, lengths, int(layer.forward.units) * len(layer.directions))
        reading = model.head.read(states, lengths)
        outputs = {"probability": ops.sigmoid(reading["logit"]), **reading}
        return {name: tf.identity(value, name=name) for name, value in outputs.items() if value is not None}

    signature = [
        tf.TensorSpec([None, None], tf.int32, name="input_ids"),
        tf.TensorSpec([None], tf.int32, name="lengths"),
    ]
    with _quiet():
        proto, _ = tf2onnx.convert.from_function(
            tf.function(graph, input_signature=signature),
            input_signature=signature,
            opset=OPSET,
            custom_op_handlers={"PyFunc": (Handler(model.recurrent), [])},
        )
    return name_axes(proto)


def name_axes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Name the dynamic axes "batch" and "time" and say who produced the graph."""
    for value in (*proto.graph.input, *proto.graph.output):
        shape = value.type.tensor_type.shape
        shape.Clear()  # tf2onnx leaves out the shape of outputs that it could not infer
        for axis in AXES[value.name]:
            shape.dim.add().dim_param = axis
    proto.graph.name = "sentiline"
    proto.producer_name = "sentiline"
    proto.doc_string = ""
    return proto


def quantize(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Quantize word vectors and LSTM weights to int8; activations are quantized at run time.

    RNN and GRU ops have no quantized form in ONNX Runtime and keep float32 weights.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, target = Path(folder, "model.onnx"), Path(folder, "model.int8.onnx")
        onnx.save(proto, source)
        quantize_dynamic(source, target, op_types_to_quantize=_QUANTIZED_OPS, weight_type=QuantType.QInt8)
        return onnx.load(target)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converters' logs, which the gate makes redundant, off the terminal."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "root", "tensorflow")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
