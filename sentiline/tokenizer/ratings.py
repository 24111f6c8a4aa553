"""Ratings in texts ("4.5/5", "10 out of 10", "two stars", "★★☆☆☆") as classes graded by their share of the maximum."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from sentiline.tokenizer.search import find_between

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
    | (?:[ -]?stars?)?\sout\sof\s(?:an?\s)?(?P<of>{_MAXIMUM})(?![\w%]|[.,/:]\d)(?P<outof>[ -]?stars?\b)?
    | (?:\sof\s(?P<maximum>{_MAXIMUM}))?[ -]?(?P<stars>stars?)(?![\w'-])                       # 4 1/2 stars
    | (?P<asterisk>\*)(?![\w*/])                                                              # 5*
    )""",
    re.VERBOSE,
)
_ASTERISKS = re.compile(
    r"(?<![\w*/])(?P<given>\*{1,10})(?P<half>[ ]?(?:\u00bd|1/2))?\s?(?:/|out\sof)\s?\(?(?P<most>\*{4,10})(?![\w*/])"
)
_STAR = re.compile(f"[{STARS}]")
_RUN = re.compile(rf"(?:[{STARS}]\ufe0f?){{2,}}(?:\u00bd|1/2)?|[{STARS}]\ufe0f?(?: [{STARS}]\ufe0f?){{2,}}")

# These decide whether the slow expression above is worth a try.
_DIGITS = frozenset("0123456789")
_BEFORE_OVER = _DIGITS | frozenset(" +\u00bd")
_BEFORE_STARS = _DIGITS | frozenset(" -\u00bd")
_NUMBER_ENDS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "\u00bd", "half a", "half", *_NAMES)
_AFTER_OVER = frozenset(" 51")
_REACH = 40
_MAXIMA = ("4", "5", "10", "four", "five", "ten", "a ", "an ")
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

    if "*" in text and "****" in text:
        text = _ASTERISKS.sub(rate_asterisks, text)
    if (places := _places(text)) is None:
        return text
    pieces: list[str] = []
    position = 0
    for place in places:
        start = max(position, place - _REACH)
        for match in _RATING.finditer(text, start, place + _REACH):
            if match.start() > place:  # the window may cut it; it has a place of its own
                break
            pieces += text[position : match.start()], rate(match)
            position = match.end()
    return "".join([*pieces, text[position:]])


def _places(text: str) -> list[int] | None:
    """Return where a rating may be; looking there alone takes a fraction of the time."""
    places = []
    if "/" in text:
        places += find_between(text, "/", before=_BEFORE_OVER, after=_AFTER_OVER)
    if "*" in text:
        places += find_between(text, "*", before=_DIGITS)
    places += [place for place in find_between(text, "star", before=_BEFORE_STARS) if _ends_number(text, place)]
    places += [place for place in find_between(text, " out of ") if text.startswith(_MAXIMA, place + len(" out of "))]
    return sorted(places) or None


def mark_star_runs(text: str, mark: Callable[[str, int], str]) -> str:
    """Replace every run of star symbols; a single star stays a symbol."""

    def rate(match: re.Match[str]) -> str:
        run = match[0]
        empty = sum(map(run.count, _EMPTY_STARS))
        stars = sum(map(run.count, STARS))
        most = stars if empty else 5 if stars <= 5 else 10
        given = stars - empty + (0.5 if run.endswith(("\u00bd", "1/2")) else 0)
        return mark(RATING_CLASSES[grade_of(given / most)], len(run))

    return _RUN.sub(rate, text) if _STAR.search(text) else text


def _ends_number(text: str, place: int) -> bool:
    """Return whether a number may end before a place."""
    end = place - 1 if text[place - 1] in " -" else place
    return text.endswith(_NUMBER_ENDS, max(0, end - 6), end)


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
