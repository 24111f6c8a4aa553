"""One to three sentences of a review: what short texts look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import EmptyTextError
from sentiline.sentences import sentence_spans
from sentiline.tokenizer import Tokenizer

_MOST_SENTENCES = 3


def crop(text: str, generator: np.random.Generator) -> str:
    """One to three whole sentences of a text in a row; a text of one sentence comes back whole.

    Args:
        text: raw text.
        generator: source of the choice.
    """
    spans = sentence_spans(text)
    if not spans:
        return text
    first = int(generator.integers(len(spans)))
    last = min(first + int(generator.integers(1, _MOST_SENTENCES + 1)), len(spans)) - 1
    return text[spans[first][0] : spans[last][1]]


def encode_crop(text: str, tokenizer: Tokenizer, generator: np.random.Generator) -> NDArray[np.int32]:
    """Token ids of a crop, int32 [n]; of the whole text, where the crop has no token.

    Raises:
        EmptyTextError: the whole text has no token either.
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
    """Token ids with a random share of the texts replaced by a crop.

    Args:
        documents: token ids of each text, int32 [n_i].
        texts: the raw texts, as many.
        share: probability that a text is cropped.
        tokenizer: encodes the crops.
        generator: source of the choice.
    """
    chosen = generator.random(len(documents)) < share
    return [
        encode_crop(text, tokenizer, generator) if cropped else document
        for document, text, cropped in zip(documents, texts, chosen, strict=True)
    ]
