"""One labelled review, wherever it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Label: TypeAlias = Literal[0, 1]

NEGATIVE: Label = 0
POSITIVE: Label = 1


@dataclass(frozen=True, slots=True)
class Review:
    """A text and its sentiment.

    Attributes:
        text: raw text, as found.
        label: 0 negative, 1 positive.
        stars: the rating behind the label, if there was one.
        film: what the text is about (IMDB's title id, or the user's `--group-column`), if known; a split never
            puts texts about the same film into both parts.
        id: where it came from: "train/pos/0_9", or "line 12".
    """

    text: str
    label: Label
    stars: int | None = None
    film: str | None = None
    id: str = ""
