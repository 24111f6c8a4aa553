"""What each word of the vocabulary added to the verdicts of all reviews: sums and counts by token id."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiline.reading import Reading
from sentiline.tokenizer import SPECIAL_TOKENS, UNKNOWN_ID

TOP = 15

_SHARE = 500
"""A mean counts from one occurrence in so many reviews on: those of rare words are chance."""

_LEAST = 3


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the vocabulary in all reviews.

    Attributes:
        token: the word.
        count: how often it was read.
        total: sum of its contributions to the logits.
        mean: contribution each time.
    """

    token: str
    count: int
    total: float
    mean: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The words that contribute most.

    Attributes:
        raising: those of the largest positive sums, largest first.
        lowering: those of the largest negative sums, largest first.
        raising_mean: those of the largest positive means among words read at least `least` times.
        lowering_mean: the same for negative means.
        least: occurrences from which on a mean counts.
        unknown: all words that the vocabulary lacks, taken together; None if there were none.
    """

    raising: tuple[Word, ...]
    lowering: tuple[Word, ...]
    raising_mean: tuple[Word, ...]
    lowering_mean: tuple[Word, ...]
    least: int
    unknown: Word | None

    @property
    def largest_total(self) -> float:
        """The largest sum there is, as an amount."""
        return max((abs(word.total) for word in (*self.raising, *self.lowering)), default=0.0)

    @property
    def largest_mean(self) -> float:
        """The largest mean there is, as an amount."""
        return max((abs(word.mean) for word in (*self.raising_mean, *self.lowering_mean)), default=0.0)


class WordTable:
    """Sums of contributions, in float64 and in the order of the rows, so that they do not depend on who adds them.

    Attributes:
        vocabulary: tokens by id.
        sums: float64 [V], of contributions by token id.
        counts: int64 [V], of occurrences.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = vocabulary
        self.sums: NDArray[np.float64] = np.zeros(len(vocabulary))
        self.counts: NDArray[np.int64] = np.zeros(len(vocabulary), np.int64)

    def add(self, readings: Sequence[Reading]) -> None:
        """Add the tokens of readings that have contributions."""
        pairs = [(one.encoding.ids, one.contributions) for one in readings if one.contributions is not None]
        if not pairs:
            return
        ids = np.concatenate([one for one, _ in pairs])
        size = len(self.sums)
        self.sums += np.bincount(ids, np.concatenate([one for _, one in pairs]), size)
        self.counts += np.bincount(ids, minlength=size)

    def join(self, other: WordTable) -> None:
        """Add the words of other reviews."""
        self.sums += other.sums
        self.counts += other.counts

    def rank(self, reviews: int, top: int = TOP) -> Ranking | None:
        """Order the words; None if no token has a contribution.

        Args:
            reviews: how many have been added.
            top: words in each list.
        """
        if not self.counts.any():
            return None
        least = max(_LEAST, math.ceil(reviews / _SHARE))
        means = self.sums / np.maximum(self.counts, 1)
        known = np.arange(len(self.counts)) >= len(SPECIAL_TOKENS)
        often = np.where(known & (self.counts >= least), means, 0.0)
        totals = np.where(known, self.sums, 0.0)

        def word(index: int) -> Word:
            return Word(self.vocabulary[index], int(self.counts[index]), float(self.sums[index]), float(means[index]))

        def first(values: NDArray[np.float64]) -> tuple[Word, ...]:
            order = np.argsort(-values, kind="stable")[:top].tolist()
            return tuple(word(index) for index in order if values[index] > 0)

        unknown = word(UNKNOWN_ID) if self.counts[UNKNOWN_ID] else None
        return Ranking(first(totals), first(-totals), first(often), first(-often), least, unknown)
