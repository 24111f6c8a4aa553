"""The indefinite article, which agrees with the sound that follows it."""

from __future__ import annotations

import re

_VOWEL_SOUND = re.compile(
    r"(?!one\b|once\b|uni[a-z]|us[ei]|uk\b|ukr|ugand|eu|ew)[aeiou]|hour|heir|honest|honou?r", re.IGNORECASE
)
_UNI_VOWEL = re.compile(r"uni(?:n|m)", re.IGNORECASE)


def article(following: str) -> str:
    """Return "a" or "an" before a word or phrase."""
    word = following.lstrip(' "')
    return "an" if _VOWEL_SOUND.match(word) or _UNI_VOWEL.match(word) else "a"


def with_articles(before: str, phrase: str) -> str:
    """Return a phrase after the text before it, whose last word, if it is "a" or "an", is made to agree."""
    found = re.search(r"(?<!\w)([Aa])n? $", before)
    return before + phrase if found is None else f"{before[: found.start()]}{found[1]}{article(phrase)[1:]} {phrase}"
