"""Exported graphs: fused ops wired to the lengths, the contract's names and Keras's values; the parity check."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from keras import ops
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sentiline.verification.onnx_weights import read_weights
from tests.training.fits import tiny_config
from training.data.dataset import pad
from training.errors import ExportError
from training.export.convert import OPSET, quantize, round_vectors_to_float16, store_vectors_as_float16, to_onnx
from training.export.fused_ops import placeholder
from training.export.parity_check import check_graph_contract, check_parity
from training.nn import backend
from training.nn.model import SentimentModel, build_model

backend.configure(1)

Array = NDArray[Any]
VOCABULARY = 40
FUSED = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
# Every pair of a cell with a direction, an activation or a bias layout; the other combinations run in the long tests.
PAIRWISE = {
    ("rnn", "forward", "tanh", True),
    ("rnn", "bidirectional", "sigmoid", True),
    ("lstm", "forward", "sigmoid", True),
    ("lstm", "bidirectional", "tanh", True),
    ("gru", "forward", "tanh", True),
    ("gru", "bidirectional", "sigmoid", False),
}
RECURRENT = [
    pytest.param(*values, marks=() if values in PAIRWISE else pytest.mark.long)
    for values in itertools.product(
        ("rnn", "lstm", "gru"), ("forward", "bidirectional"), ("tanh", "sigmoid"), (True, False)
    )
    if values[0] == "gru" or values[-1]
]


def lively(**changes: Any) -> SentimentModel:
    """A model whose weights are large and biases not 0, so that a wrong order of gates or biases shows."""
    model = build_model(tiny_config(**{"units": 3, "embedding": 4, **changes}), VOCABULARY)
    generator = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(generator.normal(0, 0.7, variable.shape))
    return model


def sequences(count: int = 9, longest: int = 30) -> list[NDArray[np.int32]]:
    generator = np.random.default_rng(7)
    lengths = [1, longest, *generator.integers(1, longest, count - 2).tolist()]
    return [generator.integers(1, VOCABULARY, length).astype(np.int32) for length in lengths]


def test_word_vectors_are_stored_in_half_the_bytes_without_changing_an_answer() -> None:
    model = lively()
    assert store_vectors_as_float16(whole := to_onnx(model)) is whole  # no values of float16 yet
    round_vectors_to_float16(model)
    proto = to_onnx(model)
    half = store_vectors_as_float16(proto)
    onnx.checker.check_model(half, full_check=True)
    saved = len(proto.SerializeToString()) - len(half.SerializeToString())
    assert saved > 0.9 * VOCABULARY * 4 * 2 - 200  # two bytes a value, less one more node
    batch = pad(sequences())
    for name, value in run(proto, *batch).items():
        np.testing.assert_array_equal(run(half, *batch)[name], value)
    weights = read_weights(half.SerializeToString(), "pooling", "model.onnx")
    np.testing.assert_array_equal(weights.embedding, np.asarray(model.embedding.embeddings, np.float64))
    assert not weights.dequantized


def run(proto: onnx.ModelProto, ids: Array, lengths: Array) -> dict[str, Array]:
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"input_ids": ids, "lengths": lengths}), strict=True))


def read(model: SentimentModel, ids: Array, lengths: Array) -> dict[str, Array]:
    reading = model(ops.convert_to_tensor(ids), ops.convert_to_tensor(lengths))
    outputs = {"probability": ops.sigmoid(reading["logit"]), **reading}
    return {name: ops.convert_to_numpy(value) for name, value in outputs.items() if value is not None}


def copy(proto: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.load_from_string(proto.SerializeToString())


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    return lively()


@pytest.fixture(scope="module")
def fp32(model: SentimentModel) -> onnx.ModelProto:
    """The model's graph; tests change copies of it."""
    return to_onnx(model)


@pytest.fixture(scope="module")
def int8(fp32: onnx.ModelProto) -> onnx.ModelProto:
    return quantize(fp32)


