"""The splitting rules and the fallback spellings of the scheme `words-1`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from sentiline.tokenizer.constants import UNKNOWN_ID, Spans

_MARKUP = re.compile(r"</?[a-z][a-z0-9]*\b[^<>]{0,200}>|&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.ASCII)

TAG = re.compile(r"</?[a-z][a-z0-9]*\b[^<>]{0,200}>", re.ASCII | re.IGNORECASE)

# Combining accents, and the vowel signs and points that some scripts write as marks, are parts of a word.
MARK = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0980-\u0dff"
    r"\u0e31-\u0e4e\u0eb1-\u0ece\u0f71-\u0fbc\u102b-\u109d\u200c\u200d"
)

# One capturing group around the whole token makes re.split() return gap, token, gap, token, …, gap, and the
# running sum of their lengths gives every span without a Python-level loop. The first two lines change no result:
# they match the most common characters at once, which more than halves the time (docs/tokenizer.md). Groups are not
# possessive, because before Python 3.11.5 a possessive group kept the text of a failed repetition.
_TOKEN = re.compile(
    rf"""(
    (?![ .,])(?:                                                        # no token begins with one of these
      [a-z]++(?=[ .,!?])                                                # a plain word, as two lines below
    | \d+(?:[.,/]\d+)+                                                # 10/10  7.5  1,000
    | [^\W_]++(?:[{MARK}]+[^\W_]*)*(?:'[^\W_]+)*                     # a word in any script; don't
    | [:;=]['-]?[()dp/\\](?![^\W_]) | <3                             # emoticons
    | [!?]+ | \*+                                                     # !!!  ?!  ****
    | [\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]   # symbols and emoji, one by one
    ))""",
    re.VERBOSE,
)

_APOSTROPHES = "\u2019\u2018\u02bc\uff07"  # read as the plain apostrophe
_REPEATED = re.compile(r"(.)\1{2,}", re.DOTALL)


def split(text: str) -> tuple[list[str], Spans]:
    """Split raw text into lower-cased tokens and their spans.

    HTML tags and character entities separate tokens and are dropped. Spans count Unicode code points.

    Args:
        text: The raw text, any Unicode.

    Returns:
        `(tokens, (starts, ends))`: the n lower-cased tokens, and their spans in the raw text as int32 [n].

    Example:
        >>> tokens, (starts, ends) = split("<br />Isn't GREAT!")
        >>> tokens
        ["isn't", 'great', '!']
        >>> list(zip(starts.tolist(), ends.tolist()))
        [(6, 11), (12, 17), (17, 18)]
    """
    pieces = _TOKEN.split(_normalize(text))
    edges = np.fromiter(map(len, pieces), np.int64, len(pieces)).cumsum(dtype=np.int32)
    return pieces[1::2], (edges[0:-1:2], edges[1::2])


def words(text: str) -> list[str]:
    """Return only the tokens of `split`, which is faster."""
    found: list[str] = _TOKEN.findall(_normalize(text))
    return found


def lower(text: str) -> str:
    """Return the text in lower case and of the same length."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters, such as U+0130, grow in lower case, which would shift the spans
        lowered = "".join([low if len(low := char.lower()) == 1 else char for char in text])
    return lowered


def _normalize(text: str) -> str:
    """Return the text in lower case and of the same length, with markup blanked and plain apostrophes."""
    lowered = lower(text)
    if not lowered.isascii():
        for apostrophe in _APOSTROPHES:
            lowered = lowered.replace(apostrophe, "'")
    if "<" in lowered or "&" in lowered:
        lowered = _MARKUP.sub(_blank, lowered)
    return lowered


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _variants(token: str) -> Iterable[str]:
    """Yield the spellings under which an unknown token may be known, nearest first."""
    if "'" in token:
        yield token.removesuffix("'s")
        yield token.replace("'", "")
    plain = token
    if not token.isascii():
        plain = "".join([char for char in unicodedata.normalize("NFKD", token) if not unicodedata.combining(char)])
        plain = plain.lower()  # again: styled capitals, such as U+1D406, have no lower case before NFKD
        yield plain
    if _REPEATED.search(plain):
        yield _REPEATED.sub(r"\1\1", plain)
        yield _REPEATED.sub(r"\1", plain)


class TokenIds(dict[str, int]):
    """A map of tokens to ids that looks a missing token up under its variants; if all fail it is unknown."""

    def __missing__(self, token: str) -> int:
        for variant in _variants(token):
            found = self.get(variant)
            if found is not None:
                return found
        return UNKNOWN_ID
