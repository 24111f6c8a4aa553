"""Code points that need care: lone surrogates, which no encoding can hold, and characters that act on a terminal."""

from __future__ import annotations

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# control characters, bidirectional marks, overrides and isolates, lone surrogates
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def has_lone_surrogates(text: str) -> bool:
    """Whether a string holds half of a surrogate pair, so that it cannot be written as UTF-8.

    JSON can spell such strings, and undecodable bytes become them.
    """
    try:
        text.encode()  # several times faster than a regular expression
    except UnicodeEncodeError:
        return True
    return False


def replace_lone_surrogates(text: str) -> str:
    """Return the text with U+FFFD for every lone surrogate."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def printable(text: str) -> str:
    """Return the text made safe to show: U+FFFD for control and bidirectional characters and lone surrogates.

    Tabs become spaces. A review that holds terminal escapes must not move the cursor or change colours.
    """
    return _UNPRINTABLE.sub("\ufffd", text).expandtabs(4)
