"""The data of a language model: encoded texts, held-out texts and word counts."""

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

_VALIDATION_TEXTS = 256  # enough for one loss per epoch; the softmax over the whole vocabulary is slow
_VALIDATION_TOKENS = 400
_WHOLE = 100_000


@dataclass(frozen=True, eq=False)
class Corpus:
    """Encoded texts.

    Attributes:
        documents: The token ids of each training text, int32 [n_i].
        validation: The token ids of some held-out texts, each cut to 400 tokens.
        counts: int64 [V], the number of occurrences of each word in `documents`; the boundary counts once per text.
    """

    documents: Sequence[NDArray[np.int32]]
    validation: Sequence[NDArray[np.int32]]
    counts: NDArray[np.int64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """[V], the relative frequency of each word in `documents`; a word that does not occur counts once."""
        shares: NDArray[np.float64] = np.maximum(self.counts, 1) / max(self.counts.sum(), 1)
        return shares

    def frequency_loss(self) -> float:
        """Return the cross-entropy per word of `validation` under the word frequencies, in nats.

        The first word of each text is left out, as the language model does not predict it.
        """
        words = np.concatenate([ids[1:] for ids in self.validation])
        return float(-np.log(self.shares[words]).mean()) if len(words) else 0.0


def encode_corpus(texts: Sequence[str], validation: Sequence[str], tokenizer: Tokenizer) -> Corpus:
    """Encode all texts in full and about 256 evenly chosen held-out texts.

    Args:
        texts: The raw training texts.
        validation: The raw held-out texts, none of which is in `texts`.
        tokenizer: The tokenizer whose vocabulary is used; its length limit is not.

    Raises:
        DataError: No training text or no held-out text has a token.
    """
    documents = _encode(texts, tokenizer, _WHOLE)
    chosen = validation[:: max(1, len(validation) // _VALIDATION_TEXTS)]
    held_out = _encode(chosen, tokenizer, _VALIDATION_TOKENS)
    for part, given, name in ((documents, texts, "texts"), (held_out, chosen, "validation")):
        if not part:
            raise DataError(f"{name}: none of {len(given)} texts has a token; give texts with words", field=name)
    counts = np.bincount(np.concatenate(documents), minlength=len(tokenizer.vocabulary))
    counts[BOUNDARY_ID] = len(documents)
    return Corpus(documents, held_out, counts)


def _encode(texts: Sequence[str], tokenizer: Tokenizer, longest: int) -> tuple[NDArray[np.int32], ...]:
    cut = tokenizer.with_limit(longest, "head")
    return encode([Review(text, 0) for text in texts], cut).ids
