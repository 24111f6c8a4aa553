"""Cheap tests of whether a slow regular expression can match anywhere."""

from __future__ import annotations

from collections.abc import Set as AbstractSet


def find_between(
    text: str, needle: str, *, before: AbstractSet[str] | None = None, after: AbstractSet[str] | None = None
) -> list[int]:
    """Return where a string occurs in a text between such characters.

    A loop over `str.find` takes a fraction of the time of a regular expression where the string is rare.

    Args:
        text: The text.
        needle: What to look for.
        before: The characters of which one must precede it; None for any.
        after: The characters of which one must follow it; None for any.
    """
    found = []
    position = text.find(needle)
    while position >= 0:
        end = position + len(needle)
        if (before is None or text[position - 1 : position] in before) and (
            after is None or text[end : end + 1] in after
        ):
            found.append(position)
        position = text.find(needle, end)
    return found
