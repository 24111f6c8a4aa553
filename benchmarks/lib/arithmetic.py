"""The arithmetic operations that a review needs, and the peak rate of this machine."""

from __future__ import annotations

import time

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from sentiline.bundle import Manifest

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def operations(manifest: Manifest) -> int:
    """Count the arithmetic operations of the recurrent layers for one token.

    A step of one direction multiplies [inputs + units] by [inputs + units, gates * units]: a multiplication and an
    addition per weight. Embedding, activations and head add less than a hundredth and are not counted.
    """
    architecture = manifest.document["architecture"]
    directions = 2 if architecture["direction"] == "bidirectional" else 1
    units, inputs, total = architecture["units"], architecture["embedding"], 0
    for _ in range(architecture["layers"]):
        total += 2 * directions * GATES[architecture["cell"]] * units * (inputs + units)
        inputs = directions * units
    return total


def peak(kind: str, size: int = 512, rounds: int = 20) -> float:
    """Measure the operations per second of one core in a square matrix product of ONNX Runtime, the best of several.

    Args:
        kind: "fp32", or "int8" for 8-bit products summed in 32 bits.
        size: The number of rows and columns of the matrices.
        rounds: The number of products to time.
    """
    element, node = (
        (TensorProto.FLOAT, helper.make_node("MatMul", ["a", "b"], ["c"]))
        if kind == "fp32"
        else (TensorProto.INT8, helper.make_node("MatMulInteger", ["a", "b"], ["c"]))
    )
    first = TensorProto.FLOAT if kind == "fp32" else TensorProto.UINT8
    weights = np.random.default_rng(0).integers(-100, 100, (size, size))
    constant = helper.make_tensor("b", element, (size, size), weights.flatten().tolist())
    output = TensorProto.FLOAT if kind == "fp32" else TensorProto.INT32
    graph = helper.make_graph(
        [node],
        "peak",
        [helper.make_tensor_value_info("a", first, (size, size))],
        [helper.make_tensor_value_info("c", output, (size, size))],
        [constant],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = np.abs(weights).astype(np.float32 if kind == "fp32" else np.uint8)
    least = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        session.run(None, {"a": values})
        least = min(least, time.perf_counter() - started)
    return 2 * size**3 / least
