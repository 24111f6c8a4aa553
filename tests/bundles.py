"""Writes small but real bundles for tests: a bidirectional ONNX LSTM with random weights and all bundle files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from sentiline.bundle import FileRecord
from sentiline.tokenizer import SPECIAL_TOKENS, Tokenizer

# fmt: off
WORDS = [
    "a", "about", "acting", "and", "bad", "best", "boring", "but", "ending", "film", "fine", "funny", "good", "great",
    "i", "is", "it", "loved", "movie", "not", "of", "plot", "so", "terrible", "that", "the", "this", "to", "was",
    "wonderful", "worst", "!", "?", "don't", "10/10",
]
# fmt: on
UNITS = 6
EMBEDDING = 8
OPSET = 17
THRESHOLDS = {"confidence": 0.75, "unknown_rate": 0.25}
UNSURE: dict[str, Any] = {"uncertainty": THRESHOLDS}
"""Manifest entries of a bundle whose predictions may be marked as uncertain."""
LENGTHS = [{"max_tokens": 4, "confidence": 0.95}, {"max_tokens": 8, "confidence": 0.85}]
THREE_WAY: dict[str, Any] = {
    "uncertainty": THRESHOLDS | {"lengths": LENGTHS, "unread_rate": 0.25},
    "neutral": {
        "cut_points": {"negative": -0.5, "positive": 1.5},
        "uncertainty": {"confidence": 0.6, "unknown_rate": 0.25, "unread_rate": 0.25},
    },
}
"""Manifest entries of a bundle with thresholds by length, and cut points for labels of three classes."""


def write_bundle(
    folder: Path,
    *,
    additive: bool = True,
    max_tokens: int = 64,
    seed: int = 7,
    rows: int | None = None,
    manifest: dict[str, Any] | None = None,
) -> Path:
    """Write a bundle named like its folder.

    Args:
        folder: The folder to create; its name becomes the name of the model.
        additive: Whether the graph has the output `contributions`.
        max_tokens: The number of tokens after which the tokenizer truncates.
        seed: The seed of the random weights.
        rows: The number of rows of the embedding; by default the size of the vocabulary.
        manifest: Entries that replace those of the manifest.

    Returns:
        `folder`.
    """
    folder.mkdir(parents=True)
    tokenizer = Tokenizer([*SPECIAL_TOKENS, *WORDS], max_tokens=max_tokens)
    (folder / "tokenizer.json").write_text(tokenizer.to_json(), encoding="utf-8")
    model = build_graph(rows or len(tokenizer.vocabulary), additive=additive, seed=seed)
    onnx.save(model, folder / "model.onnx")
    quantize_dynamic(
        folder / "model.onnx",
        folder / "model.int8.onnx",
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["LSTM", "Gather"],
    )
    document = {
        "format": 1,
        "name": folder.name,
        "version": "0.0.1",
        "summary": "Random weights, for tests.",
        "architecture": {
            "cell": "lstm",
            "direction": "bidirectional",
            "layers": 1,
            "units": UNITS,
            "embedding": EMBEDDING,
            "parameters": sum(int(np.prod(weight.dims)) for weight in model.graph.initializer),
        },
        "additive": additive,
        "precisions": {"fp32": "model.onnx", "int8": "model.int8.onnx"},
        "default_precision": "int8",
        "tokenizer": "tokenizer.json",
        "opset": OPSET,
    }
    seal(folder, document | (manifest or {}))
    return folder


def seal(folder: Path, document: dict[str, Any]) -> None:
    """Write the manifest, with digests of the files as they are now unless `document` has an entry `files`."""
    records = {}
    for path in sorted(folder.iterdir()):
        if path.name != "manifest.json":
            record = FileRecord.of(path.read_bytes())
            records[path.name] = {"sha256": record.sha256, "bytes": record.size}
    (folder / "manifest.json").write_text(json.dumps({"files": records} | document, indent=1), encoding="utf-8")


def build_graph(rows: int, *, additive: bool = True, seed: int = 7) -> onnx.ModelProto:
    """Build a graph as bundles hold it: embedding → bidirectional LSTM → a score at each timestep.

    logit = bias + Σ_t contributions_t, contributions_t = w · state_t / length (0 on padding).
    """
    random = np.random.default_rng(seed)

    def weight(name: str, *shape: int, scale: float = 0.5) -> onnx.TensorProto:
        return tensor(name, random.normal(0, scale, shape).astype(np.float32))

    gates = 4 * UNITS
    initializers = [
        weight("embedding", rows, EMBEDDING, scale=1.0),
        weight("W", 2, gates, EMBEDDING),
        weight("R", 2, gates, UNITS),
        weight("B", 2, 2 * gates),
        weight("w", 2 * UNITS, 1, scale=4.0),
        tensor("b", np.array([0.25], np.float32)),
        tensor("zero", np.array(0, np.int64)),
        tensor("one", np.array(1, np.int64)),
        tensor("last", np.array([2], np.int64)),
        tensor("time_axis", np.array([1], np.int64)),
        tensor("flat", np.array([0, 0, -1], np.int64)),
    ]
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["embedded"]),  # [N, T, E]
        helper.make_node("Transpose", ["embedded"], ["time_major"], perm=[1, 0, 2]),  # [T, N, E]
        helper.make_node(
            "LSTM", ["time_major", "W", "R", "B", "lengths"], ["states"], hidden_size=UNITS, direction="bidirectional"
        ),  # [T, 2, N, H]
        helper.make_node("Transpose", ["states"], ["by_text"], perm=[2, 0, 1, 3]),  # [N, T, 2, H]
        helper.make_node("Reshape", ["by_text", "flat"], ["joined"]),  # [N, T, 2H]
        helper.make_node("MatMul", ["joined", "w"], ["column"]),  # [N, T, 1]
        helper.make_node("Squeeze", ["column", "last"], ["heights"]),  # [N, T]
        # mask [N, T]: position < length
        helper.make_node("Shape", ["input_ids"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["steps"]),
        helper.make_node("Range", ["zero", "steps", "one"], ["positions"]),
        helper.make_node("Cast", ["lengths"], ["lengths64"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["lengths64", "time_axis"], ["lengths_column"]),
        helper.make_node("Less", ["positions", "lengths_column"], ["inside"]),
        helper.make_node("Cast", ["inside"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["lengths_column"], ["lengths_float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["heights", "lengths_float"], ["shares"]),
        helper.make_node("Mul", ["shares", "mask"], ["contributions"]),
        helper.make_node("ReduceSum", ["contributions", "time_axis"], ["total"], keepdims=0),
        helper.make_node("Add", ["total", "b"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
        helper.make_node("Sub", ["logit", "total"], ["bias"]),
        helper.make_node("Sigmoid", ["heights"], ["unmasked"]),
        helper.make_node("Mul", ["unmasked", "mask"], ["scores"]),
    ]
    outputs = {"probability": ["batch"], "logit": ["batch"], "bias": ["batch"], "scores": ["batch", "time"]}
    if additive:
        outputs["contributions"] = ["batch", "time"]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["batch", "time"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def tensor(name: str, values: NDArray[Any]) -> onnx.TensorProto:
    """Return an array as a named constant of a graph."""
    return numpy_helper.from_array(values, name)