@pytest.mark.parametrize(("cell", "direction", "activation", "reset_after"), RECURRENT)
def test_every_recurrent_layer_becomes_a_fused_op_with_kerass_values(
    cell: str, direction: str, activation: str, reset_after: bool
) -> None:
    model = lively(cell=cell, direction=direction, activation=activation, reset_after=reset_after)
    proto = to_onnx(model)
    types = [node.op_type for node in proto.graph.node]
    assert not {"Loop", "Scan", "If"} & set(types)
    (fused,) = (node for node in proto.graph.node if node.op_type in FUSED.values())
    assert fused.op_type == FUSED[cell]
    assert fused.input[4] == "lengths"
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in fused.attribute}
    assert attributes["direction"] == direction.encode()
    if cell == "gru":
        assert attributes["linear_before_reset"] == int(reset_after)
    check_graph_contract(proto, "model.onnx", additive=True)
    ids, lengths = pad(sequences())
    expected, found = read(model, ids, lengths), run(proto, ids, lengths)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=2e-6, err_msg=name)
    for name in ("scores", "contributions"):
        assert not found[name][np.arange(ids.shape[1]) >= lengths[:, None]].any(), f"{name} on padding"


def test_the_states_depend_on_the_order_of_gates_and_biases() -> None:
    """What the test above could miss if its weights were too alike: any other order gives other values."""
    model = lively(cell="lstm")
    proto = to_onnx(model)
    ids, lengths = pad(sequences())
    right = run(proto, ids, lengths)["scores"]
    for suffix in ("_W", "_R", "_B"):
        changed = copy(proto)
        (tensor,) = (tensor for tensor in changed.graph.initializer if tensor.name.endswith("recurrent_0" + suffix))
        array = numpy_helper.to_array(tensor)
        blocks = np.split(array, 8 if suffix == "_B" else 4, axis=1)
        blocks[1], blocks[2] = blocks[2], blocks[1]
        tensor.CopyFrom(numpy_helper.from_array(np.concatenate(blocks, axis=1), tensor.name))
        assert np.abs(run(changed, ids, lengths)["scores"] - right).max() > 1e-3, suffix


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": 2},
        {"head": "timesteps", "loss": "mse", "state_dropout": 0.0},
        {"head": "last", "direction": "forward", "hidden": 5},
        {"head": "unit", "direction": "forward", "units": 1, "activation": "sigmoid", "state_dropout": 0.0},
    ],
    ids=str,
)
def test_every_head_passes_the_parity_check(changes: dict[str, Any]) -> None:
    model = lively(**changes)
    proto = to_onnx(model)
    report = check_parity(model, proto, quantize(proto), sequences())
    additive = changes.get("head") != "timesteps"
    assert ("contributions" in report.comparisons[0].largest) is additive
    assert [output.name for output in proto.graph.output].count("contributions") == additive
    fused = [node for node in proto.graph.node if node.op_type in FUSED.values()]
    assert len(fused) == changes.get("layers", 1)


def test_graph_inputs_and_outputs_follow_the_contract(fp32: onnx.ModelProto, int8: onnx.ModelProto) -> None:
    for proto in (fp32, int8):
        found = {
            value.name: (
                value.type.tensor_type.elem_type,
                [dimension.dim_param for dimension in value.type.tensor_type.shape.dim],
            )
            for value in (*proto.graph.input, *proto.graph.output)
        }
        whole, steps = ["batch"], ["batch", "time"]
        assert found == {
            "input_ids": (onnx.TensorProto.INT32, steps),
            "lengths": (onnx.TensorProto.INT32, whole),
            "probability": (onnx.TensorProto.FLOAT, whole),
            "logit": (onnx.TensorProto.FLOAT, whole),
            "bias": (onnx.TensorProto.FLOAT, whole),
            "scores": (onnx.TensorProto.FLOAT, steps),
            "contributions": (onnx.TensorProto.FLOAT, steps),
        }
        assert next(opset.version for opset in proto.opset_import if opset.domain == "") == OPSET


