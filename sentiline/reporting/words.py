"""Contribution of each word of the vocabulary to the logits of all reviews."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiline.reading import Reading
from sentiline.tokenizer import SPECIAL_TOKENS, UNKNOWN_ID

TOP = 15

# A word is ranked by its mean if it occurs at least 3 times and at least once per 500 reviews: the means of rarer
# words are chance.
_REVIEWS_PER_OCCURRENCE = 500
_MIN_OCCURRENCES = 3


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the vocabulary in all reviews.

    Attributes:
        token: The word.
        count: The number of its occurrences.
        total: The sum of its contributions to the logits.
        mean: Its mean contribution per occurrence.
    """

    token: str
    count: int
    total: float
    mean: float


@dataclass(frozen=True, slots=True)
class WordRanking:
    """The words that contribute most.

    Attributes:
        raising: The words with the largest positive sums, largest first.
        lowering: The words with the largest negative sums, largest first.
        raising_mean: The words with the largest positive means among those with at least `least` occurrences.
        lowering_mean: The words with the largest negative means among those with at least `least` occurrences.
        least: The number of occurrences from which on a word is ranked by its mean.
        unknown: All words outside the vocabulary taken together; None if there were none.
    """

    raising: tuple[Word, ...]
    lowering: tuple[Word, ...]
    raising_mean: tuple[Word, ...]
    lowering_mean: tuple[Word, ...]
    least: int
    unknown: Word | None

    @property
    def largest_total(self) -> float:
        """The largest absolute sum."""
        return max((abs(word.total) for word in (*self.raising, *self.lowering)), default=0.0)

    @property
    def largest_mean(self) -> float:
        """The largest absolute mean."""
        return max((abs(word.mean) for word in (*self.raising_mean, *self.lowering_mean)), default=0.0)


class WordTable:
    """Sums of contributions by word, added in the order of the rows, so that they are reproducible to the bit.

    Attributes:
        vocabulary: The tokens by id.
        sums: The sum of contributions of each token id, float64 [V].
        counts: The number of occurrences of each token id, int64 [V].
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = vocabulary
        self.sums: NDArray[np.float64] = np.zeros(len(vocabulary))
        self.counts: NDArray[np.int64] = np.zeros(len(vocabulary), np.int64)

    def add(self, readings: Sequence[Reading]) -> None:
        """Add the tokens of the readings that have contributions."""
        pairs = [(one.encoding.ids, one.contributions) for one in readings if one.contributions is not None]
        if not pairs:
            return
        ids = np.concatenate([one for one, _ in pairs])
        size = len(self.sums)
        self.sums += np.bincount(ids, np.concatenate([one for _, one in pairs]), size)
        self.counts += np.bincount(ids, minlength=size)

    def merge(self, other: WordTable) -> None:
        """Add the sums and counts of another table."""
        self.sums += other.sums
        self.counts += other.counts

    def rank(self, reviews: int, top: int = TOP) -> WordRanking | None:
        """Rank the words.

        Args:
            reviews: The number of reviews that have been added.
            top: The maximum number of words in each list.

        Returns:
            The ranking, or None if no token has a contribution.
        """
        if not self.counts.any():
            return None
        least = max(_MIN_OCCURRENCES, math.ceil(reviews / _REVIEWS_PER_OCCURRENCE))
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
        return WordRanking(first(totals), first(-totals), first(often), first(-often), least, unknown)
