"""Export of recurrent layers as the fused ONNX ops `RNN`, `GRU` and `LSTM` with `sequence_lens`.

tf2onnx converts a Keras recurrent layer to a `Loop`, which is an order of magnitude slower and ignores the lengths.
The graph to convert therefore contains a `placeholder`, a `PyFunc` node that never runs, and `FusedOpHandler` replaces
it with the fused op.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.errors import ExportError
from training.nn.model import Recurrent

_NAME = "sentiline_recurrent_{}"
_PATTERN = re.compile(r"sentiline_recurrent_(\d+)")
_OP = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
_GATES = {"rnn": 1, "lstm": 4, "gru": 3}
_LSTM_ORDER = (0, 3, 1, 2)  # Keras i, f, c, o → ONNX i, o, f, c


def placeholder(index: int, states: Any, lengths: Any, width: int) -> Any:
    """Return a placeholder for the recurrent layer of that index in a graph to convert; float32 [B, T, width]."""

    def never(*_: Any) -> Any:
        raise ExportError("a placeholder for a recurrent layer was run; it exists only to be converted")

    output = tf.numpy_function(never, [states, lengths], tf.float32, name=_NAME.format(index))
    output.set_shape([None, None, width])
    return output


class FusedWeights:
    """The weights of one recurrent layer in the layout of its fused op; H units, E inputs, G gates.

    Attributes:
        w: float32 [directions, G·H, E].
        r: float32 [directions, G·H, H].
        b: float32 [directions, 2·G·H], the input biases followed by the recurrent biases.
        attributes: The attributes of the ONNX node.
        op: The ONNX op type.
        width: The width of the states.
    """

    def __init__(self, layer: Recurrent) -> None:
        parts = [onnx_weights(layer.cell, direction) for direction in layer.directions]
        self.w, self.r, self.b = (np.stack(arrays) for arrays in zip(*parts, strict=True))
        self.op = _OP[layer.cell]
        units = int(layer.directions[0].units)
        self.attributes: dict[str, Any] = {
            "hidden_size": units,
            "direction": "bidirectional" if layer.bidirectional else "forward",
            "activations": _activations(layer.cell, layer.directions[0].activation.__name__) * len(parts),
        }
        if layer.cell == "gru":
            self.attributes["linear_before_reset"] = int(layer.directions[0].reset_after)
        self.width = units * len(parts)


def _activations(cell: str, state: str) -> list[str]:
    name = {"tanh": "Tanh", "sigmoid": "Sigmoid"}[state]
    return {"rnn": [name], "gru": ["Sigmoid", name], "lstm": ["Sigmoid", name, name]}[cell]


def onnx_weights(cell: str, layer: Any) -> tuple[NDArray[np.float32], ...]:
    """Return W [G·H, E], R [G·H, H] and B [2·G·H] of one direction; a Keras layer may have no bias."""
    kernel, recurrent, *biased = (np.asarray(weight, np.float32) for weight in layer.get_weights())
    bias = biased[0] if biased else np.zeros(kernel.shape[1], np.float32)
    gates, units = _GATES[cell], recurrent.shape[0]
    order: Sequence[int] = _LSTM_ORDER if cell == "lstm" else range(gates)

    def reorder(matrix: NDArray[np.float32]) -> NDArray[np.float32]:  # [..., G·H] → [G·H, ...]
        blocks = matrix.T.reshape(gates, units, -1)
        return blocks[list(order)].reshape(gates * units, -1)

    # Only a GRU with reset_after has a recurrent bias of its own: shape (2, 3·H).
    biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    return reorder(kernel), reorder(recurrent), np.concatenate([reorder(row[None, :])[:, 0] for row in biases])


class FusedOpHandler:
    """The `custom_op_handlers` entry of tf2onnx for `PyFunc`."""

    def __init__(self, layers: Sequence[Recurrent]) -> None:
        # tf2onnx calls handlers in graph mode, where variables cannot be read: read them now.
        self._weights = [FusedWeights(layer) for layer in layers]

    def __call__(self, context: Any, node: Any, name: str, args: Any) -> None:
        """Replace one placeholder; tf2onnx defines the signature."""
        match = _PATTERN.search(name)
        if match is None:
            raise ExportError(f"the graph to convert contains a PyFunc that is not a `placeholder`: {name}")
        weights = self._weights[int(match[1])]
        states, lengths = node.input[0], node.input[1]
        output = node.output[0]
        context.remove_node(node.name)
        prefix = f"recurrent_{match[1]}"
        constants = [
            context.make_const(f"{prefix}_{letter}", array).output[0]
            for letter, array in (("W", weights.w), ("R", weights.r), ("B", weights.b))
        ]
        by_time = context.make_node("Transpose", [states], attr={"perm": [1, 0, 2]}).output[0]  # [T, B, E]
        fused = context.make_node(
            weights.op, [by_time, *constants, lengths], attr=weights.attributes, output_count=2, name=prefix
        ).output[0]  # [T, directions, B, H]
        by_review = context.make_node("Transpose", [fused], attr={"perm": [2, 0, 1, 3]}).output[0]
        shape = context.make_const(f"{prefix}_shape", np.array([0, 0, weights.width], np.int64)).output[0]
        context.make_node("Reshape", [by_review, shape], outputs=[output])  # [B, T, D]
