"""Reviews as token ids: encoding and batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import EmptyTextError
from sentiline.tokenizer import Tokenizer
from training.data.review import NEUTRAL, Review


class Labelled(Protocol):
    """A text with a label."""

    @property
    def text(self) -> str:
        """The raw text."""

    @property
    def label(self) -> float:
        """The label: 0 negative, 1 positive, 0.5 neutral."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Encoded reviews.

    Attributes:
        ids: The token ids of each review, int32 [n_i], n_i >= 1.
        labels: The labels, [len(ids)]: int8 with 0 for negative and 1 for positive, or float32 with a teacher's
            probabilities or graded targets.
        skipped: The positions, in the sequence that was encoded, of the reviews without a token.
    """

    ids: tuple[NDArray[np.int32], ...]
    labels: NDArray[Any]
    skipped: tuple[int, ...] = ()

    @property
    def lengths(self) -> NDArray[np.int32]:
        """The number of tokens of each review, int32 [len(ids)]."""
        return np.array([len(ids) for ids in self.ids], np.int32)


def encode(reviews: Sequence[Labelled], tokenizer: Tokenizer) -> Dataset:
    """Encode and truncate reviews; those without a token are left out and listed in `skipped`."""
    ids, labels, skipped = [], [], []
    for position, review in enumerate(reviews):
        try:
            ids.append(tokenizer.encode(review.text, spans=False).ids)
        except EmptyTextError:
            skipped.append(position)
        else:
            labels.append(review.label)
    return Dataset(tuple(ids), np.array(labels, np.float32 if NEUTRAL in labels else np.int8), tuple(skipped))


def bucketed_batches(
    lengths: NDArray[np.int32], batch_size: int, generator: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Draw random batches of reviews of similar length, in random order.

    Lengths are jittered by up to a tenth before sorting, so that a review has different neighbours in every epoch.

    Args:
        lengths: The number of tokens of each review, int32 [n].
        batch_size: The number of reviews per batch; one batch may be smaller.
        generator: The source of randomness.

    Returns:
        The positions of the reviews of each batch; together they are a permutation of range(n).
    """
    jittered = lengths * generator.uniform(0.9, 1.1, len(lengths))
    order = np.argsort(jittered, kind="stable")
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[index] for index in generator.permutation(len(batches))]


def sorted_batches(lengths: NDArray[np.int32], batch_size: int) -> Iterator[NDArray[np.intp]]:
    """Yield batches in order of length, for evaluation."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def pad(sequences: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pad sequences on the right with 0.

    Returns:
        Ids, int32 [B, T], and lengths, int32 [B], where T is the longest length.

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
    """Grade the targets by the stars, linearly from 0.02 for one star to 0.98 for the most.

    Args:
        train: The data set that `encode(reviews, …)` returned.
        reviews: The reviews; one without stars keeps its label as target.
        top: The maximum number of stars.
    """
    skipped = set(train.skipped)
    kept = [review for index, review in enumerate(reviews) if index not in skipped]
    targets = [
        float(review.label) if review.stars is None else 0.02 + 0.96 * (review.stars - 1) / (top - 1) for review in kept
    ]
    return Dataset(train.ids, np.array(targets, np.float32), train.skipped)
