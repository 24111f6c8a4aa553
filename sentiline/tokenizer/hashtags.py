"""Hashtags opened at capitals and at known words."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping

from sentiline.tokenizer.constants import UNKNOWN_ID

_HASHTAG = re.compile("#")
_TAG = re.compile(r"[^\W_]{2,80}")
_CACHED_TAGS = 20_000
_CAPITALS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]+")
_SHORT = frozenset(
    [
        "a",
        "i",
        "am",
        "an",
        "as",
        "at",
        "be",
        "by",
        "do",
        "go",
        "he",
        "if",
        "in",
        "is",
        "it",
        "me",
        "my",
        "no",
        "of",
        "on",
        "or",
        "so",
        "to",
        "up",
        "us",
        "we",
    ]
)
_LONGEST = 20


class HashtagOpener:
    """Finds the words of hashtags, and remembers those of the last ones."""

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        """Take the known words.

        Args:
            known: The ids of the known words in order of frequency, by which lower-case hashtags are opened; None opens
                hashtags at capitals only.
        """
        self._known = known
        self._cache: dict[str, list[int]] = {}

    def __call__(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield the edits that put a space between the words of every hashtag."""
        for match in _HASHTAG.finditer(text):
            start = match.end()
            tag = _TAG.match(text, start)
            if tag is None or not _may_begin(text, match.start()):
                continue
            seams = self._cache.get(tag[0])
            if seams is None:
                if len(self._cache) >= _CACHED_TAGS:
                    self._cache = {}
                seams = self._cache[tag[0]] = list(itertools.accumulate(map(len, _words(tag[0], self._known))))
            for seam in seams[:-1]:
                yield start + seam, start + seam, " "


open_at_capitals = HashtagOpener()


def _may_begin(text: str, place: int) -> bool:
    """Return whether a hashtag may begin at a "#": not in an address."""
    before = text[place - 1] if place else " "
    return not (before.isalnum() or before in "/&#_")


def _words(tag: str, known: Mapping[str, int] | None) -> list[str]:
    if known is not None and _id(tag, known) != UNKNOWN_ID:
        return [tag]
    pieces = _CAPITALS.findall(tag)
    if known is None:
        return pieces
    return [word for piece in pieces for word in _segmented(piece, known)]


def _segmented(piece: str, known: Mapping[str, int]) -> list[str]:
    """Return the most likely known words that a run of letters consists of, or the run if there are none."""
    lowered = piece.lower()
    if _id(lowered, known) != UNKNOWN_ID or not (lowered.isascii() and lowered.isalpha()):
        return [piece]
    scale = math.log(len(known) + 1.0)
    # best[n] is the least cost of the first n letters by Zipf's law, and the length of the last word
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(lowered) + 1):
        cost, length = math.inf, 0
        for size in range(1, min(end, _LONGEST) + 1):
            word = lowered[end - size : end]
            if size < 3 and word not in _SHORT:
                continue
            index = _id(word, known)
            if index == UNKNOWN_ID:
                continue
            total = best[end - size][0] + math.log(index + 1.0) + math.log(scale)
            if total < cost:
                cost, length = total, size
        best.append((cost, length))
    if best[-1][0] == math.inf:
        return [piece]
    words, end = [], len(piece)
    while end:
        size = best[end][1]
        words.append(piece[end - size : end])
        end -= size
    return words[::-1]


def _id(word: str, known: Mapping[str, int]) -> int:
    return known.get(word.lower(), UNKNOWN_ID)
