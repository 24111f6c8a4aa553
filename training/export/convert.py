"""Conversion of a trained model to ONNX graphs: float32, and dynamically quantized to int8."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import ops
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.export.fused_ops import FusedOpHandler, placeholder
from training.nn.model import SentimentModel

OPSET = 17
# Every possible input and output of a graph with the names of its axes.
AXES = {
    "input_ids": ("batch", "time"),
    "lengths": ("batch",),
    "probability": ("batch",),
    "logit": ("batch",),
    "bias": ("batch",),
    "scores": ("batch", "time"),
    "contributions": ("batch", "time"),
}

# Quantizing the head's products as well would triple the error of the logit without making the file smaller.
_QUANTIZED_OPS = ["LSTM", "Gather"]


def to_onnx(model: SentimentModel) -> onnx.ModelProto:
    """Convert a model to a float32 graph with fused recurrent ops.

    Inputs are `input_ids` int32 [batch, time], right-padded with 0, and `lengths` int32 [batch]. Outputs are
    `probability`, `logit` and `bias` float32 [batch], and `scores` and, if the head is additive, `contributions`
    float32 [batch, time].

    Args:
        model: A built model with the weights to export.

    Returns:
        The graph, which `training.export.parity_check` must check before it is used.
    """

    def graph(input_ids: Any, lengths: Any) -> dict[str, Any]:
        # Transpose the small ids, not the vectors: the fused op's own transpose cancels the one that follows.
        states = tf.transpose(tf.gather(model.embedding.embeddings, tf.transpose(input_ids)), [1, 0, 2])
        for index, layer in enumerate(model.recurrent):
            states = placeholder(index, states, lengths, int(layer.directions[0].units) * len(layer.directions))
        output = model.head.outputs(states, lengths)
        outputs = {"probability": ops.sigmoid(output["logit"]), **output}
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
            custom_op_handlers={"PyFunc": (FusedOpHandler(model.recurrent), [])},
        )
    return name_axes(proto)


def name_axes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Name the dynamic axes "batch" and "time" and set the graph's name and producer."""
    for value in (*proto.graph.input, *proto.graph.output):
        shape = value.type.tensor_type.shape
        shape.Clear()  # tf2onnx omits output shapes that it cannot infer
        for axis in AXES[value.name]:
            shape.dim.add().dim_param = axis
    proto.graph.name = "sentiline"
    proto.producer_name = "sentiline"
    proto.doc_string = ""
    return proto


def quantize(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Quantize word vectors and LSTM weights to int8; activations are quantized at run time.

    RNN and GRU ops keep float32 weights, as ONNX Runtime has no quantized form of them.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, target = Path(folder, "model.onnx"), Path(folder, "model.int8.onnx")
        onnx.save(proto, source)
        quantize_dynamic(source, target, op_types_to_quantize=_QUANTIZED_OPS, weight_type=QuantType.QInt8)
        return onnx.load(target)


def store_vectors_as_float16(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Store the word vectors of a float32 graph as float16, which halves the file; the graph converts them back.

    Args:
        proto: A graph returned by `to_onnx`. It is returned unchanged unless all word vectors are exact float16 values
            (see `round_vectors_to_float16`).

    Returns:
        A graph with bitwise identical outputs.
    """
    tables = {tensor.name: tensor for tensor in proto.graph.initializer if len(tensor.dims) == 2}
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    for place, node in enumerate(result.graph.node):
        if node.op_type != "Gather" or node.input[0] not in tables:
            continue
        table = numpy_helper.to_array(tables[node.input[0]])
        half = table.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), table):
            return proto
        for tensor in result.graph.initializer:
            if tensor.name == node.input[0]:
                tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
        widened, node.output[0] = node.output[0], node.output[0] + "_half"
        cast = onnx.helper.make_node("Cast", [node.output[0]], [widened], to=onnx.TensorProto.FLOAT)
        result.graph.node.insert(place + 1, cast)
        return result
    return proto


def round_vectors_to_float16(model: SentimentModel) -> None:
    """Round a model's word vectors to float16 values, which changes its outputs by less than int8 does."""
    table = model.embedding.embeddings
    table.assign(np.asarray(table).astype(np.float16).astype(np.float32))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the converters' logs; the parity check makes their warnings redundant."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "root", "tensorflow")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
