"""Conversion of a Keras classifier of texts to the graph of a bundle, with a prediction at every timestep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from training.errors import ExportError
from training.export.convert import AXES
from training.export.graph_builder import GraphBuilder
from training.export.keras_model import IDS, LENGTHS, convert_layers, functional_model
from training.export.keras_parity import batches, embeddings, predict
from training.export.keras_value import Trace, Value
from training.export.parity_check import check_graph_contract

_SUM_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Classifier:
    """A converted classifier.

    Attributes:
        graph: The float32 graph, with the inputs and outputs of a bundle.
        additive: Whether it gives contributions.
        masked: Whether the model masks its padding.
        largest_difference: The largest difference of the probability from Keras.
    """

    graph: onnx.ModelProto
    additive: bool
    masked: bool
    largest_difference: float


def convert_classifier(model: Any, vocabulary: int, pad_to: int = 0) -> Classifier:
    """Convert a model with one sigmoid or two softmax outputs, of which the second is the positive class.

    The score of a timestep is what the layers behind the pooling, or behind the last state, make of the state of that
    timestep. There are contributions if the logit is a sum over timesteps: a linear layer behind an average, or behind
    last states; or any layers behind the last state of one direction, whose contributions are the changes of the logit.

    Args:
        model: A Sequential or functional Keras model that reads token ids.
        vocabulary: The number of tokens; further rows of the embedding are left out.
        pad_to: The number of timesteps that a model without a mask was fitted on; shorter texts are padded with 0
            inside the graph, and what the padding changes belongs to the bias.

    Raises:
        ExportError: The model cannot be converted, is no such classifier, or the graph differs from Keras.
    """
    functional = functional_model(model)
    found = embeddings(functional)
    if len(functional.inputs[0].shape) != 2 or not found:
        raise ExportError(f"the model {functional.name!r} reads features, not token ids: it cannot be a bundle")
    rows = min(layer.input_dim for layer in found)
    if rows < vocabulary:
        raise ExportError(
            f"the vocabulary has {vocabulary} tokens, padding and unknown word included, and the embedding of the "
            f"model only {rows} rows; give the vocabulary that it was fitted with",
            field="vocabulary",
        )
    masked = all(layer.mask_zero for layer in found)
    conversion = convert_layers(functional, vocabulary=vocabulary, pad_to=0 if masked else pad_to)
    builder = conversion.builder
    if len(conversion.outputs) != 1:
        raise ExportError(f"the model {functional.name!r} has {len(conversion.outputs)} outputs; a bundle has one")
    (value,) = conversion.outputs.values()
    logits = _logits(builder, value, functional.name)
    trace = logits.trace
    if trace is None:
        raise ExportError(f"the model {functional.name!r} reads its timesteps in two orders: it cannot be a bundle")
    contributions = _contributions(builder, logits, trace)
    additive = contributions is not None
    logit = builder.node("Squeeze", logits.name, builder.integers(1))  # [B]
    outputs = {"probability": builder.node("Sigmoid", logit), "logit": logit}
    outputs["scores"] = _by_token(builder, builder.node("Sigmoid", trace.steps), trace)
    if contributions is not None:
        outputs["contributions"] = _by_token(builder, contributions, trace)
    padded = bool(pad_to) and not masked
    outputs["bias"] = _bias(builder, logit, trace, outputs.get("contributions"), padded=padded)
    for name, tensor in outputs.items():
        builder.named(name, tensor)
    order = [name for name in AXES if name in outputs]
    graph = builder.build(conversion.inputs, {name: AXES[name] for name in order})
    check_graph_contract(graph, "model.onnx", additive=additive)
    return Classifier(graph, additive, masked, _check(functional, graph, vocabulary, pad_to))


def _logits(builder: GraphBuilder, value: Value, name: str) -> Value:
    """Return the log-odds of the positive class, [B, 1]."""
    kind = (value.activation, value.width)
    if value.sequence or value.before is None or kind not in (("sigmoid", 1), ("softmax", 2)):
        form = "per timestep" if value.sequence else "per text"
        raise ExportError(
            f"the model {name!r} gives {value.width} {value.activation or 'linear'} value(s) {form}; a bundle needs "
            f"one sigmoid or two softmax values per text. Without a vocabulary, the graph alone is exported"
        )
    if value.width == 1:
        return value.before
    difference = np.array([[-1.0], [1.0]], np.float32)
    weights, before = builder.constant(difference), value.before
    name_of = before.name
    trace = before.trace
    if trace is not None:
        trace = replace(
            trace,
            steps=builder.node("MatMul", trace.steps, weights),
            parts=None if trace.parts is None else builder.node("MatMul", trace.parts, weights),
            base=trace.base @ difference,
            start=trace.start @ difference,
        )
    return Value(builder.node("MatMul", name_of, weights), 1, sequence=False, trace=trace)


def _contributions(builder: GraphBuilder, logits: Value, trace: Trace) -> str | None:
    """Return every timestep's share of the logit, [T, B, 1], or None if it is no sum over timesteps."""
    if trace.order == 0:
        return trace.parts
    zero = builder.node("Unsqueeze", builder.node("Sub", logits.name, logits.name), builder.integers(0))
    start = builder.node("Add", zero, builder.constant(trace.start))  # [1, B, 1]
    axis = builder.integers(0)
    if trace.order < 0:
        rest = builder.node("Slice", trace.steps, builder.integers(1), builder.integers(np.iinfo(np.int64).max), axis)
        neighbours = builder.node("Concat", rest, start, axis=0)
    else:
        rest = builder.node("Slice", trace.steps, builder.integers(0), builder.integers(-1), axis)
        neighbours = builder.node("Concat", start, rest, axis=0)
    return builder.node("Sub", trace.steps, neighbours)


