"""What a language model learns from: encoded texts, some of them held out, and how often each word stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training.data.dataset import encode
from training.data.review import Review
from training.errors import DataError
from training.pretraining.batches import BOUNDARY_ID

_VALIDATION_TEXTS = 256  # a figure an epoch needs no more, and the whole vocabulary makes each word dear
_VALIDATION_TOKENS = 400
_WHOLE = 100_000


@dataclass(frozen=True, eq=False)
class Corpus:
    """Encoded texts.

    Attributes:
        documents: token ids of each text to learn from, int32 [n_i].
        validation: of some held-out texts, each cut to 400 tokens.
        counts: int64 [V], how often each word stands in `documents`; of the boundary, once a text.
    """

    documents: Sequence[NDArray[np.int32]]
    validation: Sequence[NDArray[np.int32]]
    counts: NDArray[np.int64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """[V], the share of each word in `documents`; words that none holds count once."""
        shares: NDArray[np.float64] = np.maximum(self.counts, 1) / max(self.counts.sum(), 1)
        return shares

    def frequency_loss(self) -> float:
        """Cross-entropy a word of `validation` that guessing by frequency alone has, nats; first words left out."""
        words = np.concatenate([ids[1:] for ids in self.validation])
        return float(-np.log(self.shares[words]).mean()) if len(words) else 0.0


def encode_corpus(texts: Sequence[str], validation: Sequence[str], tokenizer: Tokenizer) -> Corpus:
    """Encode texts, whole, and at most about 256 evenly chosen of the held-out ones.

    Args:
        texts: raw texts to learn from.
        validation: raw texts, none of `texts`.
        tokenizer: its vocabulary is used, not its limits.

    Raises:
        DataError: no text on one of the sides has a token.
    """
    documents = _encode(texts, tokenizer, _WHOLE)
    chosen = validation[:: max(1, len(validation) // _VALIDATION_TEXTS)]
    held_out = _encode(chosen, tokenizer, _VALIDATION_TOKENS)
    for part, given, name in ((documents, texts, "texts"), (held_out, chosen, "validation")):
        if not part:
            raise DataError(f"{name}: none of {len(given)} texts has a token; a language model needs some", field=name)
    counts = np.bincount(np.concatenate(documents), minlength=len(tokenizer.vocabulary))
    counts[BOUNDARY_ID] = len(documents)
    return Corpus(documents, held_out, counts)


def _encode(texts: Sequence[str], tokenizer: Tokenizer, longest: int) -> tuple[NDArray[np.int32], ...]:
    cut = Tokenizer(tokenizer.vocabulary, max_tokens=longest, truncation="head")
    return encode([Review(text, 0) for text in texts], cut).ids
