"""Crops: one to three sentences of a review, which show a model what short texts look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import EmptyTextError
from sentiline.sentences import sentence_spans
from sentiline.tokenizer import Tokenizer

_MOST_SENTENCES = 3


def crop(text: str, generator: np.random.Generator) -> str:
    """Cut one to three consecutive whole sentences out of a text.

    Args:
        text: The raw text.
        generator: The source of the random choice.
    """
    spans = sentence_spans(text)
    if not spans:
        return text
    first = int(generator.integers(len(spans)))
    last = min(first + int(generator.integers(1, _MOST_SENTENCES + 1)), len(spans)) - 1
    return text[spans[first][0] : spans[last][1]]


def encode_crop(text: str, tokenizer: Tokenizer, generator: np.random.Generator) -> NDArray[np.int32]:
    """Encode a crop, int32 [n], or the whole text if the crop has no token.

    Raises:
        EmptyTextError: The text has no token.
    """
    try:
        return tokenizer.encode(crop(text, generator), spans=False).ids
    except EmptyTextError:
        return tokenizer.encode(text, spans=False).ids


def with_crops(
    documents: Sequence[NDArray[np.int32]],
    texts: Sequence[str],
    share: float,
    tokenizer: Tokenizer,
    generator: np.random.Generator,
) -> list[NDArray[np.int32]]:
    """Replace a random share of the texts by crops.

    Args:
        documents: The token ids of each text, int32 [n_i].
        texts: The raw texts, in the same order.
        share: The probability that a text is replaced.
        tokenizer: The tokenizer that encodes the crops.
        generator: The source of the random choices.
    """
    chosen = generator.random(len(documents)) < share
    return [
        encode_crop(text, tokenizer, generator) if cropped else document
        for document, text, cropped in zip(documents, texts, chosen, strict=True)
    ]
