"""ONNX Runtime's fused RNN, LSTM and GRU operators, in all directions, with `sequence_lens`."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from sentiline.reference.bidirectional import bidirectional_forward
from sentiline.reference.cell import Cell
from sentiline.reference.gru import gru_cell
from sentiline.reference.lstm import LSTM
from sentiline.reference.rnn import RNN
from sentiline.reference.unroll import unroll_forward
from tests.reference.gradients import Array

onnx = pytest.importorskip("onnx")

BATCH, TIME, FEATURES, UNITS = 4, 7, 3, 5
LENGTHS = np.array([7, 1, 4, 6])

OPERATORS: dict[str, tuple[str, Cell, dict[str, int]]] = {
    "RNN": ("RNN", RNN, {}),
    "LSTM": ("LSTM", LSTM, {}),
    "GRU reset before": ("GRU", gru_cell("keep", "before"), {"linear_before_reset": 0}),
    "GRU reset after": ("GRU", gru_cell("keep", "after"), {"linear_before_reset": 1}),
}


def _reorder(operator: str, columns: Array) -> Array:
    """Gate columns of the reference in ONNX's order: LSTM i, f, g, o to i, o, f, c; the others agree."""
    if operator != "LSTM":
        return columns
    i, f, g, o = np.split(columns, 4, axis=-1)
    return np.concatenate([i, o, f, g], axis=-1)


def _run(operator: str, attributes: dict, params: list[dict], x: Array, states: list[Array], direction: str) -> list:
    weights = {
        "W": np.stack([_reorder(operator, p["W"]).T for p in params]),
        "R": np.stack([_reorder(operator, p["U"]).T for p in params]),
        "B": np.stack([np.concatenate([_reorder(operator, p[b]) for b in ("b", "b_recurrent")]) for p in params]),
    }
    initial = {f"initial_{name}": np.stack(side) for name, side in zip("hc", states, strict=False)}
    feeds = {"X": x.transpose(1, 0, 2), **weights, "sequence_lens": LENGTHS, **initial}
    feeds = {name: value.astype(np.int32 if name == "sequence_lens" else np.float32) for name, value in feeds.items()}
    outputs = ["Y", "Y_h", "Y_c"][: 1 + len(states)]
    helper, types = onnx.helper, onnx.TensorProto
    node = helper.make_node(operator, list(feeds), outputs, hidden_size=UNITS, direction=direction, **attributes)
    graph = helper.make_graph(
        [node],
        operator,
        [
            helper.make_tensor_value_info(name, types.INT32 if value.dtype == np.int32 else types.FLOAT, value.shape)
            for name, value in feeds.items()
        ],
        [
            helper.make_tensor_value_info(name, types.FLOAT, (["T"] if name == "Y" else []) + ["sides", "B", "U"])
            for name in outputs
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(outputs, feeds)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_each_cell_equals_its_onnx_operator(name: str, direction: str) -> None:
    operator, cell, attributes = OPERATORS[name]
    rng = np.random.default_rng(0)
    sides = 2 if direction == "bidirectional" else 1
    columns = cell.gates * UNITS
    shapes = {"W": (FEATURES, columns), "U": (UNITS, columns), "b": (columns,), "b_recurrent": (columns,)}
    params = [{key: 0.5 * rng.standard_normal(shape) for key, shape in shapes.items()} for _ in range(sides)]
    x = rng.standard_normal((BATCH, TIME, FEATURES))
    starts = [[rng.standard_normal((BATCH, UNITS)) for _ in range(cell.states)] for _ in range(sides)]
    y, *ends = _run(operator, attributes, params, x, [list(side) for side in zip(*starts, strict=True)], direction)

    # of the RNN and LSTM the two biases are simply added
    ours = [p if operator == "GRU" else {"W": p["W"], "U": p["U"], "b": p["b"] + p["b_recurrent"]} for p in params]
    if direction == "forward":
        h, final, _ = unroll_forward(cell, x, ours[0], LENGTHS, starts[0])
        final = (final,)
    else:
        # a reverse operator is the backward half of a bidirectional one
        both = (ours[0], ours[-1]), (starts[0], starts[-1])
        h, final, _ = bidirectional_forward(cell, x, both[0], LENGTHS, both[1])
        if direction == "reverse":
            h, final = h[..., UNITS:], final[1:]
    y = y.transpose(2, 0, 1, 3).reshape(BATCH, TIME, sides * UNITS)  # (T, sides, B, U) to [B, T, sides · U]
    np.testing.assert_allclose(y, h, rtol=0, atol=1e-5)
    for index, end in enumerate(ends):  # (sides, B, U)
        for side in range(sides):
            np.testing.assert_allclose(end[side], final[side][index], rtol=0, atol=1e-5)
