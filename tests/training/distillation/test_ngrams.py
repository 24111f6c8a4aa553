"""The n-gram classifier against its definition, written out one n-gram at a time, and its file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.config.ngrams import NgramConfig
from training.distillation import ngrams
from training.distillation.ngrams import NgramClassifier, cross_entropy
from training.errors import CheckpointError, ConfigError, DataError

Documents = list[NDArray[np.int32]]

SIZE = 12
CONFIG = NgramConfig(min_df=2, regularization=2.0)


def _documents(count: int, seed: int = 0) -> tuple[Documents, NDArray[np.int8]]:
    """Random texts, ids 0 and 1 (padding, unknown) among them; id 5 after id 4 is a sign of label 1."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count).astype(np.int8)
    found = []
    for label in labels:
        words = generator.integers(0, SIZE, generator.integers(1, 15)).tolist()
        found.append(np.array(words + ([4, 5] if label else [5, 4]), np.int32))
    return found, labels


def _grams(document: Sequence[int], order: int = 3) -> set[tuple[int, ...]]:
    spans = (tuple(document[at : at + n]) for n in range(1, order + 1) for at in range(len(document) - n + 1))
    return {gram for gram in spans if min(gram) >= 2}


def _key(gram: Sequence[int]) -> int:
    key = 0
    for token in gram:
        key = key * SIZE + token
    return key


@pytest.fixture(scope="module")
def trained() -> tuple[Documents, NDArray[np.int8], NgramClassifier]:
    documents, labels = _documents(300)
    return documents, labels, NgramClassifier.fit(documents, labels, SIZE, CONFIG)


def test_ngrams_and_ratios_are_those_of_the_definition(
    trained: tuple[Documents, NDArray[np.int8], NgramClassifier],
) -> None:
    documents, labels, classifier = trained
    counts = Counter(gram for document in documents for gram in _grams(document.tolist()))
    kept = {_key(gram): gram for gram, count in counts.items() if count >= CONFIG.min_df}
    assert classifier.keys.tolist() == sorted(kept)
    positive, negative = np.ones(len(kept)), np.ones(len(kept))
    for document, label in zip(documents, labels.tolist(), strict=True):
        grams = _grams(document.tolist())
        for column, key in enumerate(sorted(kept)):
            (positive if label else negative)[column] += kept[key] in grams
    wanted = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
    np.testing.assert_allclose(classifier.ratios, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_logits_are_those_of_the_definition(power: float) -> None:
    documents, labels = _documents(200)
    config = NgramConfig(min_df=2, regularization=2.0, length_power=power)
    classifier = NgramClassifier.fit(documents, labels, SIZE, config)
    others = _documents(60, seed=1)[0] + [np.zeros(0, np.int32), np.array([1], np.int32)]
    column = {key: index for index, key in enumerate(classifier.keys.tolist())}
    wanted = []
    for document in others:
        found = [column[_key(gram)] for gram in _grams(document.tolist()) if _key(gram) in column]
        length = math.sqrt(float(np.sum(classifier.ratios[found].astype(np.float64) ** 2))) or 1.0
        wanted.append(float(classifier.weights[found].astype(np.float64).sum()) / length**power + classifier.bias)
    logits = classifier.logits(others)
    assert logits.dtype == np.float64
    np.testing.assert_allclose(logits, wanted, rtol=1e-6, atol=1e-9)
    assert logits[-1] == logits[-2] == classifier.bias


def test_weights_are_where_the_objective_has_no_slope(
    trained: tuple[Documents, NDArray[np.int8], NgramClassifier],
) -> None:
    documents, labels, classifier = trained
    rows = np.zeros((len(documents), len(classifier.keys)))
    column = {key: index for index, key in enumerate(classifier.keys.tolist())}
    for row, document in zip(rows, documents, strict=True):
        for gram in _grams(document.tolist()):
            if _key(gram) in column:
                row[column[_key(gram)]] = classifier.ratios[column[_key(gram)]]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) ** CONFIG.length_power
    error = CONFIG.regularization * (1 / (1 + np.exp(-classifier.logits(documents))) - labels)
    slope = rows.T @ error + classifier.weights / classifier.ratios
    assert np.abs(slope).max() < 0.02 * np.abs(rows.T @ (CONFIG.regularization * (0.5 - labels))).max()
    assert abs(error.sum()) < 0.5


def test_it_learns_what_only_word_order_tells(trained: tuple[Documents, NDArray[np.int8], NgramClassifier]) -> None:
    documents, labels = _documents(200, seed=5)
    assert np.mean((trained[2].logits(documents) > 0) == labels) > 0.9
    single = NgramClassifier.fit(*trained[:2], SIZE, NgramConfig(min_df=2, regularization=2.0, order=1))
    assert np.mean((single.logits(documents) > 0) == labels) < 0.7


