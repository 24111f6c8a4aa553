"""Splices: runs of two reviews of opposite sentiment, joined, so that the sentiment at each token is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset, pad
from training.errors import DataError

_SHORTEST, _LONGEST = 20, 120
_SURE = 0.8


class Splicer:
    """Draws splices from a training set.

    Attributes:
        count: The number of splices per batch, S.
    """

    def __init__(self, train: Dataset, count: int) -> None:
        """Select the reviews with at least 20 tokens and a target of at most 0.2 or at least 0.8.

        Args:
            train: Reviews with labels or a teacher's probabilities.
            count: The number of splices per batch.

        Raises:
            DataError: There is no such review of one sentiment.
        """
        self.count = count
        self._ids, self._labels = train.ids, np.asarray(train.labels, np.float32)
        long = train.lengths >= _SHORTEST
        self._sides = [np.flatnonzero(long & side) for side in (self._labels <= 1 - _SURE, self._labels >= _SURE)]
        for side, name in zip(self._sides, ("negative", "positive"), strict=True):
            if not len(side):
                raise DataError(
                    f"no {name} review has the {_SHORTEST} tokens that a splice needs: set splices to 0",
                    field="splices",
                )

    def draw(self, generator: np.random.Generator) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Draw a batch. Each half is a run of 20 to 120 tokens of a review, and either sentiment may come first.

        Returns:
            Ids, int32 [S, T], lengths, int32 [S], and targets, float32 [S, T], which are 0 at padding.
        """
        texts, targets = [], []
        for _ in range(self.count):
            halves = [self._piece(int(generator.choice(side)), generator) for side in self._sides]
            if generator.random() < 0.5:
                halves.reverse()
            texts.append(np.concatenate([ids for ids, _ in halves]))
            targets.append(np.concatenate([np.full(len(ids), label, np.float32) for ids, label in halves]))
        ids, lengths = pad(texts)
        of_tokens = np.zeros(ids.shape, np.float32)
        for row, values in zip(of_tokens, targets, strict=True):
            row[: len(values)] = values
        return ids, lengths, of_tokens

    def _piece(self, index: int, generator: np.random.Generator) -> tuple[NDArray[np.int32], float]:
        ids = self._ids[index]
        length = int(generator.integers(_SHORTEST, min(_LONGEST, len(ids)) + 1))
        start = int(generator.integers(len(ids) - length + 1))
        return ids[start : start + length], float(self._labels[index])
