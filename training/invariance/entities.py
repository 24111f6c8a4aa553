"""Swaps of names, countries, nationalities, religions, groups of people and numbers."""

from __future__ import annotations

import random
import re
from functools import cache

from training.composition import with_articles, word_list
from training.invariance.rewriting import replace_span

RELIGIONS = ("Muslim", "Christian", "Jewish", "Hindu", "Buddhist", "Catholic", "Sikh", "Protestant")
_NUMBER_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty")
# Ratings, decimals, amounts, dates and names such as "Galaxy Note 7" keep their numbers.
_NUMBER = re.compile(
    r"(?<![\w./:,#$€£*-])(?<!out of )(\d{1,3})(?![\w/:*%-]|[.,]\d| ?(?:out of|stars?|points?|%|/|[ap]m\b|o'clock))"
    rf"|\b({'|'.join(_NUMBER_WORDS)})\b(?! (?:out of|stars?|thumbs|points?))"
)


def swap_name(text: str, rng: random.Random) -> str | None:
    """Replace a first name by another of the same sex."""
    return _swap(text, rng, (word_list("woman"), word_list("man")))


def swap_country(text: str, rng: random.Random) -> str | None:
    """Replace a country or a city by another."""
    return _swap(text, rng, (word_list("country"), word_list("city")))


def swap_nationality(text: str, rng: random.Random) -> str | None:
    """Replace an adjective of nationality by another."""
    return _swap(text, rng, (word_list("nationality"),))


def swap_group(text: str, rng: random.Random) -> str | None:
    """Replace a group of people ("Muslims", "gay men") or a religion by another."""
    return _swap(text, rng, (word_list("group"), RELIGIONS))


def change_number(text: str, rng: random.Random) -> str | None:
    """Replace a number that is no rating, price or date by another of as many digits."""
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    number = rng.choice(found)
    if number[2]:
        return replace_span(text, number, rng.choice([word for word in _NUMBER_WORDS if word != number[2]]))
    low, high = max(2, 10 ** (len(number[1]) - 1)), 10 ** len(number[1])
    if int(number[1]) < low:
        return None
    return replace_span(text, number, str(rng.choice([n for n in range(low, high) if n != int(number[1])])))


def _swap(text: str, rng: random.Random, lists: tuple[tuple[str, ...], ...]) -> str | None:
    found = [(place, listed) for listed in lists for place in _pattern(listed).finditer(text)]
    if not found:
        return None
    place, listed = rng.choice(found)
    name = place[0]
    other = rng.choice([entry for entry in listed if entry.lower() != name.lower()])
    if place.start() == 0:
        other = other[0].upper() + other[1:]
    return with_articles(text[: place.start()], other) + text[place.end() :]


@cache
def _pattern(listed: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(listed, key=len, reverse=True)
    return re.compile(rf"(?<![\w@#-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")
