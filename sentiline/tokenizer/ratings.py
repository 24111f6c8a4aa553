"""Ratings in texts ("4.5/5", "10 out of 10", "two stars", "★★☆☆☆") as classes graded by their share of the maximum."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

GRADES = 5
RATING_CLASSES = tuple(f"<rating-{grade}>" for grade in range(GRADES))

STARS = "\u2605\u2606\u2b50\U0001f31f\u272d\u272e\u272f\u2729\u272a"
_EMPTY_STARS = "\u2606\u2729"

_NAMES = dict(
    zip(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], range(11), strict=True)
)
_AMOUNT = (
    rf"(?P<amount>\d{{1,4}}(?:[.,]\d{{1,2}})?|{'|'.join(_NAMES)}|half(?:[ ]an?)?)"
    r"(?P<half>[ -]?(?:\u00bd|1/2)|[ ]and[ ]an?[ ]half)?"
)
_MAXIMUM = r"4|5|10|100|four|five|ten"
_RATING = re.compile(
    rf"""(?<!\d[:.,/-])(?<![\w/$\u00a3\u20ac\#@']){_AMOUNT}(?:
      \+?\s?/\s?(?P<over>5|10|100)(?![\w/%]|[.,:-]\d)(?:[ -]?(?P<starred>stars?)\b)?          # 4.5/5
    | (?:[ -]?stars?)?\s(?:out\s?of|outta)\s(?:an?\s)?(?P<of>{_MAXIMUM})(?![\w%]|[.,/:]\d)(?P<outof>[ -]?stars?\b)?
    | (?:\sof\s(?P<maximum>{_MAXIMUM}))?[ -]?(?P<stars>stars?)(?![\w'-])                       # 4 1/2 stars
    | (?P<asterisk>\*)(?![\w*/])                                                              # 5*
    )""",
    re.VERBOSE,
)
_ASTERISKS = re.compile(
    r"(?<![\w*/])(?P<given>\*{1,10})(?P<half>[ ]?(?:\u00bd|1/2))?\s?(?:/|out\sof)\s?\(?(?P<most>\*{4,10})(?![\w*/])"
)
_RUN = re.compile(rf"(?:[{STARS}]\ufe0f?){{2,}}(?:\u00bd|1/2)?|[{STARS}]\ufe0f?(?: [{STARS}]\ufe0f?){{2,}}")

# A dozen characters decide whether the slow expression above is worth a try.
_OVER = re.compile(r"[\d\u00bd]\+?\s?/\s?(?:5|10)")
_OUT_OF = re.compile(r" out ?of (?:an? )?(?:\d|f|t)")
_STARS = re.compile(r"star(?:(?<=[\d\u00bd]star)|(?<=(?:.\d|.\u00bd|ro|ne|wo|ee|ur|ve|ix|en|ht|ne|lf| a|an)[ -]star))")
_DATE_BEFORE = re.compile(r"\b(?:on|since|until|till|dated?|from|by|before|after)\s$")
_PART_OF = re.compile(
    r"\s(?:of\b(?!\s(?:5|10|five|ten)\b)|(?:people|persons|users|customers|times|days|women|men|friends|orders|items|cups?"
    r"|dentists|doctors|games|matches|episodes|points?|mile|inch)\b)"
)
_DEFINITE = re.compile(r"\b(?:the|these|those|all|its|his|her|their|our|both|other|any|co|film's|movie's)[ -]$")


def mark_ratings(text: str, mark: Callable[[str, int], str]) -> str:
    """Replace every rating in a lower-cased text.

    Args:
        text: The text in lower case.
        mark: Called with the class and the length of a rating; its result takes the rating's place.
    """

    def rate(match: re.Match[str]) -> str:
        grade = _grade(text, match)
        return match[0] if grade is None else mark(RATING_CLASSES[grade], len(match[0]))

    def rate_asterisks(match: re.Match[str]) -> str:
        share = (len(match["given"]) + bool(match["half"]) / 2) / len(match["most"])
        return mark(RATING_CLASSES[grade_of(share)], len(match[0]))

    if "*" in text:
        text = _ASTERISKS.sub(rate_asterisks, text)
    if (
        ("/" in text and _OVER.search(text))
        or ("star" in text and _STARS.search(text))
        or (" out" in text and (" outta " in text or _OUT_OF.search(text)))
        or ("*" in text and re.search(r"\b[1-5]\*", text))
    ):
        return _RATING.sub(rate, text)
    return text


def mark_star_runs(text: str, mark: Callable[[str, int], str]) -> str:
    """Replace every run of star symbols; a single star stays a symbol."""

    def rate(match: re.Match[str]) -> str:
        run = match[0]
        empty = sum(map(run.count, _EMPTY_STARS))
        stars = sum(map(run.count, STARS))
        most = stars if empty else 5 if stars <= 5 else 10
        given = stars - empty + (0.5 if run.endswith(("\u00bd", "1/2")) else 0)
        return mark(RATING_CLASSES[grade_of(given / most)], len(run))

    return _RUN.sub(rate, text)


def grade_of(share: float) -> int:
    """Return the grade, 0 to `GRADES` - 1, of a share of the maximum."""
    return min(max(math.ceil(share * GRADES - 1e-9) - 1, 0), GRADES - 1)


def _grade(text: str, match: re.Match[str]) -> int | None:
    """Return the grade of a match, or None if it only looks like a rating."""
    start, end = match.span()
    written = match["amount"]
    amount = _number(written) + (0.5 if match["half"] else 0)
    before = text[max(0, start - 12) : start]
    if match["asterisk"]:
        return grade_of(amount / 5) if written in ("1", "2", "3", "4", "5") else None
    if match["stars"]:
        most = _number(match["maximum"]) if match["maximum"] else 5 if amount <= 5 else 10
        if amount > most or (not written[0].isdigit() and _DEFINITE.search(before)):
            return None
        return grade_of(amount / most)
    most = _number(match["over"] or match["of"])
    if most == 4 and not (match["outof"] or "star" in match[0] or match["half"] or "." in written):
        return None
    if amount > most and (most == 5 or amount not in (11, 12, 13, 14, 15, 20, 100, 110, 1000)):
        return None
    starred = match["starred"] or match["outof"]
    if not starred and (_PART_OF.match(text, end) or (match["over"] and _DATE_BEFORE.search(before))):
        return None
    return 0 if before.endswith("-") and not before[-2:-1].isalnum() and "/" in match[0] else grade_of(amount / most)


def _number(written: str) -> float:
    if written.startswith("half"):
        return 0.5
    return _NAMES[written] if written in _NAMES else float(written.replace(",", "."))
