"""The configuration of `python -m training pretrain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from training.config.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(Recipe):
    """The configuration of a pre-training.

    Attributes:
        vocabulary: Maximum size of the vocabulary, including the two special tokens.
        embedding: Dimensions of the word vectors.
        units: LSTM units per direction.
        epochs: Passes over the texts.
        streams: Number of text streams that a step reads in parallel.
        window: Timesteps that the gradient flows back; states are carried from window to window.
        candidates: Words that each prediction is compared with: half of them the most frequent ones, half sampled.
        learning_rate: Peak learning rate of Adam. It falls linearly to a tenth over the second half of the
            planned steps.
        clip_norm: Upper bound on the global norm of the gradient.
        dropout: Dropout rate on the dimensions of word vectors and states, with one mask per window.
        precision: Type of the products, "bfloat16" (weights stay float32) or "float32".
        validation: Share of IMDB's training reviews that is held out, the same reviews that `fit` holds out.
        split_seed: Seed that decides which films are held out.
        seed: Seed of the initial weights, the order, the candidates and the dropout.
    """

    vocabulary: int = 25_000
    embedding: int = 128
    units: int = 256
    epochs: int = 3
    streams: int = 128
    window: int = 100
    candidates: int = 512
    learning_rate: float = 2e-3
    clip_norm: float = 1.0
    dropout: float = 0.1
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    validation: float = 0.1
    split_seed: int = 7
    seed: int = 0

    RANGES: ClassVar = {
        "vocabulary": (3, 1_000_000),
        "embedding": (1, 4096),
        "units": (1, 4096),
        "epochs": (1, 1000),
        "streams": (1, 4096),
        "window": (2, 4096),
        "candidates": (2, 65_536),
        "learning_rate": (1e-9, 10),
        "clip_norm": (1e-9, 1e9),
        "dropout": (0, 0.95),
        "validation": (0.001, 0.9),
        "split_seed": (0, 2**32 - 1),
        "seed": (0, 2**32 - 1),
    }
