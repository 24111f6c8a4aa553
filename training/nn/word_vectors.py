"""Initial word vectors from the co-occurrence counts of unlabelled text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

from sentiline.tokenizer import SPECIAL_TOKENS
from training.errors import DataError

WINDOW = 5
CONTEXT_SMOOTHING = 0.75


def ppmi_svd(
    documents: Sequence[NDArray[np.int32]], vocabulary_size: int, width: int, *, seed: int = 0
) -> NDArray[np.float32]:
    """Factorize the positive pointwise mutual information of words and their neighbours.

    With co-occurrence counts #(w, c) in a window of 5, each weighted by the inverse of its distance, and context
    probabilities smoothed by the power 0.75 (Levy, Goldberg & Dagan 2015, "Improving Distributional Similarity with
    Lessons Learned from Word Embeddings"):

        PPMI(w, c) = max(0, log( #(w, c) / (#(w) · P(c)^0.75 / Σ P^0.75) )),   PPMI ≈ U Σ Vᵀ,   vectors = U √Σ

    Args:
        documents: The token ids of each text, int32 [n_i]; the special ids (padding, unknown) are ignored.
        vocabulary_size: The number of rows.
        width: The number of columns E.
        seed: The seed of the randomized SVD.

    Returns:
        float32 [vocabulary_size, width] with mean 0 in every column and standard deviation 1 overall; the rows of the
        special tokens are 0. If the vocabulary has fewer tokens than `width`, the last columns are 0.

    Raises:
        DataError: No two known tokens occur near each other more often than by chance.
    """
    counts = _cooccurrences(documents, vocabulary_size)
    words = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1e-9)
    contexts = words**CONTEXT_SMOOTHING
    contexts /= contexts.sum()
    pairs = counts.tocoo()
    information = np.log(pairs.data / (words[pairs.row] * contexts[pairs.col]))
    positive = information > 0
    if not positive.any():
        raise DataError(
            f"no two words of the {len(documents)} texts occur together more often than by chance, so word vectors "
            f"cannot be computed from them; choose --vectors random",
            field="vectors",
        )
    matrix = csr_matrix(
        (information[positive].astype(np.float32), (pairs.row[positive], pairs.col[positive])), shape=counts.shape
    )
    left, scale, _ = randomized_svd(matrix, width, n_iter=4, random_state=seed)
    vectors: NDArray[np.float32] = (left * np.sqrt(scale)).astype(np.float32)
    vectors = np.pad(vectors, ((0, 0), (0, width - vectors.shape[1])))
    special = len(SPECIAL_TOKENS)
    vectors[special:] -= vectors[special:].mean(axis=0)
    vectors[special:] /= vectors[special:].std()
    vectors[:special] = 0
    return vectors


def _cooccurrences(documents: Sequence[NDArray[np.int32]], size: int) -> csr_matrix:
    """Return symmetric co-occurrence weights, float64 [size, size]."""
    gap = np.zeros(WINDOW, np.int32)  # a gap between texts, which no pair spans
    stream = np.concatenate([part for document in documents for part in (document, gap)])
    special = len(SPECIAL_TOKENS)
    counts = csr_matrix((size, size), dtype=np.float64)
    for distance in range(1, WINDOW + 1):
        left, right = stream[:-distance], stream[distance:]
        known = (left >= special) & (right >= special)
        pair, number = np.unique(left[known].astype(np.int64) * size + right[known], return_counts=True)
        counts = counts + csr_matrix((number / distance, (pair // size, pair % size)), shape=(size, size))
    return counts + counts.T
