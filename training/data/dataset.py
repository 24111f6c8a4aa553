"""Reviews as token ids: vocabulary, encoding, length-bucketed batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import EmptyTextError
from sentiline.tokenizer import SPECIAL_TOKENS, Tokenizer, words
from training.data.review import Review


class Labelled(Protocol):
    """What a data set needs of a review."""

    @property
    def text(self) -> str:
        """Raw text."""

    @property
    def label(self) -> int:
        """0 negative, 1 positive."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Encoded reviews.

    Attributes:
        ids: token ids of each review, int32 [n_i], n_i >= 1.
        labels: [len(ids)], 0 negative, 1 positive: int8, or float32 where a teacher's probabilities or graded
            targets stand for them.
        skipped: positions, among the reviews given, of those without a token.
    """

    ids: tuple[NDArray[np.int32], ...]
    labels: NDArray[Any]
    skipped: tuple[int, ...] = ()

    @property
    def lengths(self) -> NDArray[np.int32]:
        """int32 [len(ids)], number of tokens of each review."""
        return np.array([len(ids) for ids in self.ids], np.int32)


def build_vocabulary(texts: Iterable[str], size: int) -> tuple[str, ...]:
    """The tokens found in most texts, most frequent first, ties in alphabetical order.

    Args:
        texts: raw texts; never test.
        size: most entries, the special tokens included.
    """
    frequency: Counter[str] = Counter()
    for text in texts:
        frequency.update(set(words(text)))
    ranked = sorted(frequency.items(), key=lambda item: (-item[1], item[0]))
    return (*SPECIAL_TOKENS, *(token for token, _ in ranked[: size - len(SPECIAL_TOKENS)]))


def encode(reviews: Sequence[Labelled], tokenizer: Tokenizer) -> Dataset:
    """Encode reviews, cut as the tokenizer says; those without a token are left out and listed."""
    ids, labels, skipped = [], [], []
    for position, review in enumerate(reviews):
        try:
            ids.append(tokenizer.encode(review.text, spans=False).ids)
        except EmptyTextError:
            skipped.append(position)
        else:
            labels.append(review.label)
    return Dataset(tuple(ids), np.array(labels, np.int8), tuple(skipped))


def bucketed_batches(
    lengths: NDArray[np.int32], batch_size: int, generator: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Random batches of reviews of similar length, in random order.

    Lengths are jittered by up to a tenth before sorting, so that a review meets other neighbours every epoch.

    Args:
        lengths: int32 [n].
        batch_size: reviews a batch; the last one may be smaller.
        generator: source of the randomness.

    Returns:
        Positions of each batch; together a permutation of range(n).
    """
    jittered = lengths * generator.uniform(0.9, 1.1, len(lengths))
    order = np.argsort(jittered, kind="stable")
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[index] for index in generator.permutation(len(batches))]


def sorted_batches(lengths: NDArray[np.int32], batch_size: int) -> Iterator[NDArray[np.intp]]:
    """Batches in order of length, for evaluation."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def pad(sequences: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Right-pad sequences with 0.

    Returns:
        int32 [B, T] ids and int32 [B] lengths, T the longest length.

    Example:
        >>> ids, lengths = pad([np.array([5, 6], np.int32), np.array([7], np.int32)])
        >>> ids.tolist(), lengths.tolist()
        ([[5, 6], [7, 0]], [2, 1])
    """
    lengths = np.array([len(sequence) for sequence in sequences], np.int32)
    ids = np.zeros((len(sequences), int(lengths.max())), np.int32)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return ids, lengths


def graded(train: Dataset, reviews: Sequence[Review], top: int = 10) -> Dataset:
    """The data set with targets graded by the stars, linear from 0.02 for one star to 0.98 for the most.

    Args:
        train: what `encode(reviews, …)` gave.
        reviews: with their stars; one without keeps 0 or 1.
        top: the most stars there are.
    """
    skipped = set(train.skipped)
    kept = [review for index, review in enumerate(reviews) if index not in skipped]
    targets = [
        float(review.label) if review.stars is None else 0.02 + 0.96 * (review.stars - 1) / (top - 1) for review in kept
    ]
    return Dataset(train.ids, np.array(targets, np.float32), train.skipped)
