"""What the labels in a user's file mean: 0/1, names or stars; reads no file."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

from sentiline.errors import DataFileError

Scheme = Literal["binary", "names", "stars5", "stars10"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

Truth: TypeAlias = Literal[0, 1]

NEGATIVE: Truth = 0
POSITIVE: Truth = 1

LabelValue: TypeAlias = bool | int | str
"""A label as a plain value: a truth value, a number, or a lower-cased name."""

_NAMES: dict[str, LabelValue] = {
    "negative": "negative",
    "neg": "negative",
    "positive": "positive",
    "pos": "positive",
    "neutral": "neutral",
    "true": True,
    "false": False,
}
_CUTS = {"stars5": (5, 2, 4), "stars10": (10, 4, 7)}
"""Most stars, most stars of a negative review, least stars of a positive one; between them lies neutral."""

_DISTINCT = 1000
"""More kinds of labels than any scheme has: where there are so many, no more are counted."""

_INTEGER = re.compile(r"[+-]?\d{1,9}(?:\.0*)?", re.ASCII)


def normalize_label(value: object) -> LabelValue | None:
    """The plain value of a label as it stands in a file, or None if no scheme could read it.

    Example:
        >>> normalize_label(" POS "), normalize_label("4.0"), normalize_label(4.0), normalize_label("3.5"), normalize_label("true")
        ('positive', 4, 4, None, True)
    """
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    if isinstance(value, str):
        text = value.strip().lower()
        return int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else _NAMES.get(text)
    return None


def sentiment_of(mark: LabelValue, scheme: Scheme) -> Truth | Literal["neutral"] | None:
    """The sentiment that a label stands for under a scheme.

    "binary": 0 or false is negative, 1 or true positive. "names": negative (neg), positive (pos), neutral.
    "stars5": 1–2 negative, 3 neutral, 4–5 positive. "stars10": 1–4 negative, 5–6 neutral, 7–10 positive, the cut
    of the Large Movie Review Dataset.

    Returns:
        0, 1, "neutral", or None if the scheme has no such label.
    """
    if scheme == "names":
        if mark == "neutral":
            return "neutral"
        return {"negative": NEGATIVE, "positive": POSITIVE}.get(mark) if isinstance(mark, str) else None
    if isinstance(mark, str):
        return None
    if scheme == "binary":
        return {0: NEGATIVE, 1: POSITIVE}.get(mark)
    most, negative, positive = _CUTS[scheme]
    if isinstance(mark, bool) or not 1 <= mark <= most:
        return None
    if mark <= negative:
        return NEGATIVE
    return POSITIVE if mark >= positive else "neutral"


def infer_scheme(marks: Iterable[LabelValue | None]) -> Scheme:
    """The one scheme that a file's labels can belong to.

    Names only are "names"; a 0 or truth values, and nothing but 0 and 1, "binary"; numbers from 1 whose largest is
    exactly 5 "stars5", exactly 10 "stars10". A scale whose top never occurs is not guessed at: 1 and 2 may be two
    classes, 1 to 4 may be four stars of five or of four, and 1 to 7 is a scale of its own.

    Args:
        marks: of all rows; None where a label cannot be read.

    Raises:
        DataFileError: no scheme or more than one fits; lists the labels found and says how to choose.
    """
    counts: Counter[tuple[type, LabelValue]] = Counter()
    for mark in marks:
        if mark is not None:
            counts[type(mark), mark] += 1  # the type keeps True and 1 apart
        if len(counts) > _DISTINCT:
            break
    values = [mark for _, mark in counts]
    if values and all(isinstance(value, str) for value in values):
        return "names"
    numbers = {int(value) for value in values if not isinstance(value, str)}
    if values and not any(isinstance(value, str) for value in values):
        truth = any(isinstance(value, bool) for value in values)
        if numbers <= {0, 1} and (truth or 0 in numbers):
            return "binary"
        if min(numbers) >= 1 and not truth:
            if max(numbers) == 5:
                return "stars5"
            if max(numbers) == 10:
                return "stars10"
    raise DataFileError(f"{_describe(counts)}; say what they mean with --labels {', '.join(SCHEMES)}", field="labels")


def _describe(counts: Counter[tuple[type, LabelValue]]) -> str:
    if not counts:
        return "no label is 0/1, negative/positive or a number of stars"
    shown = [f"{value} ({count:,} rows)" for (_, value), count in counts.most_common(12)]
    more = f" and {len(counts) - 12} more" if len(counts) > 12 else ""
    return f"the labels do not tell their scheme: {', '.join(shown)}{more}"