def test_chunks_change_nothing(
    trained: tuple[Documents, NDArray[np.int8], NgramClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, _, classifier = trained
    whole = classifier.logits(documents)
    monkeypatch.setattr(ngrams, "_CHUNK_TOKENS", 40)
    np.testing.assert_allclose(classifier.logits(documents), whole, rtol=1e-12)
    assert classifier.logits([]).shape == (0,)


def test_probabilities_are_targets_like_labels(trained: tuple[Documents, NDArray[np.int8], NgramClassifier]) -> None:
    documents, labels, classifier = trained
    softer = NgramClassifier.fit(documents, 0.1 + 0.8 * labels, SIZE, CONFIG)
    assert np.abs(softer.logits(documents)).mean() < np.abs(classifier.logits(documents)).mean()
    assert np.corrcoef(softer.logits(documents), classifier.logits(documents))[0, 1] > 0.95


def test_the_temperature_is_the_best_one(trained: tuple[Documents, NDArray[np.int8], NgramClassifier]) -> None:
    held_out, labels = _documents(150, seed=9)
    noisy = np.where(np.arange(150) % 7 == 0, 1 - labels, labels)
    raw = trained[2].logits(held_out)
    classifier = trained[2].calibrated(held_out, noisy)
    np.testing.assert_allclose(classifier.logits(held_out) * classifier.temperature, raw)
    best = cross_entropy(raw / classifier.temperature, noisy)
    for factor in (0.9, 1.1):
        assert best < cross_entropy(raw / classifier.temperature / factor, noisy)
    again = classifier.calibrated(held_out, noisy)
    assert again.temperature == pytest.approx(classifier.temperature, rel=1e-3)


def test_cross_entropy_is_that_of_the_definition() -> None:
    logits, targets = np.array([-3.0, 0.0, 800.0]), np.array([1.0, 0.25, 1.0])
    wanted = [math.log1p(math.exp(3)), math.log(2), 0.0]
    assert cross_entropy(logits, targets) == pytest.approx(sum(wanted) / 3)


def test_a_file_comes_back_as_it_was(
    trained: tuple[Documents, NDArray[np.int8], NgramClassifier], tmp_path: Path
) -> None:
    documents, _, classifier = trained
    classifier = classifier.calibrated(*_documents(50, seed=2))
    classifier.save(tmp_path / "model.npz")
    loaded = NgramClassifier.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.logits(documents), classifier.logits(documents))
    assert (loaded.temperature, loaded.name) == (classifier.temperature, "ngrams")
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 half"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.npz (does not exist|is not an n-gram classifier)"):
        NgramClassifier.load(path)


@pytest.mark.parametrize(
    ("ids", "targets", "message"),
    [
        ([[2, 3]] * 4, [0, 1, 0], "4 texts have targets of shape"),
        ([[2, 3]] * 4, [0, 1, 0, 1.5], "outside 0…1"),
        ([[2, 3]] * 4, [0, 1, 0, float("nan")], "outside 0…1"),
        ([[2, 3]] * 4, [1, 1, 1, 1], "give texts of both classes"),
        ([], [], "give texts of both classes"),
        ([[2], [3], [4], [5]], [0, 1, 0, 1], "lower min_df"),
        ([[1, 0], [1]], [0, 1], "lower min_df"),
        ([[2, SIZE], [2, 3]], [0, 1], "the vocabulary has 12"),
        ([[2, -1], [2, 3]], [0, 1], "the vocabulary has 12"),
    ],
)
def test_what_cannot_be_fitted_is_refused(ids: list[list[int]], targets: list[float], message: str) -> None:
    documents = [np.array(document, np.int32) for document in ids]
    with pytest.raises(DataError, match=message):
        NgramClassifier.fit(documents, np.array(targets), SIZE, CONFIG)


def test_ids_of_another_vocabulary_are_refused(trained: tuple[Documents, NDArray[np.int8], NgramClassifier]) -> None:
    with pytest.raises(DataError, match="with the tokenizer of the classifier"):
        trained[2].logits([np.array([3, 99], np.int32)])


@pytest.mark.parametrize(("field", "value"), [("order", 4), ("min_df", 0), ("length_power", 1.5), ("folds", 1)])
def test_a_value_out_of_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{field} is {value}; it must lie in"):
        NgramConfig(**{field: value})  # type: ignore[arg-type]