def test_batch_and_time_are_free(fp32: onnx.ModelProto) -> None:
    session = ort.InferenceSession(fp32.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch, time in ((1, 1), (1, 1500), (5, 3)):
        ids = np.ones((batch, time), np.int32)
        scores, probability = session.run(
            ["scores", "probability"], {"input_ids": ids, "lengths": np.full(batch, time, np.int32)}
        )
        assert (scores.shape, probability.shape) == ((batch, time), (batch,))


def test_int8_quantizes_lstm_and_word_vectors_and_keeps_the_lengths(int8: onnx.ModelProto) -> None:
    (fused,) = (node for node in int8.graph.node if "LSTM" in node.op_type)
    assert (fused.op_type, fused.input[4]) == ("DynamicQuantizeLSTM", "lengths")
    tables = [numpy_helper.to_array(tensor) for tensor in int8.graph.initializer if len(tensor.dims) == 2]
    assert [table.dtype.itemsize for table in tables if table.shape[0] == VOCABULARY] == [1]


def test_a_gru_keeps_its_float_weights_in_int8() -> None:
    proto = quantize(to_onnx(lively(cell="gru")))
    assert "GRU" in {node.op_type for node in proto.graph.node}


def test_export_leaves_no_placeholder_and_names_the_producer(fp32: onnx.ModelProto) -> None:
    assert (fp32.producer_name, fp32.graph.name) == ("sentiline", "sentiline")
    assert "PyFunc" not in {node.op_type for node in fp32.graph.node}


def test_the_placeholder_is_never_run() -> None:
    with pytest.raises(Exception, match="exists only to be converted"):
        placeholder(0, np.zeros((1, 2, 3), np.float32), np.array([2], np.int32), 4)


def test_the_parity_check_reports_what_it_measured(
    model: SentimentModel, fp32: onnx.ModelProto, int8: onnx.ModelProto
) -> None:
    report = check_parity(model, fp32, int8, sequences())
    rows = {row.what: row for row in report.comparisons}
    assert report.reviews == 9
    assert 0 <= report.agreement <= 1
    held = [what for what, row in rows.items() if row.tolerance is not None]
    assert all("fp32" in what for what in held)
    assert all(row.largest["probability"] <= 1e-5 for row in rows.values() if row.tolerance)
    assert rows["int8 - fp32, alone"].tolerance is None
    assert rows["int8 - fp32, alone"].largest["logit"] > 0
    document = report.as_dict()
    assert document["largest_difference"].keys() == rows.keys()
    assert document["int8_label_agreement"] == report.agreement


def _rename_output(proto: onnx.ModelProto) -> None:
    for node in proto.graph.node:
        node.output[:] = ["chance" if name == "probability" else name for name in node.output]
    next(value for value in proto.graph.output if value.name == "probability").name = "chance"


def _drop_contributions(proto: onnx.ModelProto) -> None:
    kept = [value for value in proto.graph.output if value.name != "contributions"]
    del proto.graph.output[:]
    proto.graph.output.extend(kept)


def _fix_time(proto: onnx.ModelProto) -> None:
    next(value for value in proto.graph.input if value.name == "input_ids").type.tensor_type.shape.dim[1].dim_value = 30


def _widen_lengths(proto: onnx.ModelProto) -> None:
    lengths = next(value for value in proto.graph.input if value.name == "lengths")
    lengths.type.tensor_type.elem_type = onnx.TensorProto.INT64


def _forget_lengths(proto: onnx.ModelProto) -> None:
    fused = next(node for node in proto.graph.node if node.op_type == "LSTM")
    fused.input[4] = ""


def _unfuse(proto: onnx.ModelProto) -> None:
    fused = next(node for node in proto.graph.node if node.op_type == "LSTM")
    fused.op_type, fused.domain = "LongShort", "elsewhere"
    proto.opset_import.append(helper.make_opsetid("elsewhere", 1))


def _break_order(proto: onnx.ModelProto) -> None:
    nodes = list(proto.graph.node)[::-1]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_rename_output, "outputs of model.onnx.*chance"),
        (_drop_contributions, "outputs of model.onnx.*contributions"),
        (_fix_time, "inputs of model.onnx|input_ids.*30"),
        (_widen_lengths, "lengths"),
        (_forget_lengths, "LSTM .* has no sequence_lens, so padding would affect the states"),
        (_unfuse, "holds no fused recurrent op"),
        (_break_order, "is not a valid graph"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_the_parity_check_rejects_a_graph_of_another_form(
    model: SentimentModel,
    fp32: onnx.ModelProto,
    int8: onnx.ModelProto,
    change: Callable[[onnx.ModelProto], None],
    message: str,
) -> None:
    changed = copy(fp32)
    change(changed)
    with pytest.raises(ExportError, match=message):
        check_parity(model, changed, int8, sequences())


def test_the_parity_check_rejects_changed_weights(
    model: SentimentModel, fp32: onnx.ModelProto, int8: onnx.ModelProto
) -> None:
    shapes = {tensor.name: list(tensor.dims) for tensor in fp32.graph.initializer if len(tensor.dims) >= 2}
    assert len(shapes) == 5  # word vectors, three of the LSTM, the head's
    (head,) = (name for name, shape in shapes.items() if shape == [6, 3])
    columns = [(name, slice(None)) for name in shapes if name != head]
    for name, column in [*columns, *((head, slice(place, place + 1)) for place in range(3))]:
        changed = copy(fp32)
        tensor = next(tensor for tensor in changed.graph.initializer if tensor.name == name)
        array = numpy_helper.to_array(tensor).copy()
        array[..., column] *= np.float32(1.01)
        tensor.CopyFrom(numpy_helper.from_array(array, name))
        with pytest.raises(ExportError, match=r"fp32 - Keras, (real reviews|random ids): \w+ differs by"):
            check_parity(model, changed, int8, sequences())


def test_the_parity_check_rejects_a_graph_that_reads_padding(
    model: SentimentModel, fp32: onnx.ModelProto, int8: onnx.ModelProto
) -> None:
    """The lengths are wired, but all of them say that the padding belongs to the review."""
    changed = copy(fp32)
    fused = next(node for node in changed.graph.node if node.op_type == "LSTM")
    extra = [
        helper.make_node("Shape", ["input_ids"], ["wide_shape"]),
        helper.make_node("Gather", ["wide_shape", "wide_one"], ["wide_time"]),
        helper.make_node("Cast", ["wide_time"], ["wide_time32"], to=onnx.TensorProto.INT32),
        helper.make_node("Mul", ["lengths", "wide_zero"], ["wide_none"]),
        helper.make_node("Add", ["wide_none", "wide_time32"], ["wide_lengths"]),
    ]
    changed.graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "wide_one"))
    changed.graph.initializer.append(numpy_helper.from_array(np.array(0, np.int32), "wide_zero"))
    fused.input[4] = "wide_lengths"
    nodes = [*extra, *changed.graph.node]
    del changed.graph.node[:]
    changed.graph.node.extend(nodes)
    check_graph_contract(changed, "model.onnx", additive=True)
    with pytest.raises(ExportError, match="fp32 - Keras, real reviews"):
        check_parity(model, changed, int8, sequences())


