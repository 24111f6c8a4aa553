"""Fixed quantization ranges: rewrites an int8 graph so that a text's answer does not depend on its batch.

ONNX Runtime's `DynamicQuantizeLSTM` quantizes its inputs, and at every step its states, over the range that they span
in the whole batch. `fix_ranges` widens both by two columns that always span the largest possible range, so that it is
the same for every batch. The products of integers are exact in any order. The columns are:

- Each word vector gets the smallest and the largest value of the 8-bit table, which every other value is a multiple of:
  quantizing them again loses nothing.
- The recurrent layer gets two units whose gates are open and whose cells count the steps up and down. After t steps
  their states are tanh(t) and -tanh(t), which no state can exceed, because a cell changes by at most 1 per step.

The weights of both are 0, so the other units do not see them, and they are cut off from the op's outputs.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sentiline.protobuf import BYTES, VARINT, Content, Field, packed_varints, parse_fields, serialize_fields

# Field numbers of ONNX messages.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_VALUE_INFO = 1, 5, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OP, _NODE_ATTRIBUTE = 1, 2, 3, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_INTS, _ATTRIBUTE_STRINGS = 1, 3, 8, 9
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_INT32, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 5, 8, 9

_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 2: np.dtype("u1"), 3: np.dtype("i1"), 7: np.dtype("<i8")}
_ROUNDS_OVER_THE_BATCH = ("DynamicQuantize", "MatMulInteger", "ConvInteger")  # the beginnings of op types
_LSTM = "DynamicQuantizeLSTM"
_OPEN = 30.0  # the bias of an open gate: its sigmoid is 1 in float32
_GATES, _CELL_GATE = 4, 3  # ONNX's order is i, o, f, c


class _UnsupportedGraphError(Exception):
    """The graph is not of the form that `fix_ranges` rewrites."""


def fix_ranges(content: bytes) -> bytes | None:
    """Return a graph whose answers do not depend on what else is in a batch.

    Args:
        content: The serialized ONNX model.

    Returns:
        The model with fixed ranges; `content` itself if it quantizes nothing at run time. None if it does, but is not
        one dynamically quantized LSTM layer directly on a table of word vectors in 8 bits; or if it has an RNN op,
        whose last digits depend on the number of texts.
    """
    try:
        model = parse_fields(memoryview(content))
        graph = _message(next(value for number, _, value in model if number == _MODEL_GRAPH))
        ops = [_Node(value).op for number, _, value in graph if number == _GRAPH_NODE]
        if "RNN" in ops:
            return None
        if not any(op.startswith(_ROUNDS_OVER_THE_BATCH) for op in ops):
            return content
        fixed = _Rewriter(graph).fixed()
    except (_UnsupportedGraphError, ValueError, KeyError, IndexError, StopIteration):
        return None
    return serialize_fields(
        [(number, wire, fixed if number == _MODEL_GRAPH else value) for number, wire, value in model]
    )


class _Node:
    """A node of a graph."""

    def __init__(self, content: int | Content) -> None:
        self.fields = _message(content)
        self.inputs, self.outputs = self.strings(_NODE_INPUT), self.strings(_NODE_OUTPUT)
        self.op = "".join(self.strings(_NODE_OP))

    def strings(self, number: int) -> list[str]:
        return [_text(value) for found, _, value in self.fields if found == number]

    def attributes(self) -> dict[str, list[Field]]:
        parsed = [_message(value) for number, _, value in self.fields if number == _NODE_ATTRIBUTE]
        return {_text(_value(fields, _ATTRIBUTE_NAME)): fields for fields in parsed}

    def with_outputs(self, names: list[str], hidden_size: int) -> bytes:
        """Return the node with other names of its outputs and another number of units."""
        fields = [field for field in self.fields if field[0] not in (_NODE_OUTPUT, _NODE_ATTRIBUTE)]
        fields += [(_NODE_OUTPUT, BYTES, name.encode()) for name in names]
        for name, attribute in self.attributes().items():
            if name == "hidden_size":
                attribute = [(n, w, hidden_size if n == _ATTRIBUTE_INT else value) for n, w, value in attribute]
            fields.append((_NODE_ATTRIBUTE, BYTES, serialize_fields(attribute)))
        return serialize_fields(fields)


class _Rewriter:
    """The nodes and constants of one graph while it is rewritten."""

    def __init__(self, graph: list[Field]) -> None:
        self.graph = [field for field in graph if field[0] != _GRAPH_VALUE_INFO]  # shapes that no longer hold
        self.nodes = [_Node(value) for number, _, value in graph if number == _GRAPH_NODE]
        self.constants: dict[str, list[Field]] = {}
        for number, _, value in graph:
            if number == _GRAPH_INITIALIZER:
                tensor = _message(value)
                self.constants[_text(_value(tensor, _TENSOR_NAME))] = tensor
        self.replaced: dict[str, bytes] = {}

    def fixed(self) -> bytes:
        found = [node for node in self.nodes if node.op.startswith(_ROUNDS_OVER_THE_BATCH)]
        if [node.op for node in found] != [_LSTM]:
            raise _UnsupportedGraphError
        (lstm,) = found
        attributes = lstm.attributes()
        if not attributes.keys() <= {"activations", "direction", "hidden_size"} or not _bounded(attributes):
            raise _UnsupportedGraphError
        x, w, r, b, _, *rest = lstm.inputs
        first_h, first_c, peepholes, _, w_zero, _, r_zero = rest
        if first_h or first_c or peepholes:
            raise _UnsupportedGraphError
        self._widen_table(x)
        units = self._widen_weights(w, r, b, w_zero, r_zero)
        return serialize_fields(self._rebuilt(lstm, units))

    def _widen_table(self, vectors: str) -> None:
        """Add the smallest and the largest value of its type to each row of the table that `vectors` come from."""
        producers = {name: node for node in self.nodes for name in node.outputs}
        uses = Counter(name for node in self.nodes for name in node.inputs)
        path = producers[vectors]
        while path.op == "Transpose":
            order = _value(path.attributes()["perm"], _ATTRIBUTE_INTS, every=True)
            if uses[path.outputs[0]] != 1 or order[-1] != len(order) - 1:
                raise _UnsupportedGraphError
            path = producers[path.inputs[0]]
        gather = producers[path.inputs[0]]
        table = gather.inputs[0]
        if path.op != "DequantizeLinear" or gather.op != "Gather" or self._array(path.inputs[1]).ndim:
            raise _UnsupportedGraphError
        if any(_value(one, _ATTRIBUTE_INT) for name, one in gather.attributes().items() if name == "axis"):
            raise _UnsupportedGraphError
        if any(uses[name] != 1 for name in (path.outputs[0], gather.outputs[0], table)):
            raise _UnsupportedGraphError
        widened = np.pad(self._array(table), ((0, 0), (0, 2)))
        limits = np.iinfo(widened.dtype)
        widened[:, -2:] = limits.min, limits.max
        self._replace(table, widened)

    def _widen_weights(self, w: str, r: str, b: str, w_zero: str, r_zero: str) -> int:
        """Add the two units to the weights [directions, in, 4 H] and biases [directions, 8 H]; return H."""
        if self._array(w_zero).any() or self._array(r_zero).any() or self._array(w_zero).ndim != 1:
            raise _UnsupportedGraphError
        recurrent = self._array(r)
        directions, units = recurrent.shape[:2]
        for name in (w, r):
            weights = self._array(name).reshape(directions, -1, _GATES, units)
            wider = np.pad(weights, ((0, 0), (0, 2), (0, 0), (0, 2)))
            self._replace(name, wider.reshape(directions, -1, _GATES * (units + 2)))
        biases = np.pad(self._array(b).reshape(directions, 2, _GATES, units), ((0, 0), (0, 0), (0, 0), (0, 2)))
        biases[:, 0, :, units:] = _OPEN
        biases[:, 0, _CELL_GATE, units + 1] = -_OPEN
        self._replace(b, biases.reshape(directions, -1))
        return int(units)

    def _rebuilt(self, lstm: _Node, units: int) -> list[Field]:
        """Return the graph's fields with the wider op and constants, and slices that cut its outputs to their width."""
        bounds = {"first": 0, "last": units, "axis": -1}
        names = [f"fixed_ranges_{key}" for key in bounds]
        fields: list[Field] = []
        nodes = iter(self.nodes)
        for number, wire, value in self.graph:
            if number == _GRAPH_INITIALIZER:
                name = _text(_value(_message(value), _TENSOR_NAME))
                value = self.replaced.get(name, value)
            if number != _GRAPH_NODE or (node := next(nodes)) is not lstm:
                fields.append((number, wire, value))
                continue
            wide = [f"{name}_wide" if name else "" for name in node.outputs]
            fields.append((number, wire, node.with_outputs(wide, units + 2)))
            for before, after in zip(wide, node.outputs, strict=True):
                if after:
                    fields.append((_GRAPH_NODE, BYTES, _node("Slice", [before, *names], after)))
        for name, bound in zip(names, bounds.values(), strict=True):
            fields.append((_GRAPH_INITIALIZER, BYTES, _tensor(name, np.array([bound], "<i8"))))
        return fields

    def _array(self, name: str) -> NDArray[Any]:
        tensor = parse_fields(self.replaced[name]) if name in self.replaced else self.constants[name]
        dtype = _TYPES[cast("int", _value(tensor, _TENSOR_TYPE))]
        shape = _value(tensor, _TENSOR_DIMS, every=True)
        raw = _value(tensor, _TENSOR_RAW)
        if raw is not None:
            return np.array(np.frombuffer(raw, dtype).reshape(shape))
        if dtype.itemsize > 1:  # scales, whose values are not needed
            return np.zeros(shape, dtype)
        values = _value(tensor, _TENSOR_INT32, every=True)
        return np.array([value if value < 2**31 else value - 2**64 for value in values]).astype(dtype).reshape(shape)

    def _replace(self, name: str, array: NDArray[Any]) -> None:
        self.replaced[name] = _tensor(name, array)


