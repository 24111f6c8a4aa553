"""Reads the weights from a bundle's ONNX graph, into the names and layouts of `sentiline.reference`.

The `onnx` package, which serving does not need, is imported only here and only when weights are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentiline.errors import BundleCorruptError, SentilineError
from sentiline.reference.activations import LINEAR, RELU, SIGMOID, TANH, Activation
from sentiline.reference.arrays import Array, Params
from sentiline.reference.cell import Cell
from sentiline.reference.gru import gru_cell
from sentiline.reference.lstm import lstm_cell
from sentiline.reference.rnn import rnn_cell
from sentiline.reference.stack import Layer

_ACTIVATIONS: dict[str, Activation] = {"Tanh": TANH, "Sigmoid": SIGMOID, "Relu": RELU, "Affine": LINEAR}
_POOLING = ("w_mean", "w_attention", "attention")  # the columns of an exported pooling head's matrix
_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


@dataclass(frozen=True)
class GraphWeights:
    """All weights of one graph, as float64.

    Attributes:
        embedding: The word vectors, [V, E].
        layers: The recurrent layers, bottom first.
        head: The head's weights, as its function in `sentiline.reference.readings` expects them.
        dequantized: Whether some weights were stored in 8 bits, and converted here.
        quantized_activations: Whether the graph rounds activations to 8 bits while it runs, which the reference cannot
            reproduce.
    """

    embedding: Array
    layers: tuple[Layer, ...]
    head: Params
    dequantized: bool
    quantized_activations: bool


def read_weights(content: bytes, head: str, source: str) -> GraphWeights:
    """Read the weights of a graph.

    Args:
        content: The content of the ONNX file.
        head: The kind of head in the manifest's architecture: "pooling", "last", "unit" or "timesteps".
        source: The file's name in error messages.

    Raises:
        SentilineError: The package `onnx` is not installed.
        BundleCorruptError: The file is not an ONNX graph, or does not have the form that Sentiline exports.
    """
    return Graph(content, source).weights(head)


class Graph:
    """An ONNX graph, with look-ups of its tensors and nodes.

    Attributes:
        proto: The ONNX model.
    """

    def __init__(self, content: bytes, source: str) -> None:
        try:
            import onnx
            from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
            from onnx import numpy_helper
        except ModuleNotFoundError as error:
            raise SentilineError(
                f"reading the weights of a model needs the package {error.name}; install it with: pip install onnx"
            ) from None
        self.source = source
        try:
            self.proto = onnx.load_from_string(content)
        except DecodeError as error:
            raise BundleCorruptError(f"{source} is not an ONNX graph: {error}", field=source) from None
        graph = self.proto.graph
        self.nodes = list(graph.node)
        self.constants: dict[str, Array] = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.attribute = onnx.helper.get_attribute_value
        self.dequantized = False

    def fail(self, what: str) -> BundleCorruptError:
        """Return the error for a graph of another form."""
        return BundleCorruptError(f"{self.source}: {what}; it is not a graph that Sentiline exports", field=self.source)

    def weights(self, head: str) -> GraphWeights:
        """Return all weights; see `read_weights`."""
        recurrent = self.recurrent_nodes()
        if not recurrent:
            raise self.fail("no RNN, GRU or LSTM node")
        gathers = [node for node in self.nodes if node.op_type == "Gather" and self._rank(node.input[0]) == 2]
        if len(gathers) != 1:
            raise self.fail(f"{len(gathers)} tables of word vectors")
        return GraphWeights(
            embedding=self._dequantize(gathers[0].input[0]),
            layers=tuple(self.layer(node) for node in recurrent),
            head=self._head(head, {name for node in recurrent for name in node.input}),
            dequantized=self.dequantized,
            quantized_activations=any(node.op_type == "DynamicQuantizeLSTM" for node in recurrent),
        )

    def recurrent_nodes(self) -> list[Any]:
        """Return the recurrent ops, in the order in which they run."""
        return [node for node in self.nodes if node.op_type in (*_DEFAULTS, "DynamicQuantizeLSTM")]

    def layer(self, node: Any) -> Layer:
        """Return the weights of a recurrent op as a layer of the reference.

        Raises:
            BundleCorruptError: The reference does not have its activations.
        """
        attributes = {attribute.name: self.attribute(attribute) for attribute in node.attribute}
        kind = node.op_type.removeprefix("DynamicQuantize")
        directions = 2 if attributes.get("direction", b"forward") == b"bidirectional" else 1
        names = [name.decode() for name in attributes.get("activations", [])] or _DEFAULTS[kind] * directions
        w, r = (self._recurrent(node, index) for index in (1, 2))  # [directions, E, G·H], [directions, H, G·H]
        b = self.constants[node.input[3]].astype(np.float64)  # [directions, 2·G·H]
        params = []
        for direction in range(directions):
            tensors = {"W": w[direction], "U": r[direction]}
            tensors["b"], tensors["b_recurrent"] = np.split(b[direction], 2)
            if kind != "GRU":  # the two biases are only ever added
                tensors["b"] = tensors["b"] + tensors.pop("b_recurrent")
            if kind == "LSTM":
                tensors = {name: _reorder(tensor) for name, tensor in tensors.items()}
            params.append(tensors)
        cell = self._cell(kind, names, attributes.get("linear_before_reset", 0))
        return Layer(cell, (params[0], params[1]) if directions == 2 else (params[0],))

    def _cell(self, kind: str, names: list[str], linear_before_reset: int) -> Cell:
        state = names[-1]  # the only activation that a model chooses; the gates are sigmoids
        expected = {"RNN": [state], "GRU": ["Sigmoid", state], "LSTM": ["Sigmoid", state, state]}[kind]
        if names not in (expected, expected * 2) or state not in _ACTIVATIONS:
            raise BundleCorruptError(
                f"{self.source}: {kind} with activations {', '.join(names)} cannot be verified; the reference has "
                f"sigmoid gates, and states of {', '.join(_ACTIVATIONS)}",
                field=self.source,
            )
        activation = _ACTIVATIONS[state]
        if kind == "GRU":
            return gru_cell("keep", "after" if linear_before_reset else "before", activation)
        return lstm_cell(activation) if kind == "LSTM" else rnn_cell(activation)

    def _recurrent(self, node: Any, index: int) -> Array:
        if node.op_type != "DynamicQuantizeLSTM":
            return self.constants[node.input[index]].astype(np.float64).transpose(0, 2, 1)
        self.dequantized = True
        scale, zero = (self.constants[node.input[position]] for position in (6 + 2 * index, 7 + 2 * index))
        quantized = self.constants[node.input[index]]  # [directions, in, G·H]
        shape = (scale.shape[0], 1, -1)  # one scale per direction, or one per column
        return (quantized.astype(np.float64) - zero.reshape(shape)) * scale.astype(np.float64).reshape(shape)

    def _dequantize(self, name: str) -> Array:
        table = self.constants[name]
        if table.dtype in (np.float32, np.float16):
            return table.astype(np.float64)
        self.dequantized = True
        base = name.removesuffix("_quantized")
        scale, zero = self.constants[f"{base}_scale"], self.constants[f"{base}_zero_point"]
        return np.asarray((table.astype(np.float64) - zero.astype(np.float64)) * scale.astype(np.float64))

    def _head(self, kind: str, recurrent_inputs: set[str]) -> Params:
        products: dict[bytes, Any] = {}  # constant to MatMul node; one constant may be multiplied more than once
        for node in self.nodes:
            if node.op_type == "MatMul" and node.input[1] not in recurrent_inputs and self._rank(node.input[1]) == 2:
                products.setdefault(self.constants[node.input[1]].tobytes(), node)
        weights = [self.constants[node.input[1]].astype(np.float64) for node in products.values()]
        if kind == "unit" and not weights:
            return {}
        if kind == "pooling" and len(weights) == 1 and weights[0].shape[1] == len(_POOLING):
            return {**dict(zip(_POOLING, weights[0].T, strict=True)), "bias": self._scalar_bias()}
        if kind == "pooling" and len(weights) == 3:  # bigru, gru, lstm and rnn in models/, which have no fp32 graph
            return self._pooling(list(products.values()))
        if kind in ("last", "timesteps") and len(weights) == 1 and weights[0].shape[1] == 1:
            return {"v": weights[0][:, 0], "c": self._bias_after(next(iter(products.values())))[0]}
        if kind == "last" and len(weights) == 2:
            first, second = products.values()
            hidden, output = weights
            return {
                "V": hidden,
                "d": self._bias_after(first),
                "v": output[:, 0],
                "c": self._bias_after(second)[0],
            }
        shapes = ", ".join(str(list(array.shape)) for array in weights) or "none"
        raise self.fail(f'a head "{kind}" with other matrices: {shapes}')

    def _pooling(self, products: list[Any]) -> Params:
        """Tell the three vectors apart by the nodes that use their products with the states."""
        reached = {node.input[1]: self._downstream(node.output[0]) for node in products}
        attention = [name for name, after in reached.items() if {"Softmax", "Exp"} & {node.op_type for node in after}]
        if len(attention) != 1:
            raise self.fail(f"{len(attention)} vectors of attention")
        exponentials = [node for node in reached[attention[0]] if node.op_type in ("Softmax", "Exp")]
        weighted = {output for node in exponentials for output in self._outputs_downstream(node.output[0])}
        attended = []
        for node in products:
            if node.input[1] != attention[0]:
                uses = self._arithmetic_uses(node.output[0])
                if any(use.op_type == "Mul" and weighted & set(use.input) for use in uses):
                    attended.append(node.input[1])
        if len(attended) != 1:
            raise self.fail(f"{len(attended)} vectors of attended states")
        (mean,) = set(reached) - {attention[0], attended[0]}
        named = {"attention": attention[0], "w_mean": mean, "w_attention": attended[0]}
        vectors = {key: self.constants[name].astype(np.float64).ravel() for key, name in named.items()}
        return vectors | {"bias": self._scalar_bias()}

    def _scalar_bias(self) -> Array:
        """Return the only number that the graph adds to a logit."""
        scalars = [
            value
            for name, value in self.constants.items()
            if value.dtype == np.float32 and value.size == 1 and {use.op_type for use in self._uses(name)} == {"Add"}
        ]
        if len(scalars) != 1:
            raise self.fail(f"{len(scalars)} biases")
        return scalars[0].astype(np.float64).reshape(())

    def _bias_after(self, node: Any) -> Array:
        for use in self._arithmetic_uses(node.output[0]):
            for name in use.input:
                if use.op_type == "Add" and name in self.constants:
                    return self.constants[name].astype(np.float64).reshape(-1)
        raise self.fail(f"no bias after {node.name}")

    def _rank(self, name: str) -> int:
        array = self.constants.get(name)
        return -1 if array is None else array.ndim

    def _uses(self, name: str) -> Iterable[Any]:
        return (node for node in self.nodes if name in node.input)

    def _arithmetic_uses(self, name: str) -> list[Any]:
        """Return the nodes that compute with a tensor, looking through those that only reshape it."""
        found: list[Any] = []
        for node in self._uses(name):
            through = node.op_type in ("Reshape", "Squeeze", "Unsqueeze", "Identity", "Cast", "Transpose")
            found += self._arithmetic_uses(node.output[0]) if through else [node]
        return found

    def _downstream(self, name: str) -> list[Any]:
        """Return every node that depends on a tensor."""
        outputs, found = {name}, []
        for node in self.nodes:  # ONNX keeps nodes in topological order
            if outputs & set(node.input):
                outputs |= set(node.output)
                found.append(node)
        return found

    def _outputs_downstream(self, name: str) -> set[str]:
        return {name, *(output for node in self._downstream(name) for output in node.output)}


def _reorder(columns: Array) -> Array:
    """Reorder LSTM blocks along the last axis from ONNX's i, o, f, c to the reference's i, f, g, o."""
    i, o, f, g = np.split(columns, 4, axis=-1)
    return np.concatenate([i, f, g, o], axis=-1)
