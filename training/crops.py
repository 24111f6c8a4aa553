"""One to three sentences of a review, as token ids: what short texts look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer

_ENDS = (".", "!", "?")
_SHORTEST = 2
_MOST_SENTENCES = 3


def sentence_end_ids(tokenizer: Tokenizer) -> NDArray[np.int32]:
    """Ids of the tokens that end a sentence, int32, sorted."""
    index = {token: number for number, token in enumerate(tokenizer.vocabulary)}
    return np.array(sorted(index[token] for token in _ENDS if token in index), np.int32)


def sentence_starts(ids: NDArray[np.int32], ends: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where sentences begin; a run of end tokens ("?!", "...") is one end.

    Args:
        ids: int32 [n].
        ends: of `sentence_end_ids`.

    Returns:
        Increasing positions, the first 0.

    Example:
        >>> sentence_starts(np.array([5, 9, 9, 6, 7, 9], np.int32), np.array([9], np.int32)).tolist()
        [0, 3]
    """
    ending = np.isin(ids, ends)
    starts = np.flatnonzero(ending[:-1] & ~ending[1:]) + 1
    return np.concatenate([np.zeros(1, np.intp), starts])


def crop(ids: NDArray[np.int32], ends: NDArray[np.int32], generator: np.random.Generator) -> NDArray[np.int32]:
    """One to three whole sentences of a text in a row; a text of one sentence comes back whole.

    Args:
        ids: int32 [n], n >= 1.
        ends: of `sentence_end_ids`.
        generator: source of the choice.
    """
    starts = sentence_starts(ids, ends)
    first = int(generator.integers(len(starts)))
    last = min(first + int(generator.integers(1, _MOST_SENTENCES + 1)), len(starts))
    stop = int(starts[last]) if last < len(starts) else len(ids)
    piece = ids[int(starts[first]) : stop]
    return piece if len(piece) >= _SHORTEST else ids


def with_crops(
    documents: Sequence[NDArray[np.int32]], share: float, ends: NDArray[np.int32], generator: np.random.Generator
) -> list[NDArray[np.int32]]:
    """The documents with a random share of them replaced by a crop.

    Args:
        documents: each int32 [n_i].
        share: probability that a document is cropped.
        ends: of `sentence_end_ids`.
        generator: source of the choice.
    """
    chosen = generator.random(len(documents)) < share
    return [
        crop(document, ends, generator) if cropped else document
        for document, cropped in zip(documents, chosen, strict=True)
    ]
