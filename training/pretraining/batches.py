"""Training batches of a language model: texts joined into streams, windows of the streams, and sampled candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The id between two texts: that of padding, which occurs in no text.
BOUNDARY_ID = 0


def join_into_streams(
    documents: Sequence[NDArray[np.int32]], count: int, generator: np.random.Generator
) -> NDArray[np.int32]:
    """Join the texts in random order, each followed by a boundary, and cut the result into streams of equal length.

    Args:
        documents: The token ids of each text, int32 [n_i].
        count: The number of streams B.
        generator: The random generator that shuffles the texts.

    Returns:
        int32 [B, L]; fewer than B tokens at the end are dropped.
    """
    boundary = np.full(1, BOUNDARY_ID, np.int32)
    order = generator.permutation(len(documents))
    joined = np.concatenate([part for index in order for part in (documents[index], boundary)])
    length = len(joined) // count
    return joined[: length * count].reshape(count, length)


def windows_per_epoch(tokens: int, count: int, width: int) -> int:
    """Return how many whole windows of `width` predictions `count` streams of `tokens` tokens in all contain."""
    return max(0, tokens // count - 1) // width


def window_at(stream: NDArray[np.int32], number: int, width: int) -> NDArray[np.int32]:
    """Return one window of the streams and of the reversed streams, int32 [2, B, width + 1].

    The last token of a window is the first of the next, so that every token but the very first is predicted once.
    """
    start = number * width
    return np.stack([side[:, start : start + width + 1] for side in (stream, stream[:, ::-1])])


class CandidateSampler:
    """The words that each prediction is compared with: always the most frequent ones, and random others.

    Attributes:
        sampled: The number of candidates drawn with replacement, with probability proportional to count^0.75.
    """

    def __init__(self, counts: NDArray[np.int64], size: int) -> None:
        """Prepare the distribution.

        Args:
            counts: [V], the number of occurrences of each word in the texts.
            size: The number of candidates S.
        """
        order = np.argsort(-counts, kind="stable").astype(np.int32)
        self._always, self._tail = order[: size // 2], order[size // 2 :]
        self.sampled = size - len(self._always) if len(self._tail) else 0
        weights = np.maximum(counts[self._tail], 1) ** 0.75
        self._share = weights / weights.sum() if self.sampled else weights
        self._cumulated = np.cumsum(self._share)

    def sample(self, generator: np.random.Generator) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Draw the candidates of one step.

        Returns:
            `(candidates int32 [S], logarithms of their expected counts float32 [S])`.
        """
        places = np.searchsorted(self._cumulated, generator.random(self.sampled) * self._cumulated[-1:], side="right")
        places = np.minimum(places, len(self._tail) - 1)
        log_counts = np.concatenate([np.zeros(len(self._always)), np.log(self.sampled * self._share[places])])
        return np.concatenate([self._always, self._tail[places]]), log_counts.astype(np.float32)
