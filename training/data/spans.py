"""Texts in which the sentiment of some parts is known, for training the contributions of these parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import pad
from training.errors import DataError

# The number of spans of each text in a batch; a text with more gives a random choice of them.
SPANS_PER_TEXT = 12
# A target this close to one half has no opinion.
_NEUTRAL = 0.1


@dataclass(frozen=True, eq=False)
class SpanTargets:
    """Texts and the probabilities that parts of them are positive.

    Attributes:
        ids: The token ids of each text, int32 [n_i].
        owners: The text of each span, int32 [k], ascending.
        starts: The index of the first token of each span, int32 [k].
        ends: The index after its last token, int32 [k].
        probabilities: Its target, float32 [k]; 0.5 for a neutral span.
    """

    ids: tuple[NDArray[np.int32], ...]
    owners: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    probabilities: NDArray[np.float32]

    def __post_init__(self) -> None:
        lengths = np.array([len(ids) for ids in self.ids], np.int32)
        owned = self.owners.size and (self.owners.min() < 0 or self.owners.max() >= len(lengths))
        if owned or (self.starts < 0).any() or (self.starts >= self.ends).any():
            raise DataError("a span must lie inside its text and hold at least one token", field="spans")
        if (self.ends > lengths[self.owners]).any() or (np.diff(self.owners) < 0).any():
            raise DataError("a span must lie inside its text, and spans are in the order of their texts", field="spans")

    @classmethod
    def join(cls, parts: Sequence[SpanTargets]) -> SpanTargets:
        """Concatenate several collections."""
        offsets = np.cumsum([0, *(len(part.ids) for part in parts[:-1])])
        return cls(
            ids=tuple(ids for part in parts for ids in part.ids),
            owners=np.concatenate([part.owners + start for part, start in zip(parts, offsets, strict=True)]).astype(
                np.int32
            ),
            starts=np.concatenate([part.starts for part in parts]),
            ends=np.concatenate([part.ends for part in parts]),
            probabilities=np.concatenate([part.probabilities for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class SpanBatch:
    """Shapes: S texts, T timesteps (right-padded with 0), K spans per text.

    Attributes:
        ids: int32 [S, T].
        lengths: int32 [S].
        starts: int32 [S, K].
        ends: int32 [S, K]; equal to the start where there are fewer spans.
        targets: float32 [S, K].
        tokens: float32 [S, T], the target of the smallest span with an opinion around each token; 0.5 outside them.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    targets: NDArray[np.float32]
    tokens: NDArray[np.float32]

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """All arrays in the order of the attributes."""
        return self.ids, self.lengths, self.starts, self.ends, self.targets, self.tokens


class SpanSampler:
    """Draws batches of texts with spans."""

    def __init__(self, targets: SpanTargets, count: int) -> None:
        """Index the spans by text.

        Args:
            targets: The texts and their spans.
            count: The number of texts per batch, S.
        """
        self._targets, self._count = targets, count
        self._texts = np.unique(targets.owners)
        self._first = np.searchsorted(targets.owners, np.arange(len(targets.ids) + 1))
        # Texts of similar length are drawn together, which saves padding.
        lengths = np.array([len(targets.ids[index]) for index in self._texts])
        self._texts = self._texts[np.argsort(lengths, kind="stable")]

    def draw(self, generator: np.random.Generator) -> SpanBatch:
        """Draw texts of similar length and up to `SPANS_PER_TEXT` spans of each."""
        window = min(len(self._texts), 8 * self._count)
        begin = int(generator.integers(len(self._texts) - window + 1))
        chosen = generator.choice(self._texts[begin : begin + window], min(self._count, window), replace=False)
        ids, lengths = pad([self._targets.ids[text] for text in chosen])
        shape = (len(chosen), SPANS_PER_TEXT)
        starts, ends = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        values = np.zeros(shape, np.float32)
        tokens = np.full(ids.shape, 0.5, np.float32)
        for row, text in enumerate(chosen):
            spans = np.arange(self._first[text], self._first[text + 1])
            for span in spans[np.argsort(self._targets.starts[spans] - self._targets.ends[spans], kind="stable")]:
                if abs(self._targets.probabilities[span] - 0.5) > _NEUTRAL:  # a smaller span overwrites a larger one
                    tokens[row, self._targets.starts[span] : self._targets.ends[span]] = self._targets.probabilities[span]
            if len(spans) > SPANS_PER_TEXT:
                spans = generator.choice(spans, SPANS_PER_TEXT, replace=False)
            starts[row, : len(spans)] = self._targets.starts[spans]
            ends[row, : len(spans)] = self._targets.ends[spans]
            values[row, : len(spans)] = self._targets.probabilities[spans]
        return SpanBatch(ids, lengths, starts, ends, values, tokens)
