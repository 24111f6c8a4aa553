"""Plain Keras models exported with fused ops and Keras's values on padded batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.training.export.keras_models import ARCHITECTURES, VOCABULARY, L, lively, sequential, sigmoid
from training.errors import ExportError
from training.export import to_onnx
from training.export.convert import quantize
from training.export.keras_parity import check_fused
from training.nn import backend

backend.configure(1)

pytestmark = pytest.mark.filterwarnings("ignore:.*does not support masking:UserWarning")


def run(proto: onnx.ModelProto, values: np.ndarray, lengths: list[int]) -> list[np.ndarray]:
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: values, "lengths": np.array(lengths, np.int32)})


def padded(model: keras.Model, lengths: list[int], time: int = 12) -> np.ndarray:
    generator = np.random.default_rng(11)
    inside = np.arange(time) < np.array(lengths)[:, None]
    if len(model.inputs[0].shape) == 3:
        return np.where(inside[..., None], generator.normal(size=(*inside.shape, 3)), -1).astype(np.float32)
    return np.where(inside, generator.integers(1, VOCABULARY, inside.shape), 0).astype(np.int32)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_ten_architectures_are_fused_and_equal_keras_on_a_padded_batch(name: str) -> None:
    model = ARCHITECTURES[name]()
    proto = to_onnx(model)
    types = [node.op_type for node in proto.graph.node]
    assert not {"Loop", "Scan", "If"} & set(types)
    fused = [node for node in proto.graph.node if node.op_type in ("RNN", "GRU", "LSTM")]
    assert fused
    assert all(node.input[4] for node in fused)
    lengths = [5, 12, 1, 8]
    values = padded(model, lengths)
    (found,) = run(proto, values, lengths)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(model(values)), atol=1e-5)
    int8 = quantize(proto)
    check_fused(int8)
    (rounded,) = run(int8, values, lengths)
    np.testing.assert_allclose(rounded, found, atol=0.2)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param(lambda: [L.LSTM(3, return_sequences=True)], id="states, repeated on padding"),
        pytest.param(lambda: [L.GRU(3, return_sequences=True, go_backwards=True), L.Dense(2)], id="backwards"),
        pytest.param(lambda: [L.LSTM(3, go_backwards=True)], id="backwards, last"),
        pytest.param(lambda: [L.Bidirectional(L.GRU(3), merge_mode="mul")], id="product"),
        pytest.param(lambda: [L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="ave")], id="mean"),
        pytest.param(
            lambda: [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GlobalMaxPooling1D()], id="max sees zeros"
        ),
        pytest.param(
            lambda: [L.Bidirectional(L.LSTM(3), backward_layer=L.GRU(2, go_backwards=True))],
            id="different directions",
        ),
        pytest.param(
            lambda: [
                L.Bidirectional(
                    L.LSTM(3, go_backwards=True, return_sequences=True), backward_layer=L.LSTM(3, return_sequences=True)
                ),
                L.GlobalAveragePooling1D(),
            ],
            id="backwards first",
        ),
        pytest.param(
            lambda: [L.LSTM(3, activation="softsign", recurrent_activation="hard_sigmoid", return_sequences=True)],
            id="activations",
        ),
        pytest.param(lambda: [L.GRU(3, activation="elu", recurrent_activation="hard_sigmoid")], id="elu"),
        pytest.param(lambda: [L.SimpleRNN(3, activation="linear")], id="linear"),
        pytest.param(
            lambda: [keras.Sequential([L.LSTM(3, return_sequences=True), L.Activation("relu")]), L.GRU(2)], id="nested"
        ),
    ],
)
@pytest.mark.parametrize("mask", [True, False])
def test_states_masks_and_directions_agree_with_keras(layers: Callable[[], list[Any]], mask: bool) -> None:
    model = sequential(*layers(), mask=mask)
    lengths = [5, 12, 1, 8]
    values = padded(model, lengths)
    (found,) = run(to_onnx(model), values, lengths)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(model(values)), atol=1e-5)


def test_two_outputs_of_a_bidirectional_layer() -> None:
    ids = keras.Input((None,), dtype="int32")
    states = L.Bidirectional(L.LSTM(3), merge_mode=None)(L.Embedding(VOCABULARY, 4, mask_zero=True)(ids))
    model = lively(keras.Model(ids, list(states)))
    values = padded(model, [4, 12])
    for found, expected in zip(run(to_onnx(model), values, [4, 12]), model(values), strict=True):
        np.testing.assert_allclose(found, keras.ops.convert_to_numpy(expected), atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (lambda: [L.LSTM(3, return_sequences=True), L.Conv1D(2, 2)], "Conv1D 'conv1d.*Embedding, SimpleRNN"),
        (lambda: [L.LSTM(3, activation="swish"), sigmoid()], "activation 'silu'.*tanh"),
        (lambda: [L.LSTM(3), L.LayerNormalization()], "LayerNormalization"),
        (lambda: [L.TimeDistributed(L.LayerNormalization())], "TimeDistributed .* wraps LayerNormalization"),
        (lambda: [L.LSTM(3), L.Dense(2, activation=lambda x: x * 2)], "Dense .*has the activation '<lambda>'"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(layers: Callable[[], list[Any]], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_onnx(sequential(*layers()))


def test_a_model_whose_layers_cannot_be_read_is_refused() -> None:
    class Mine(keras.Model):
        pass

    with pytest.raises(ExportError, match="Mine is not a Sequential or functional"):
        to_onnx(Mine())
    with pytest.raises(ExportError, match="give it an Input layer"):
        to_onnx(keras.Sequential([L.Embedding(3, 2), L.LSTM(2)]))
    with pytest.raises(ExportError, match="str is not"):
        to_onnx("mine.keras")
