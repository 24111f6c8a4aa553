"""One labelled review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Label: TypeAlias = Literal[0, 1]

NEGATIVE: Label = 0
POSITIVE: Label = 1
NEUTRAL = 0.5  # the target of neutral texts where they are used


@dataclass(frozen=True, slots=True)
class Review:
    """A text and its sentiment.

    Attributes:
        text: The raw text.
        label: 0 for negative, 1 for positive; 0.5 for neutral, where neutral texts are asked for.
        stars: The rating that the label was derived from, if there is one.
        film: The subject of the text (IMDB's title id, or the user's `--group-column`), if known. A split never puts
            texts about the same film into both parts.
        id: The origin of the text: "train/pos/0_9", or "reviews.csv, line 12".
    """

    text: str
    label: float
    stars: float | None = None
    film: str | None = None
    id: str = ""
