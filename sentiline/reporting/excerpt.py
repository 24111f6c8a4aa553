"""One review kept to be shown, with what each token said; a plain value that a journal can hold."""

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

MAX_CHARACTERS = 2_500
"""Of a longer review only so many are kept."""

STRONGEST = 5
_TOKEN_WIDTH = 30


@dataclass(frozen=True, slots=True)
class Sample:
    """A review.

    Attributes:
        place: where it stands: file and line.
        positive: P(positive).
        logit: log-odds of it.
        pieces: its text in order, each token with what it said, what stands between tokens with None.
        raising: the tokens that raise the logit most, with their contributions, strongest first.
        lowering: those that lower it most.
        additive: whether what tokens said are contributions to the logit; if not they are the model's own
            P(positive) at the token, less 0.5.
        shortened: whether the end of the text was left away.
        digest: of the whole text, to tell one that comes again.
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
        """The text as it is shown."""
        return "".join(text for text, _ in self.pieces)

    def weighted(self) -> Iterator[tuple[str, float | None]]:
        """The pieces, with what tokens said scaled so that the strongest of the review is 1 or -1."""
        largest = max(abs(value) for _, value in (*self.raising[:1], *self.lowering[:1], ("", 1e-9)))
        for text, value in self.pieces:
            yield text, None if value is None else max(-1.0, min(1.0, value / largest))

    def as_dict(self) -> dict[str, Any]:
        """The review as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sample:
        """The review that `as_dict` gave, also where JSON made lists of its tuples."""
        lists = {
            name: tuple((text, value) for text, value in values[name]) for name in ("pieces", "raising", "lowering")
        }
        return cls(**{**values, **lists})

    @classmethod
    def of(cls, reading: Reading, place: str) -> Sample:
        """Keep a reading."""
        additive = reading.contributions is not None
        values = reading.contributions if reading.contributions is not None else reading.scores - 0.5
        said = [round(value, 4) for value in values.astype(np.float64).tolist()]
        kept: list[tuple[str, float | None]] = []
        room, shortened = MAX_CHARACTERS, False
        for index, piece in text_pieces(reading):
            if len(piece) > room:
                kept.append(("…", None))
                shortened = True
                break
            room -= len(piece)
            if piece:
                kept.append((printable(piece), None if index is None else said[index]))
        order = np.argsort(values, kind="stable").tolist()
        return cls(
            place=place,
            positive=reading.positive,
            logit=reading.logit,
            pieces=tuple(kept),
            raising=tuple(
                (_token(reading, index), said[index]) for index in order[::-1][:STRONGEST] if said[index] > 0
            ),
            lowering=tuple((_token(reading, index), said[index]) for index in order[:STRONGEST] if said[index] < 0),
            additive=additive,
            shortened=shortened,
            digest=cls.digest_of(reading.text),
        )

    @staticmethod
    def digest_of(text: str) -> str:
        """Digest of a text."""
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _token(reading: Reading, index: int) -> str:
    token = reading.text[int(reading.encoding.starts[index]) : int(reading.encoding.ends[index])]
    return textwrap.shorten(printable(token), _TOKEN_WIDTH, placeholder="…") or "…"
