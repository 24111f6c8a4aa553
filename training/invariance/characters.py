"""Rewritings of single characters: case, punctuation, apostrophes, invisible characters, repeated letters."""

from __future__ import annotations

import random
import re

from training.invariance.rewriting import pick_word, replace_span

INVISIBLE = ("\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")
APOSTROPHES = ("\u2019", "\u2018", "\u02bc", "\uff07", "\u00b4", "`")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
_FINAL = re.compile(r"[.!]+$")


def lower(text: str, rng: random.Random) -> str | None:
    """Write all letters small."""
    return _changed(text, text.lower())


def upper(text: str, rng: random.Random) -> str | None:
    """Write all letters as capitals."""
    return _changed(text, text.upper())


def title(text: str, rng: random.Random) -> str | None:
    """Begin every word with a capital."""
    return _changed(text, re.sub(r"(?<![\w'\u2019])[a-z]", lambda letter: letter[0].upper(), text))


def change_punctuation(text: str, rng: random.Random) -> str | None:
    """Drop, add or repeat the final punctuation of a statement, or put a space before it."""
    stripped = text.rstrip()
    if not stripped or not (stripped[-1].isalnum() or _FINAL.search(stripped)):
        return None
    plain = _FINAL.sub("", stripped)
    return rng.choice(
        [ending for ending in (plain, f"{plain}.", f"{plain} .", f"{plain}!", f"{plain}!!") if ending != text]
    )


def replace_apostrophe(text: str, rng: random.Random) -> str | None:
    """Write every apostrophe inside a word as one of its look-alikes, or leave it out of a negated verb."""
    if not _APOSTROPHE.search(text):
        return None
    if rng.random() < 0.25:
        dropped = re.sub(r"(?<=n)['\u2019](?=t\b)", "", text)
        if dropped != text:
            return dropped
    return _changed(text, _APOSTROPHE.sub(rng.choice(APOSTROPHES), text))


def insert_invisible(text: str, rng: random.Random) -> str | None:
    """Insert a soft hyphen, a zero-width character or a word joiner into a word."""
    word = pick_word(text, rng)
    if word is None:
        return None
    place = word.start() + rng.randrange(1, len(word[0]))
    return text[:place] + rng.choice(INVISIBLE) + text[place:]


def repeat_letter(text: str, rng: random.Random) -> str | None:
    """Lengthen a vowel of a word, as in "loooved"."""
    word = pick_word(text, rng, shortest=3)
    vowels = [place for place, letter in enumerate(word[0].lower()) if letter in "aeiou"] if word else []
    if word is None or not vowels:
        return None
    place = rng.choice(vowels)
    letters = word[0]
    return replace_span(text, word, letters[:place] + letters[place] * rng.randint(3, 5) + letters[place + 1 :])


def _changed(text: str, rewritten: str) -> str | None:
    return rewritten if rewritten != text else None
