"""How the texts of a call are divided: into units for its threads, and a unit's short texts into batches."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Short texts are padded to a multiple of this, also those that are alone: the order in which floats are summed depends
# on the number of timesteps and on the alignment of a row, which at 16 floats is that of the first row.
PADDING = 16
BATCH_TOKENS = 1024  # timesteps of a batch, padding included; larger ones leave the cache and are slower
UNIT_TEXTS = 64
# A longer text most likely has too many tokens for a batch, so it is a unit of its own; otherwise only speed is lost.
_SHORT_CHARACTERS = 600


def divide_texts(texts: Sequence[Any], threads: int) -> list[list[int]]:
    """Divide texts into units of work, the longest texts last.

    A thread tokenizes all texts of a unit, then runs them. Neighbours in length are in units that are processed at the
    same time, and every thread gets texts of all lengths.

    Args:
        texts: The texts; items of another type count as empty.
        threads: The number of threads that share the work.

    Returns:
        The indices of the texts of each unit: of at most `UNIT_TEXTS` short texts, or of one long text.
    """
    if len(texts) < 2:
        return [[0]] if texts else []
    lengths = [len(text) if isinstance(text, str) else 0 for text in texts]
    order = sorted(range(len(texts)), key=lengths.__getitem__)
    short = bisect_right(order, _SHORT_CHARACTERS, key=lengths.__getitem__)
    units = []
    for start in range(0, short, UNIT_TEXTS * threads):
        block = order[start : min(start + UNIT_TEXTS * threads, short)]
        units += [block[first::threads] for first in range(min(threads, len(block)))]
    return units + [[index] for index in order[short:]]


def padded_length(tokens: int) -> int:
    """Return the number of timesteps that a short text is padded to."""
    return -(-tokens // PADDING) * PADDING


def divide_unit(tokens: NDArray[np.int64], short_tokens: int) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Divide tokenized texts into batches, each of texts with the same padded length.

    Args:
        tokens: The number of tokens of each text, int64 [N]; texts without tokens are left out.
        short_tokens: The largest number of tokens of a text that may be in a batch.

    Yields:
        The indices of a batch's texts and its number of timesteps; for a text that runs alone its own number.
    """
    padded = -(-tokens // PADDING) * PADDING
    for timesteps in sorted(set(padded[(tokens > 0) & (tokens <= short_tokens)].tolist())):
        rows = np.flatnonzero((padded == timesteps) & (tokens <= short_tokens))
        size = max(1, BATCH_TOKENS // timesteps)
        for start in range(0, len(rows), size):
            yield rows[start : start + size], timesteps
    for row in np.flatnonzero(tokens > short_tokens):
        yield np.array([row]), int(tokens[row])
