"""The configuration of `python -m training ngrams`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from training.config.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class NgramConfig(Recipe):
    """The configuration of the n-gram teacher.

    Attributes:
        vocabulary: Maximum size of a vocabulary that is built, including the two special tokens.
        order: Length of the longest n-grams, in tokens.
        min_df: Minimum number of texts that an n-gram occurs in.
        smoothing: Constant that is added to every count of the log-count ratios.
        length_power: Exponent of the length normalization, from 0 (none) to 1 (texts are scaled to equal length).
        regularization: C, the weight of the cross-entropy relative to half the squared norm of the weights.
        folds: Folds of the training reviews, which share no film; each is scored by a model that did not see it.
        validation: Share of IMDB's training reviews that is held out, the same reviews that `fit` holds out.
        split_seed: Seed that decides which films are held out, and the folds.
    """

    vocabulary: int = 25_000
    order: int = 3
    min_df: int = 3
    smoothing: float = 1.0
    length_power: float = 0.5
    regularization: float = 6.0
    folds: int = 5
    validation: float = 0.1
    split_seed: int = 7

    RANGES: ClassVar = {
        "vocabulary": (3, 1_000_000),
        "order": (1, 3),  # a million cubed fits into the 63 bits of an n-gram's key
        "min_df": (1, 1_000_000),
        "smoothing": (1e-9, 1e9),
        "length_power": (0, 1),
        "regularization": (1e-9, 1e9),
        "folds": (2, 100),
        "validation": (0.001, 0.9),
        "split_seed": (0, 2**32 - 1),
    }
