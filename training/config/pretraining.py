"""The recipe of `python -m training pretrain`, as a frozen value; no behaviour."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from training.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Everything that decides what a pre-training computes.

    Attributes:
        vocabulary: most entries the vocabulary holds, the two special ones included.
        embedding: width of the word vectors.
        units: LSTM units of each direction.
        epochs: passes over the texts.
        streams: texts read side by side.
        window: timesteps the gradient flows back; states are carried from window to window.
        candidates: words each guess is compared with; half of them the most frequent ones, half drawn.
        learning_rate: Adam's, at its highest; over the second half of the planned steps it falls linearly to a tenth.
        clip_norm: bound on the global norm of the gradient.
        dropout: share of the dimensions of word vectors and states dropped, one mask a window.
        precision: of the products, "bfloat16" (weights stay float32) or "float32".
        validation: share of IMDB's training reviews left out, the same that `fit` leaves out.
        split_seed: decides which films are left out.
        seed: decides initial weights, order, candidates and dropout.
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

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            ConfigError: names the field, its value and its range.
        """
        for field in dataclasses.fields(self):
            low, high = _RANGES.get(field.name, (None, None))
            value = getattr(self, field.name)
            if low is not None and not low <= value <= high:
                raise ConfigError(f"{field.name} is {value}; it must lie in {low}…{high}", field=field.name)

    def as_dict(self) -> dict[str, Any]:
        """The config as a JSON-ready dict, fields in order."""
        return dataclasses.asdict(self)


_RANGES: dict[str, tuple[float, float]] = {
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
