"""The recipe of `python -m training ngrams`, as a frozen value; no behaviour."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from training.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class NgramConfig:
    """Everything that decides what the n-gram teacher computes.

    Attributes:
        vocabulary: most entries of a vocabulary that is built, the two special ones included.
        order: longest n-gram, in tokens.
        min_df: in how many texts an n-gram must stand.
        smoothing: added to every count of the log-count ratios.
        length_power: how far texts are scaled to equal length, from 0 (not) to 1 (wholly).
        regularization: C, the weight of the cross-entropy beside half the squared weights.
        folds: parts of the training reviews, no film in two; each is scored by a model that did not see it.
        validation: share of IMDB's training reviews left out, the same that `fit` leaves out.
        split_seed: decides which films are left out, and the folds.
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

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            ConfigError: names the field, its value and its range.
        """
        for field in dataclasses.fields(self):
            low, high = _RANGES[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise ConfigError(f"{field.name} is {value}; it must lie in {low}…{high}", field=field.name)

    def as_dict(self) -> dict[str, Any]:
        """The config as a JSON-ready dict, fields in order."""
        return dataclasses.asdict(self)


_RANGES: dict[str, tuple[float, float]] = {
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
