"""A builder of ONNX graphs: collects nodes and constants, and leaves out those that no output needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 17
_IR_VERSION = 8  # the version that belongs to opset 17


class GraphBuilder:
    """The nodes and constants of a graph whose inputs are the time steps and `lengths`.

    Tensors of sequences are time-major, [T, B, F], which is the layout of the fused recurrent ops.

    Attributes:
        sequence: The name of a time-major tensor from which the number of timesteps and the batch size are read; set
            by whoever adds the input.
        ids: Whether that tensor holds token ids.
    """

    def __init__(self) -> None:
        self.sequence = ""
        self.ids = False
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, NDArray[Any]] = {}
        self._shared: dict[str, str] = {}

    def constant(self, array: Any, dtype: Any = np.float32, name: str = "") -> str:
        """Add a constant and return its name."""
        name = name or f"constant_{len(self._constants)}"
        self._constants[name] = np.ascontiguousarray(array, dtype) if np.ndim(array) else np.asarray(array, dtype)
        return name

    def integers(self, *values: int) -> str:
        """Add an int64 vector, such as the axes of an op, and return its name."""
        key = f"integers {values}"
        if key not in self._shared:
            self._shared[key] = self.constant(values, np.int64)
        return self._shared[key]

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        return self.nodes(op, inputs, 1, **attributes)[0]

    def nodes(self, op: str, inputs: Sequence[str], outputs: int, name: str = "", **attributes: Any) -> list[str]:
        """Add a node and return the names of its outputs."""
        own = name or f"{op.lower()}_{len(self._nodes)}"
        names = [f"{own}:{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), names, name=own, **attributes))
        return names

    def named(self, name: str, tensor: str) -> None:
        """Give a tensor the name of an output of the graph."""
        self._nodes.append(helper.make_node("Identity", [tensor], [name], name=f"name_{name}"))

    def time_mask(self) -> str:
        """Return the mask of the timesteps before `lengths`, bool [T, B, 1]."""
        if "mask" not in self._shared:
            zero, one = self.constant(0, np.int32), self.constant(1, np.int32)
            steps = self.node("Range", zero, self._size(0), one)
            before = self.node("Less", self.node("Unsqueeze", steps, self.integers(1)), "lengths")  # [T, B]
            self._shared["mask"] = self.node("Unsqueeze", before, self.integers(2))
        return self._shared["mask"]

    def all_steps(self) -> str:
        """Return the number of timesteps for every row, int32 [B]: the lengths of sequences without a mask."""
        if "all" not in self._shared:
            shape = self.node("Shape", self.sequence)
            batch = self.node("Slice", shape, self.integers(1), self.integers(2))
            self._shared["all"] = self.node("Expand", self._size(0), batch)
        return self._shared["all"]

    def _size(self, axis: int) -> str:
        shape = self.node("Cast", self.node("Shape", self.sequence), to=onnx.TensorProto.INT32)
        return self.node("Squeeze", self.node("Slice", shape, self.integers(axis), self.integers(axis + 1)))

    def flip(self, tensor: str) -> str:
        """Reverse the time axis."""
        return self.node(
            "Slice",
            tensor,
            self.integers(-1),
            self.integers(np.iinfo(np.int64).min),
            self.integers(0),
            self.integers(-1),
        )

    def build(
        self, inputs: Sequence[onnx.ValueInfoProto], outputs: Mapping[str, Sequence[str | int]]
    ) -> onnx.ModelProto:
        """Return the model with those float32 outputs, given with their axes, and only the nodes that they need."""
        needed, kept = set(outputs), []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        constants = [numpy_helper.from_array(array, name) for name, array in self._constants.items() if name in needed]
        results = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(axes)) for name, axes in outputs.items()
        ]
        graph = helper.make_graph(kept[::-1], "sentiline", list(inputs), results, constants)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="sentiline")
        proto.ir_version = _IR_VERSION
        return proto