def _by_token(builder: GraphBuilder, tensor: str, trace: Trace) -> str:
    """Turn [T, B, 1] into [B, time], in the order of the text, 0 on padding and without what the graph padded."""
    if trace.flipped:
        tensor = builder.flip(tensor)
    inside = builder.node("Where", builder.time_mask(), tensor, builder.constant(0.0))
    time = builder.node("Slice", builder.node("Shape", IDS), builder.integers(1), builder.integers(2))
    cut = builder.node("Slice", inside, builder.integers(0), time, builder.integers(0))
    return builder.node("Transpose", builder.node("Squeeze", cut, builder.integers(2)), perm=[1, 0])


def _bias(builder: GraphBuilder, logit: str, trace: Trace, contributions: str | None, *, padded: bool) -> str:
    if contributions is None:
        return builder.node("Sub", logit, logit)
    if padded:
        total = builder.node("ReduceSum", contributions, builder.integers(1), keepdims=0)
        return builder.node("Sub", logit, total)
    bias = trace.start if trace.order else trace.base
    return builder.node("Expand", builder.constant(bias), builder.node("Shape", logit))


def _check(functional: Any, graph: onnx.ModelProto, vocabulary: int, pad_to: int) -> float:
    """Compare the probability with Keras, and the logit with bias and contributions; see `check_against_keras`."""
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    tolerance = 1e-4 if any(node.op_type == "RNN" for node in graph.graph.node) else 1e-5
    largest = 0.0
    for ids, lengths in batches(functional):
        ids = np.where(ids < vocabulary, ids, 1)
        padded = np.pad(ids, ((0, 0), (0, max(0, pad_to - ids.shape[1]))))
        (expected,) = predict(functional, padded)
        outputs = dict(zip(names, session.run(names, {IDS: ids.astype(np.int32), LENGTHS: lengths}), strict=True))
        apart = float(np.abs(outputs["probability"] - expected[:, -1]).max())
        if not apart <= tolerance:
            raise ExportError(f"the probability differs from Keras by {apart:.1e}; the limit is {tolerance:.0e}")
        largest = max(largest, apart)
        if "contributions" in outputs and len(ids) == 1:
            total = outputs["bias"] + outputs["contributions"].sum(axis=1, dtype=np.float64)
            limit = _SUM_TOLERANCE * max(1.0, float(np.abs(outputs["logit"]).max()))
            if not np.abs(total - outputs["logit"]).max() <= limit:
                raise ExportError("bias + Σ contributions differs from the logit")
    return largest
