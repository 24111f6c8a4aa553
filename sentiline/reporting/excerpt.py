"""An excerpt of a review with the effect of each token, as plain values that can be saved as JSON."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentiline.code_points import printable
from sentiline.reading import Reading
from sentiline.text_pieces import text_pieces

MAX_CHARACTERS = 2_500  # longer reviews are cut
MAX_STRONGEST = 5
_TOKEN_WIDTH = 30


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a review, with the effect of each of its tokens.

    The effect of a token is its contribution to the logit if the model is additive; otherwise it is the model's own
    prediction at the token, P(positive) - 0.5.

    Attributes:
        place: The file and line of the review.
        positive: P(positive).
        logit: The log-odds of the positive class.
        pieces: The text in order: each token with its effect, and the text between tokens with None.
        raising: The tokens that raise the logit most, with their effects, strongest first.
        lowering: The tokens that lower the logit most, with their effects, strongest first.
        additive: Whether the effects are contributions to the logit.
        shortened: Whether the end of the text was cut.
        digest: A digest of the whole text, which identifies duplicates.
    """

    place: str
    positive: float
    logit: float
    pieces: tuple[tuple[str, float | None], ...]
    raising: tuple[tuple[str, float], ...]
    lowering: tuple[tuple[str, float], ...]
    additive: bool
    shortened: bool
    digest: str

    @property
    def text(self) -> str:
        """The text as it is displayed."""
        return "".join(text for text, _ in self.pieces)

    def weighted_pieces(self) -> Iterator[tuple[str, float | None]]:
        """Yield the pieces with their effects scaled so that the strongest is 1 or -1."""
        largest = max(abs(value) for _, value in (*self.raising[:1], *self.lowering[:1], ("", 1e-9)))
        for text, value in self.pieces:
            yield text, None if value is None else max(-1.0, min(1.0, value / largest))

    def as_dict(self) -> dict[str, Any]:
        """Return the excerpt as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Excerpt:
        """Restore an excerpt from `as_dict`, also after JSON turned its tuples into lists."""
        lists = {
            name: tuple((text, value) for text, value in values[name]) for name in ("pieces", "raising", "lowering")
        }
        return cls(**{**values, **lists})

    @classmethod
    def from_reading(cls, reading: Reading, place: str) -> Excerpt:
        """Build the excerpt of a reading.

        Args:
            reading: The reading.
            place: The file and line of the review.
        """
        additive = reading.contributions is not None
        values = reading.contributions if reading.contributions is not None else reading.scores - 0.5
        effects = [round(value, 4) for value in values.astype(np.float64).tolist()]
        kept: list[tuple[str, float | None]] = []
        room, shortened = MAX_CHARACTERS, False
        for index, piece in text_pieces(reading):
            if len(piece) > room:
                kept.append(("…", None))
                shortened = True
                break
            room -= len(piece)
            if piece:
                kept.append((printable(piece), None if index is None else effects[index]))
        order = np.argsort(values, kind="stable").tolist()
        raising, lowering = order[::-1][:MAX_STRONGEST], order[:MAX_STRONGEST]
        return cls(
            place=place,
            positive=reading.positive,
            logit=reading.logit,
            pieces=tuple(kept),
            raising=tuple((_token(reading, index), effects[index]) for index in raising if effects[index] > 0),
            lowering=tuple((_token(reading, index), effects[index]) for index in lowering if effects[index] < 0),
            additive=additive,
            shortened=shortened,
            digest=text_digest(reading.text),
        )


def text_digest(text: str) -> str:
    """Return the first 64 bits of the SHA-256 digest of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _token(reading: Reading, index: int) -> str:
    token = reading.text[int(reading.encoding.starts[index]) : int(reading.encoding.ends[index])]
    return textwrap.shorten(printable(token), _TOKEN_WIDTH, placeholder="…") or "…"