def _bounded(attributes: dict[str, list[Field]]) -> bool:
    """Return whether the gates are sigmoids and the other activations tanh, as the bound on the states assumes."""
    given = attributes.get("activations", [])
    names = [_text(value) for number, _, value in given if number == _ATTRIBUTE_STRINGS]
    expected = ["Sigmoid", "Tanh", "Tanh"]
    return names in ([], expected, 2 * expected)


def _value(fields: list[Field], number: int, *, every: bool = False) -> Any:
    """Return the last value of a field, or None; with `every` all integers of a repeated field, packed or not."""
    values = [value for found, _, value in fields if found == number]
    if not every:
        return values[-1] if values else None
    return [one for value in values for one in ([value] if isinstance(value, int) else packed_varints(value))]


def _message(value: int | Content) -> list[Field]:
    if isinstance(value, int):
        raise ValueError("a number in the place of a message")
    return parse_fields(value)


def _text(value: Any) -> str:
    return bytes(value).decode()


def _tensor(name: str, array: NDArray[Any]) -> bytes:
    code = next(code for code, dtype in _TYPES.items() if dtype == array.dtype)
    return serialize_fields(
        [
            *[(_TENSOR_DIMS, VARINT, size) for size in array.shape],
            (_TENSOR_TYPE, VARINT, code),
            (_TENSOR_NAME, BYTES, name.encode()),
            (_TENSOR_RAW, BYTES, array.data.cast("B")),
        ]
    )


def _node(op: str, inputs: list[str], output: str) -> bytes:
    return serialize_fields(
        [
            *[(_NODE_INPUT, BYTES, name.encode()) for name in inputs],
            (_NODE_OUTPUT, BYTES, output.encode()),
            (_NODE_NAME, BYTES, f"fixed_ranges_{output}".encode()),
            (_NODE_OP, BYTES, op.encode()),
        ]
    )
