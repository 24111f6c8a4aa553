"""The conversion of a trained language model into an encoder with standardized word vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import PADDING_ID, SPECIAL_TOKENS, Tokenizer
from training.nn.backend import to_numpy
from training.nn.encoder import Encoder
from training.pretraining.language_model import LanguageModel


def export_encoder(
    model: LanguageModel, tokenizer: Tokenizer, counts: NDArray[np.int64], *, provenance: Mapping[str, Any]
) -> Encoder:
    """Extract the encoder of a language model.

    The word vectors are standardized, and the input weights absorb the change, so the LSTMs compute the same states:

        x' = (x − μ) / σ,   W' = σ W,   b' = b + μ W

    Args:
        model: The pre-trained language model.
        tokenizer: The tokenizer of its texts.
        counts: int64 [V], the number of occurrences of each word in the texts.
        provenance: JSON-ready config, data description and log, stored in the encoder's file.
    """
    vectors = to_numpy(model.embedding.embeddings).astype(np.float64)
    weights = counts.astype(np.float64).copy()
    weights[: len(SPECIAL_TOKENS)] = 0
    weights /= weights.sum()
    mean = weights @ vectors
    deviation = float(np.sqrt((weights[:, None] * (vectors - mean) ** 2).sum() / vectors.shape[1]))
    directions = []
    for layer in model.directions:
        kernel, recurrent, bias = (np.asarray(weight, np.float64) for weight in layer.get_weights())
        directions.append(
            tuple(array.astype(np.float32) for array in (kernel * deviation, recurrent, bias + mean @ kernel))
        )
    standard = ((vectors - mean) / deviation).astype(np.float32)
    standard[PADDING_ID] = 0  # the language model used this row for the boundary between texts, which is not padding
    return Encoder(standard, tuple(directions), tokenizer, provenance)
