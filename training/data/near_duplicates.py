"""Texts that repeat each other: word for word, after normalization, or in a long stretch at their beginning or end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sentiline.tokenizer import words

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|@\w+|^\s*rt\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
# The number of words at the beginning or the end that two longer texts share only if one copies the other.
STRETCH = 12


def normalize(text: str) -> str:
    """Return the words of a text, which copies of it share.

    Case, accents, punctuation, markup, emoji, web addresses, @names and a leading "RT" are left out, and a letter that
    is repeated more than twice is written twice. A text of nothing else is returned stripped.

    Example:
        >>> normalize("RT @ann: SOOOO good!!! https://t.co/x")
        'soo good'
    """
    decomposed = unicodedata.normalize("NFKD", _ADDRESS.sub(" ", text))
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    found = " ".join(word for word in words(plain) if _WORD.match(word))
    return _REPEATED.sub(r"\1\1", found) or text.strip()


def group_near_duplicates(texts: Sequence[str]) -> list[str]:
    """Group texts that repeat each other, directly or through others.

    Two texts repeat each other if `normalize` makes them equal, or if both have at least twice `STRETCH` words and the
    first or the last `STRETCH` of them are equal.

    Args:
        texts: Raw texts.

    Returns:
        For each text the first text of its group in alphabetical order, whatever the order of `texts`.
    """
    numbers: dict[tuple[str, str], int] = {}
    edges = [(index, numbers.setdefault(key, len(numbers))) for index, text in enumerate(texts) for key in _keys(text)]
    if not edges:
        return []
    rows, keys = np.array(edges).T
    size = len(texts) + len(numbers)  # texts and keys are the nodes of one graph
    graph = coo_array((np.ones(len(rows), np.int8), (rows, keys + len(texts))), shape=(size, size))
    groups = connected_components(graph, directed=False)[1][: len(texts)].tolist()
    first: dict[int, str] = {}
    for text, group in zip(texts, groups, strict=True):
        first[group] = min(text, first.get(group, text))
    return [first[group] for group in groups]


def _keys(text: str) -> Iterator[tuple[str, str]]:
    whole = normalize(text)
    yield "whole", whole
    found = whole.split()
    if len(found) >= 2 * STRETCH:
        yield "first", " ".join(found[:STRETCH])
        yield "last", " ".join(found[-STRETCH:])
