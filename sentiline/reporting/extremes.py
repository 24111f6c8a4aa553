"""The most and the least positive reviews of a run, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentiline.reading import Reading
from sentiline.reporting.excerpt import Excerpt, text_digest


class Extremes:
    """Keeps the reviews with the highest and with the lowest logits; duplicates of a text are kept once.

    Attributes:
        highest: The most positive reviews, the most positive first.
        lowest: The least positive reviews, the least positive first.
    """

    def __init__(self, size: int = 5) -> None:
        """Keep at most `size` reviews at each end."""
        self._size = size
        self.highest: list[Excerpt] = []
        self.lowest: list[Excerpt] = []

    def add(self, reading: Reading, place: str) -> None:
        """Consider a review; among equally positive ones the first is kept."""
        for kept, sign in ((self.highest, 1.0), (self.lowest, -1.0)):
            if len(kept) == self._size and sign * reading.logit <= sign * kept[-1].logit:
                continue
            if any(one.logit == reading.logit and one.digest == text_digest(reading.text) for one in kept):
                continue
            self._insert(Excerpt.from_reading(reading, place), kept, sign)

    def merge(self, later: Extremes) -> None:
        """Consider the reviews kept by another instance that saw later rows."""
        for kept, excerpts, sign in ((self.highest, later.highest, 1.0), (self.lowest, later.lowest, -1.0)):
            for excerpt in excerpts:
                if not any((one.logit, one.digest) == (excerpt.logit, excerpt.digest) for one in kept):
                    self._insert(excerpt, kept, sign)

    def _insert(self, excerpt: Excerpt, kept: list[Excerpt], sign: float) -> None:
        kept.append(excerpt)
        kept.sort(key=lambda one: -sign * one.logit)  # a stable sort: the first of equals stays first
        del kept[self._size :]

    def as_dict(self) -> dict[str, Any]:
        """Return the excerpts as plain values."""
        return {
            "highest": [one.as_dict() for one in self.highest],
            "lowest": [one.as_dict() for one in self.lowest],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Extremes:
        """Restore an instance from `as_dict`."""
        extremes = cls()
        extremes.highest = [Excerpt.from_dict(one) for one in values["highest"]]
        extremes.lowest = [Excerpt.from_dict(one) for one in values["lowest"]]
        return extremes
