"""A text under edits that remembers where each of its characters stands in the original."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer.constants import Spans


class EditedText:
    """A text that may have been edited, and the span in the original text behind each of its characters.

    Attributes:
        text: The text as edited so far.
    """

    __slots__ = ("_ends", "_starts", "text")

    def __init__(self, text: str) -> None:
        """Begin with the original text."""
        self.text = text
        self._starts: NDArray[np.int32] | None = None  # None while every character stands where it did
        self._ends: NDArray[np.int32] | None = None

    def substitute(self, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]) -> None:
        """Replace every match; all characters of a replacement that differs stand for the whole match."""
        matches = pattern.finditer(self.text)
        self.apply((*match.span(), new) for match in matches if (new := replacement(match)) != match[0])

    def apply(self, edits: Iterable[tuple[int, int, str]]) -> None:
        """Make edits of `(start, end, replacement)`, in order and without overlap."""
        text, position = self.text, 0
        pieces: list[str] = []
        sources: list[tuple[int, int, int]] = []  # first character, last character, characters of the replacement
        for start, end, new in edits:
            pieces += text[position:start], new
            sources.append((start, end, len(new)))
            position = end
        if not sources:
            return
        pieces.append(text[position:])
        self.text = "".join(pieces)
        size = len(text)
        starts = np.arange(size, dtype=np.int32) if self._starts is None else self._starts
        ends = np.arange(1, size + 1, dtype=np.int32) if self._ends is None else self._ends
        new_starts, new_ends = np.empty((2, len(self.text)), np.int32)
        position = place = 0
        for start, end, length in sources:
            kept = start - position
            new_starts[place : place + kept] = starts[position:start]
            new_ends[place : place + kept] = ends[position:start]
            place += kept
            if length:
                # an insertion stands for the empty span before the next character; no token begins or ends with one
                new_starts[place : place + length] = starts[start] if start < size else ends[-1]
                new_ends[place : place + length] = ends[end - 1] if end else 0
                place += length
            position = end
        new_starts[place:], new_ends[place:] = starts[position:], ends[position:]
        self._starts, self._ends = new_starts, new_ends

    def original(self, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> Spans:
        """Return the spans in the original text of spans in the edited one, none of which is empty."""
        if self._starts is None or self._ends is None:
            return starts, ends
        return self._starts[starts], self._ends[ends - 1]
