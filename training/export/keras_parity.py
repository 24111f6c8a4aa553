"""The parity check of a converted Keras model: padded batches must give what Keras gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from training.errors import ExportError
from training.export.keras_model import FEATURES, IDS, LENGTHS, functional_model

_LENGTHS = (9, 1, 2, 24, 17)
_TOLERANCE = 1e-5
_RNN_TOLERANCE = 1e-4  # a plain RNN amplifies rounding errors at every step
_LOOPS = {"Loop", "Scan", "If"}

Batch = tuple[NDArray[Any], NDArray[np.int32]]


def check_fused(proto: onnx.ModelProto) -> None:
    """Check that a graph is valid and free of loops, and that every recurrent op is given the lengths.

    Raises:
        ExportError: It is not.
    """
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the exported graph is not valid: {error}") from error
    for node in proto.graph.node:
        if node.op_type in _LOOPS:
            raise ExportError(f"the exported graph holds {node.op_type}; recurrent layers must be fused ops")
        if node.op_type in ("RNN", "GRU", "LSTM") and not (len(node.input) > 4 and node.input[4]):
            raise ExportError(f"{node.op_type} {node.name} has no sequence_lens, so padding would affect its states")


def check_against_keras(model: Any, proto: onnx.ModelProto) -> float:
    """Check a float32 graph against the Keras model on padded batches of random input, together and one by one.

    Returns:
        The largest difference, relative to values above 1.

    Raises:
        ExportError: An output differs by more than 1e-5, or 1e-4 if there is a SimpleRNN.
    """
    check_fused(proto)
    graph = functional_model(model)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    tolerance = _RNN_TOLERANCE if any(node.op_type == "RNN" for node in proto.graph.node) else _TOLERANCE
    largest = 0.0
    for values, lengths in batches(graph):
        name = IDS if values.ndim == 2 else FEATURES
        found = session.run(None, {name: values, LENGTHS: lengths})
        for output, expected, given in zip(session.get_outputs(), predict(graph, values), found, strict=True):
            if given.shape != expected.shape:
                raise ExportError(f"output {output.name} has the shape {given.shape}; Keras gives {expected.shape}")
            apart = float((np.abs(given - expected) / np.maximum(1, np.abs(expected))).max())
            if not apart <= tolerance:
                raise ExportError(
                    f"output {output.name} differs from Keras by {apart:.1e} on a padded batch; the limit is "
                    f"{tolerance:.0e}"
                )
            largest = max(largest, apart)
    return largest


def predict(graph: Any, values: NDArray[Any]) -> list[NDArray[np.float32]]:
    """Return all outputs of a Keras model."""
    outputs = graph(keras.ops.convert_to_tensor(values), training=False)
    listed = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [np.asarray(keras.ops.convert_to_numpy(each)) for each in listed]


def batches(graph: Any) -> Iterator[Batch]:
    """Yield a padded batch of random input with the lengths of its rows, then each row alone if it may be short."""
    generator = np.random.default_rng(0)
    shape = tuple(graph.inputs[0].shape)
    time = shape[1] or max(_LENGTHS)
    lengths = np.minimum(np.array(_LENGTHS, np.int32), time).astype(np.int32)
    inside = np.arange(time) < lengths[:, None]
    if len(shape) == 2:
        rows = min((layer.input_dim for layer in embeddings(graph)), default=2)
        values: NDArray[Any] = np.where(inside, generator.integers(1, max(rows, 2), inside.shape), 0).astype(np.int32)
    else:
        fill = next((layer.mask_value for layer in graph.layers if type(layer).__name__ == "Masking"), 0.0)
        values = np.where(inside[..., None], generator.normal(size=(*inside.shape, shape[2])), fill).astype(np.float32)
    yield values, lengths
    if shape[1] is None:
        for row, length in zip(values, lengths, strict=True):
            yield row[None, :length], np.array([length], np.int32)


def embeddings(graph: Any) -> list[Any]:
    """Return all Embedding layers, those of nested models included."""
    return [layer for layer in graph._flatten_layers() if type(layer).__name__ == "Embedding"]
