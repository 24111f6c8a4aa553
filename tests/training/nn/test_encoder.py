"""Encoders: standardized word vectors with the LSTM weights to match, the file, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from sentiline.errors import BundleCorruptError
from sentiline.tokenizer import SPECIAL_TOKENS, Tokenizer
from tests.training.pretrain_runs import drawn_model, tiny_pretrain_config
from training.errors import CheckpointError
from training.nn import backend
from training.nn.encoder import Encoder
from training.pretraining.export_encoder import export_encoder
from training.pretraining.language_model import LanguageModel

backend.configure(1)

WORDS = 30
TOKENIZER = Tokenizer((*SPECIAL_TOKENS, *(f"word{number}" for number in range(WORDS - 2))), max_tokens=50)
COUNTS = np.random.default_rng(0).integers(1, 1000, WORDS)
PROVENANCE = {"config": {"units": 6}, "data": {"name": "drawn"}, "history": [{"epoch": 1, "validation_forward": 4.5}]}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    """Word vectors that are far from standard."""
    found = drawn_model(tiny_pretrain_config(), WORDS)
    vectors = np.random.default_rng(1).normal(0.7, 2.5, (WORDS, 8)) * np.linspace(0.2, 2, 8)
    found.embedding.embeddings.assign(vectors.astype(np.float32))
    return found


@pytest.fixture(scope="module")
def encoder(model: LanguageModel) -> Encoder:
    """Of that model."""
    return export_encoder(model, TOKENIZER, COUNTS, provenance=PROVENANCE)


def _states(layer: keras.layers.LSTM, vectors: NDArray[np.float32], ids: NDArray[np.int32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.asarray(layer(tf.constant(vectors[ids]))[0])
    return found


def test_the_states_are_those_of_the_language_model(model: LanguageModel, encoder: Encoder) -> None:
    ids = np.random.default_rng(3).integers(1, WORDS, (4, 12)).astype(np.int32)
    vectors = np.asarray(model.embedding.embeddings.value)
    for side, layer in enumerate(model.directions):
        own = keras.layers.LSTM(encoder.units, return_sequences=True, return_state=True)
        own.build((None, None, encoder.vectors.shape[1]))
        own.set_weights(encoder.directions[side])
        expected = _states(layer, vectors, ids)
        assert np.abs(expected).max() > 0.3
        np.testing.assert_allclose(_states(own, encoder.vectors, ids), expected, atol=1e-4)


def test_the_vectors_are_standard_as_the_texts_weigh_them(encoder: Encoder) -> None:
    shares = COUNTS.astype(float)
    shares[: len(SPECIAL_TOKENS)] = 0
    shares /= shares.sum()
    np.testing.assert_allclose(shares @ encoder.vectors, 0, atol=1e-5)
    assert (shares[:, None] * encoder.vectors**2).sum() / 8 == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(encoder.vectors[0], 0)
    assert np.abs(encoder.vectors[1]).max() > 0
    assert (encoder.vectors.dtype, encoder.units) == (np.float32, 6)


def test_the_file_holds_the_nearest_float16(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.npz"
    encoder.save(path)
    found = Encoder.load(path)
    pairs = [(found.vectors, encoder.vectors)]
    for left, right in zip(found.directions, encoder.directions, strict=True):
        pairs += zip(left, right, strict=True)
    for one, other in pairs:
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other.astype(np.float16).astype(np.float32))
    assert found.tokenizer.to_json() == TOKENIZER.to_json()
    assert found.provenance == PROVENANCE
    again = tmp_path / "again.npz"
    found.save(again)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["again.npz", "encoder.npz"]
    np.testing.assert_array_equal(Encoder.load(again).vectors, found.vectors)


def test_a_missing_file_is_named_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere\.npz does not exist; `python -m training pretrain` creates"):
        Encoder.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("kept", [0, 10, 500, -1, -40])
def test_a_truncated_file_is_refused(encoder: Encoder, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "encoder.npz"
    encoder.save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"encoder\.npz is not an encoder of this program"):
        Encoder.load(path)


def test_altered_bytes_are_refused(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.npz"
    encoder.save(path)
    whole, refused = path.read_bytes(), 0
    places = np.random.default_rng(0).choice(len(whole), 150, replace=False).tolist()
    for place in places:
        content = bytearray(whole)
        content[place] ^= 0x55
        path.write_bytes(content)
        try:
            found = Encoder.load(path)
        except CheckpointError:
            refused += 1
        else:  # a byte that says nothing of the arrays, such as a time
            np.testing.assert_array_equal(found.vectors, encoder.vectors.astype(np.float16).astype(np.float32))
    assert refused > len(places) // 2


def test_a_folder_and_arrays_of_something_else_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "weights.npz", vectors=np.zeros((3, 2)))
    for path in (tmp_path, tmp_path / "weights.npz"):
        with pytest.raises(CheckpointError, match="is not an encoder of this program"):
            Encoder.load(path)


def test_arrays_that_do_not_belong_together_are_refused(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.npz"
    dataclasses.replace(encoder, vectors=encoder.vectors[:-1]).save(path)
    with pytest.raises(CheckpointError, match="29 word vectors for 30 words"):
        Encoder.load(path)
    kernel, recurrent, bias = encoder.directions[1]
    dataclasses.replace(encoder, directions=(encoder.directions[0], (kernel[:-1], recurrent, bias))).save(path)
    with pytest.raises(CheckpointError, match="LSTM weights of shapes"):
        Encoder.load(path)


def test_a_tokenizer_of_other_rules_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.npz"
    encoder.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    text = arrays["tokenizer"].tobytes().replace(b'"scheme":', b'"schemes":')
    np.savez(path, **{**arrays, "tokenizer": np.frombuffer(text, np.uint8)})
    with pytest.raises(BundleCorruptError, match=r"encoder\.npz is not a tokenizer"):
        Encoder.load(path)
