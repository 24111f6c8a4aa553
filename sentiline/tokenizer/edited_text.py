"""A text under edits that remembers where each of its characters stands in the original."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer.constants import Spans


class EditedText:
    """A text that may have been edited, and the span in the original text behind each of its characters.

    Attributes:
        text: The text as edited so far. It may be replaced by one of the same length.
    """

    __slots__ = ("_edits", "text")

    def __init__(self, text: str) -> None:
        """Begin with the original text."""
        self.text = text
        self._edits: list[list[tuple[int, int, int]]] = []  # start, end and length of the replacement, for each call

    def substitute(self, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]) -> None:
        """Replace every match; all characters of a replacement that differs stand for the whole match."""
        matches = pattern.finditer(self.text)
        self.apply((*match.span(), new) for match in matches if (new := replacement(match)) != match[0])

    def apply(self, edits: Iterable[tuple[int, int, str]]) -> None:
        """Make edits of `(start, end, replacement)`, in order and without overlap."""
        text, position = self.text, 0
        pieces: list[str] = []
        made: list[tuple[int, int, int]] = []
        for start, end, new in edits:
            pieces += text[position:start], new
            made.append((start, end, len(new)))
            position = end
        if made:
            self.text = "".join([*pieces, text[position:]])
            self._edits.append(made)

    def original(self, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> Spans:
        """Return the spans in the original text of spans in the edited one, none of which is empty."""
        if not self._edits:
            return starts, ends
        firsts, lasts = starts.tolist(), (ends - 1).tolist()
        for made in reversed(self._edits):
            firsts = _before(firsts, made, [start for start, _, _ in made])
            lasts = _before(lasts, made, [end - 1 for _, end, _ in made])
        return np.array(firsts, np.int32), np.array(lasts, np.int32) + np.int32(1)


def _before(characters: list[int], edits: list[tuple[int, int, int]], replaced: list[int]) -> list[int]:
    """Return the indices that characters had before edits; those of a replacement stand for the replaced character."""
    found: list[int] = []
    first = growth = 0
    for (start, end, length), source in zip(edits, replaced, strict=True):
        last = bisect_left(characters, start + growth, first)
        found += [character - growth for character in characters[first:last]]
        first = bisect_left(characters, start + growth + length, last)
        found += [source] * (first - last)
        growth += length - (end - start)
    found += [character - growth for character in characters[first:]]
    return found
