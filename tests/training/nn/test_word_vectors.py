"""Word vectors against the definition of PPMI, counted pair by pair."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from training.errors import DataError
from training.nn.word_vectors import CONTEXT_SMOOTHING, WINDOW, ppmi_svd

Documents = list[NDArray[np.int32]]


def _documents(count: int, vocabulary: int, seed: int = 0) -> Documents:
    """Random texts in which even words stand near even ones and odd near odd; ids 0 and 1 occur as well."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        words = 2 * generator.integers(0, vocabulary // 2, generator.integers(2, 30)) + generator.integers(0, 2)
        found.append(words.astype(np.int32))
    return found


def _ppmi(documents: Sequence[NDArray[np.int32]], size: int) -> NDArray[np.float64]:
    """The matrix as its definition reads, one pair of words at a time."""
    weight: Counter[tuple[int, int]] = Counter()
    for document in documents:
        for here, word in enumerate(document.tolist()):
            for there in range(max(0, here - WINDOW), min(len(document), here + WINDOW + 1)):
                context = int(document[there])
                if there != here and word >= 2 and context >= 2:
                    weight[word, context] += 1 / abs(here - there)  # type: ignore[assignment]
    words = np.zeros(size)
    for (word, _), value in weight.items():
        words[word] += value
    contexts = np.maximum(words, 1e-9) ** CONTEXT_SMOOTHING
    contexts /= contexts.sum()
    matrix = np.zeros((size, size))
    for (word, context), value in weight.items():
        matrix[word, context] = max(0.0, math.log(value / (words[word] * contexts[context])))
    return matrix


def test_vectors_factorize_the_ppmi_matrix() -> None:
    documents, size = _documents(200, 24), 24
    vectors = ppmi_svd(documents, size, 6).astype(np.float64)
    left, scale, _ = np.linalg.svd(_ppmi(documents, size))
    wanted = (left * np.sqrt(scale))[:, :6]
    wanted[2:] -= wanted[2:].mean(axis=0)
    wanted[2:] /= wanted[2:].std()
    for column in range(6):  # the sign of a singular vector is free
        sign = np.sign(wanted[2:, column] @ vectors[2:, column])
        np.testing.assert_allclose(
            sign * vectors[2:, column], wanted[2:, column], atol=2e-3, err_msg=f"column {column}"
        )


def test_vectors_are_centred_and_scaled_and_special_rows_are_zero() -> None:
    vectors = ppmi_svd(_documents(200, 24), 24, 6)
    assert (vectors.shape, vectors.dtype) == ((24, 6), np.float32)
    assert not vectors[:2].any()
    np.testing.assert_allclose(vectors[2:].mean(axis=0), 0, atol=1e-6)
    assert vectors[2:].std() == pytest.approx(1, abs=1e-5)


def test_words_of_the_same_neighbours_are_near_each_other() -> None:
    vectors = ppmi_svd(_documents(400, 24), 24, 4)[2:]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similar = vectors @ vectors.T
    same = np.equal.outer(np.arange(22) % 2, np.arange(22) % 2)
    assert similar[same].mean() > 0.5
    assert similar[~same].mean() < 0


def test_no_pair_crosses_two_texts() -> None:
    documents = _documents(100, 24)
    np.testing.assert_array_equal(ppmi_svd(documents[::-1], 24, 6), ppmi_svd(documents, 24, 6))


def test_equal_seeds_give_equal_vectors() -> None:
    documents = _documents(100, 24)
    np.testing.assert_array_equal(ppmi_svd(documents, 24, 6, seed=3), ppmi_svd(documents, 24, 6, seed=3))


def test_a_small_vocabulary_leaves_the_last_columns_zero() -> None:
    vectors = ppmi_svd(_documents(100, 10), 10, 32)
    assert vectors.shape == (10, 32)
    assert np.isfinite(vectors).all()
    assert vectors[:, :4].any(axis=0).all()
    assert not vectors[:, 10:].any()


@pytest.mark.parametrize("document", [[2], [1, 2, 1, 0], []])
def test_texts_without_neighbours_are_refused(document: list[int]) -> None:
    with pytest.raises(DataError, match="--vectors random"):
        ppmi_svd([np.array(document, np.int32)] * 5, 4, 2)
