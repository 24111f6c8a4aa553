"""A naive-Bayes-weighted logistic regression on n-grams of token ids.

Wang & Manning 2012, "Baselines and Bigrams". With x ∈ {0, 1}^F the n-grams that a text contains, t its target and r the
log-count ratio of every n-gram,

    p = s + Σ t x,   q = s + Σ (1 − t) x,   r = log(p / |p|₁) − log(q / |q|₁)
    logit = (w · (r ∘ x) / |r ∘ x|₂^λ + b) / T

w and b minimize the cross-entropy times C plus |w|² / 2; T is fitted afterwards on other texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import expit

from sentiline.tokenizer import SPECIAL_TOKENS
from training.config.ngrams import NgramConfig
from training.errors import DataError
from training.run.arrays_file import open_arrays_file, write_arrays_file

Documents = Sequence[NDArray[np.int32]]

_CHUNK_TOKENS = 4_000_000  # tokens scored at a time, in about 300 MB of memory
_ITERATIONS = 300


@dataclass(frozen=True, eq=False)
class NgramClassifier:
    """A trained classifier; F n-grams.

    Attributes:
        vocabulary_size: V; token ids lie in 0…V−1.
        order: The length of the longest n-gram in tokens.
        length_power: λ; 0 sums the features, 1 scales them to unit length.
        keys: int64 [F], ascending; the key of the n-gram (a, b, c) is (a V + b) V + c.
        ratios: float32 [F], r.
        weights: float32 [F], w ∘ r.
        bias: b.
        temperature: T.
    """

    vocabulary_size: int
    order: int
    length_power: float
    keys: NDArray[np.int64]
    ratios: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: float
    temperature: float = 1.0

    @property
    def name(self) -> str:
        """The name shown in tables."""
        return "ngrams"

    @classmethod
    def fit(
        cls, documents: Documents, targets: NDArray[Any], vocabulary_size: int, config: NgramConfig | None = None
    ) -> NgramClassifier:
        """Train on texts, with a temperature of 1.

        Args:
            documents: The token ids of each text, int32 [n_i]. N-grams with a special token (padding, unknown) are
                ignored.
            targets: [n], labels or probabilities of the positive class.
            vocabulary_size: V.
            config: The recipe; its fields on vocabulary, folds and splits are ignored.

        Raises:
            DataError: The texts share no n-gram, the targets are not probabilities or are all equal, or an id lies
                outside the vocabulary.
        """
        config = config or NgramConfig()
        target = np.asarray(targets, np.float64)
        if target.shape != (len(documents),):
            raise DataError(f"{len(documents)} texts have targets of shape {target.shape}; give one per text")
        if not ((target >= 0) & (target <= 1)).all():
            raise DataError("a target lies outside 0…1; give labels or probabilities", field="targets")
        if not len(target) or target.min() == target.max():
            raise DataError("all targets are equal; give texts of both classes", field="targets")
        keys, found = _features(documents, vocabulary_size, config.order, config.min_df)
        if not len(keys):
            raise DataError(
                f"no n-gram occurs in {config.min_df} of the {len(documents)} texts; give more texts or lower min_df",
                field="min_df",
            )
        positive = config.smoothing + found.T @ target
        negative = config.smoothing + found.T @ (1 - target)
        ratios = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
        scale = _norms(found, ratios) ** -config.length_power
        rows = found.copy()
        rows.data *= ratios.astype(np.float32)[rows.indices] * np.repeat(scale, np.diff(rows.indptr)).astype(np.float32)
        weights, bias = _fit_regression(rows, target, config.regularization)
        return cls(
            vocabulary_size,
            config.order,
            config.length_power,
            keys,
            ratios.astype(np.float32),
            (weights * ratios).astype(np.float32),
            bias,
        )

    def calibrated(self, documents: Documents, labels: NDArray[Any]) -> NgramClassifier:
        """Return a copy with the temperature that minimizes the cross-entropy of held-out texts."""
        logits = self.logits(documents) * self.temperature
        found = minimize_scalar(
            lambda log: cross_entropy(logits / np.exp(log), labels), bounds=(-5, 5), method="bounded"
        )
        return replace(self, temperature=float(np.exp(found.x)))

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """Score texts.

        Args:
            documents: The token ids of each text, int32 [n_i]; the logit of a text without a known n-gram is the bias.

        Returns:
            float64 [n]; the sigmoid of a logit is the probability of the positive class.

        Raises:
            DataError: An id lies outside the vocabulary.
        """
        parts = []
        for chunk in _chunks(documents, _CHUNK_TOKENS):
            found = _matrix(chunk, self.keys, self.vocabulary_size, self.order)
            total = found @ self.weights.astype(np.float64)
            if self.length_power:
                total *= _norms(found, self.ratios.astype(np.float64)) ** -self.length_power
            parts.append((total + self.bias) / self.temperature)
        return np.concatenate(parts) if parts else np.zeros(0)

    def save(self, path: Path) -> None:
        """Write one `.npz` file without pickle, atomically."""
        shape = np.array([self.vocabulary_size, self.order], np.int64)
        scalars = np.array([self.length_power, self.bias, self.temperature], np.float64)
        arrays: dict[str, NDArray[Any]] = {"keys": self.keys, "ratios": self.ratios, "weights": self.weights}
        write_arrays_file(path, {"shape": shape, "scalars": scalars, **arrays})

    @classmethod
    def load(cls, path: Path) -> NgramClassifier:
        """Read a file written by `save`.

        Raises:
            CheckpointError: The file does not exist or is not an n-gram classifier.
        """
        missing, damaged = "`python -m training ngrams` creates it", "is not an n-gram classifier"
        with open_arrays_file(path, missing=missing, damaged=damaged) as file:
            size, order = file.array("shape").tolist()
            power, bias, temperature = file.array("scalars").tolist()
            keys, ratios, weights = file.array("keys"), file.array("ratios"), file.array("weights")
        return cls(size, order, power, keys, ratios, weights, bias, temperature)


def cross_entropy(logits: NDArray[np.float64], targets: NDArray[Any]) -> float:
    """Return the mean cross-entropy of logits [n] and targets [n] in [0, 1], in nats."""
    return float(np.mean(np.logaddexp(0, logits) - targets * logits))


def _chunks(documents: Documents, tokens: int) -> Iterator[Documents]:
    """Split the texts into runs of about `tokens` tokens."""
    ends = np.cumsum([len(document) + 1 for document in documents])
    start = 0
    while start < len(documents):
        base = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, base + tokens, side="right")))
        yield documents[start:stop]
        start = stop


def _occurrences(documents: Documents, size: int, order: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return text index int32 [m] and key int64 [m] of every n-gram occurrence; V^order must fit into int64."""
    gap = np.zeros(order - 1, np.int64)  # a gap between texts, which no n-gram spans
    stream = np.concatenate([gap, *(part for document in documents for part in (document, gap))]).astype(np.int64)
    if len(stream) and not 0 <= stream.min() <= stream.max() < size:
        raise DataError(
            f"token ids lie in {stream.min()}…{stream.max()} and the vocabulary has {size}; encode the texts with the "
            f"tokenizer of the classifier",
            field="documents",
        )
    lengths = np.array([len(document) + order - 1 for document in documents])
    text = np.concatenate(
        [np.zeros(order - 1, np.int32), np.repeat(np.arange(len(documents), dtype=np.int32), lengths)]
    )
    known = stream >= len(SPECIAL_TOKENS)
    texts, keys = [], []
    key, whole = np.zeros_like(stream), np.ones_like(known)
    for extra in range(order):
        end = len(stream) - extra
        key = key[:end] * size + stream[extra:]  # no unigram equals a longer n-gram: the first id is at least 2
        whole = whole[:end] & known[extra:]
        texts.append(text[:end][whole])
        keys.append(key[whole])
    return np.concatenate(texts), np.concatenate(keys)


