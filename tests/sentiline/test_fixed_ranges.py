"""An int8 graph is rewritten so that rows of a batch do not affect each other, and others are left as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from sentiline.fixed_ranges import fix_ranges
from sentiline.graph import Graph
from sentiline.protobuf import parse_fields, serialize_fields
from tests.bundles import UNITS, write_bundle

IDS = np.random.default_rng(5).integers(1, 37, (6, 16)).astype(np.int32)
LENGTHS = np.array([16, 1, 9, 16, 4, 12], np.int32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("models") / "bilstm")


def run(content: bytes, ids: Any, lengths: Any) -> list[Any]:
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(["logit", "scores", "contributions"], {"input_ids": ids, "lengths": lengths})


def test_rows_of_a_fixed_graph_are_those_of_each_text_alone(bundle: Path) -> None:
    content = (bundle / "model.int8.onnx").read_bytes()
    fixed = fix_ranges(content)
    assert fixed is not None
    onnx.checker.check_model(onnx.load_from_string(fixed))
    together = run(fixed, IDS, LENGTHS)
    for row in range(len(IDS)):
        alone = run(fixed, IDS[row : row + 1], LENGTHS[row : row + 1])
        for name, many, one in zip(("logit", "scores", "contributions"), together, alone, strict=True):
            assert np.array_equal(many[row], one[0]), name
    exact = run((bundle / "model.onnx").read_bytes(), IDS, LENGTHS)[0]
    assert together[0] == pytest.approx(exact, abs=0.1), "quantization moves the logit a little"
    moved = [np.abs(run(content, IDS, LENGTHS)[0] - exact).max(), np.abs(together[0] - exact).max()]
    assert moved[1] < 2 * moved[0], "the fixed ranges are hardly coarser than those of the texts"


def test_a_fixed_graph_has_two_units_and_two_columns_more(bundle: Path) -> None:
    fixed = fix_ranges((bundle / "model.int8.onnx").read_bytes())
    assert fixed is not None
    graph = onnx.load_from_string(fixed).graph
    (lstm,) = [node for node in graph.node if node.op_type == "DynamicQuantizeLSTM"]
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in lstm.attribute}
    assert attributes["hidden_size"] == UNITS + 2
    tables = [numpy_helper.to_array(one) for one in graph.initializer if one.name == "embedding_quantized"]
    assert [table[:, -2:].tolist() for table in tables] == [[[-128, 127]] * 37] or [
        table[:, -2:].tolist() for table in tables
    ] == [[[0, 255]] * 37]


def test_a_float32_graph_is_left_as_it_is(bundle: Path) -> None:
    content = (bundle / "model.onnx").read_bytes()
    assert fix_ranges(content) is content


@pytest.mark.parametrize("change", ["relu", "two layers", "state", "shared table", "rnn"])
def test_other_graphs_are_not_rewritten(bundle: Path, change: str) -> None:
    proto = onnx.load(bundle / "model.int8.onnx")
    (lstm,) = [node for node in proto.graph.node if node.op_type == "DynamicQuantizeLSTM"]
    if change == "relu":
        lstm.attribute.append(helper.make_attribute("activations", ["Sigmoid", "Relu", "Tanh"] * 2))
    elif change == "two layers":
        proto.graph.node.append(lstm)
    elif change == "state":
        lstm.input[5] = "initial_h"
    elif change == "shared table":
        proto.graph.node.append(helper.make_node("Identity", ["embedding_quantized"], ["copy"]))
    else:
        lstm.op_type = "RNN"
    assert fix_ranges(proto.SerializeToString()) is None


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x3a\x7f", b"\xff" * 40])
def test_what_is_not_a_graph_is_not_rewritten(content: bytes) -> None:
    assert fix_ranges(content) is None


def test_a_graph_that_reads_its_padding_runs_every_text_alone(bundle: Path, tmp_path: Path) -> None:
    proto = onnx.load(bundle / "model.onnx")
    (lstm,) = [node for node in proto.graph.node if node.op_type == "LSTM"]
    lstm.input[4] = ""  # no lengths
    path = tmp_path / "model.onnx"
    graph = Graph(proto.SerializeToString(), path, additive=True, vocabulary=37)
    assert graph.short_tokens == 0
    assert graph.run(IDS[0, :5])["scores"].shape == (1, 5)


def test_messages_are_serialized_as_they_were_parsed(bundle: Path) -> None:
    content = (bundle / "model.int8.onnx").read_bytes()
    assert serialize_fields(parse_fields(content)) == content
    values = [(1, 0, 300), (2, 2, b"x" * 200), (3, 5, b"abcd"), (4, 1, b"abcdefgh"), (5, 0, 2**64 - 1)]
    assert parse_fields(serialize_fields(values)) == values
    for malformed in (b"\x08", b"\x12\x05ab", b"\x0b", b"\x80" * 12):
        with pytest.raises(ValueError, match=r"integer|end of its message|wire type"):
            parse_fields(malformed)