def test_the_parity_check_rejects_values_that_are_no_numbers(
    model: SentimentModel, fp32: onnx.ModelProto, int8: onnx.ModelProto
) -> None:
    changed = copy(fp32)
    tensor = next(tensor for tensor in changed.graph.initializer if list(tensor.dims) == [6, 3])  # of the head
    tensor.CopyFrom(numpy_helper.from_array(np.full((6, 3), np.nan, np.float32), tensor.name))
    with pytest.raises(ExportError, match="differs by nan"):
        check_parity(model, changed, int8, sequences())


def test_the_parity_check_rejects_kerass_own_export(tmp_path: Path) -> None:
    """What `model.export(format="onnx")` makes of a masked bidirectional LSTM: one Loop a direction."""
    inputs = keras.Input((None,), dtype="int32", name="input_ids")
    vectors = keras.layers.Embedding(VOCABULARY, 4, mask_zero=True)(inputs)
    states = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))(vectors)
    naive = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(states))
    naive(np.ones((1, 2), np.int32))  # Keras exports no model that was never called
    path = tmp_path / "naive.onnx"
    naive.export(path, format="onnx", verbose=False)
    proto = onnx.load(path)
    assert [node.op_type for node in proto.graph.node].count("Loop") == 2
    with pytest.raises(ExportError, match=r"naive.onnx holds Loop; recurrent layers must be fused ops"):
        check_graph_contract(proto, "naive.onnx", additive=False)


@pytest.mark.parametrize(("cell", "tolerance"), [("rnn", 1e-4), ("lstm", 1e-5), ("gru", 1e-5)])
def test_rounding_may_go_further_in_a_plain_rnn(cell: str, tolerance: float) -> None:
    model = lively(cell=cell)
    proto = to_onnx(model)
    report = check_parity(model, proto, quantize(proto), sequences())
    assert {row.tolerance for row in report.comparisons} == {tolerance, None}