def _presence(texts: NDArray[np.int32], columns: NDArray[np.intp], shape: tuple[int, int]) -> csr_matrix:
    """Return which text contains which n-gram, 1 regardless of the count, float32."""
    found = csr_matrix((np.ones(len(texts), np.float32), (texts, columns.astype(np.int32))), shape=shape)
    found.sum_duplicates()
    found.data[:] = 1
    return found


def _matrix(documents: Documents, keys: NDArray[np.int64], size: int, order: int) -> csr_matrix:
    """Return which text contains which of the known n-grams, float32 [n, F]."""
    texts, occurring = _occurrences(documents, size, order)
    columns = np.minimum(np.searchsorted(keys, occurring), len(keys) - 1)
    hit = keys[columns] == occurring
    return _presence(texts[hit], columns[hit], (len(documents), len(keys)))


def _features(documents: Documents, size: int, order: int, min_df: int) -> tuple[NDArray[np.int64], csr_matrix]:
    """Return the n-grams contained in at least `min_df` texts, ascending, and which text contains which."""
    texts, occurring = _occurrences(documents, size, order)
    keys, counts = np.unique(occurring, return_counts=True)
    keys = keys[counts >= min_df]  # frequent enough in total; the number of texts is checked below
    if not len(keys):
        return keys, csr_matrix((len(documents), 0), dtype=np.float32)
    columns = np.minimum(np.searchsorted(keys, occurring), len(keys) - 1)
    hit = keys[columns] == occurring
    found = _presence(texts[hit], columns[hit], (len(documents), len(keys)))
    kept = np.bincount(found.indices, minlength=len(keys)) >= min_df
    return keys[kept], found[:, np.flatnonzero(kept)]


def _norms(found: csr_matrix, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |r ∘ x|₂ of every text, with 1 in place of 0; float64 [n]."""
    squared: NDArray[np.float64] = found @ ratios**2
    return np.sqrt(np.where(squared > 0, squared, 1.0))


def _fit_regression(
    rows: csr_matrix, targets: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], float]:
    """Return the weights [F] and the bias that minimize strength · Σ cross-entropy + |w|² / 2, by L-BFGS."""
    columns = rows.T.tocsr()
    width = rows.shape[1]

    def objective(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = point[:-1], point[-1]
        logits = (rows @ weights.astype(np.float32)).astype(np.float64) + bias
        loss = strength * float(np.sum(np.logaddexp(0, logits) - targets * logits))
        error = strength * (expit(logits) - targets)
        gradient = np.append(columns @ error.astype(np.float32) + weights, error.sum())
        return loss + 0.5 * float(weights @ weights), gradient

    found = minimize(
        objective,
        np.zeros(width + 1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "ftol": 1e-7, "gtol": 1e-7 * strength * len(targets)},
    )
    return found.x[:-1], float(found.x[-1])
