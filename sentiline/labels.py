"""Label schemes: what the labels in a user's file mean, be they 0/1, names or stars."""

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

LabelValue: TypeAlias = bool | int | str  # a normalized label: a truth value, a number, or a lower-case name

_NAMES: dict[str, LabelValue] = {
    "negative": "negative",
    "neg": "negative",
    "positive": "positive",
    "pos": "positive",
    "neutral": "neutral",
    "true": True,
    "false": False,
}
# (most stars, most stars of a negative review, fewest stars of a positive one); between the two lies neutral
_CUTS = {"stars5": (5, 2, 4), "stars10": (10, 4, 7)}

_DISTINCT = 1000  # counting stops here: a file with so many different labels fits no scheme

_INTEGER = re.compile(r"[+-]?\d{1,9}(?:\.0*)?", re.ASCII)


def normalize_label(value: object) -> LabelValue | None:
    """Return a label from a file as a plain value, or None if no scheme has such a label.

    Example:
        >>> [normalize_label(value) for value in (" POS ", "4.0", 4.0, "3.5", "true")]
        ['positive', 4, 4, None, True]
    """
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    if isinstance(value, str):
        text = value.strip().lower()
        return int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else _NAMES.get(text)
    return None


def sentiment_of(value: LabelValue, scheme: Scheme) -> Truth | Literal["neutral"] | None:
    """Return the sentiment that a label stands for under a scheme.

    "binary": 0 or false is negative, 1 or true positive. "names": negative (neg), positive (pos), neutral.
    "stars5": 1–2 negative, 3 neutral, 4–5 positive. "stars10": 1–4 negative, 5–6 neutral, 7–10 positive, the cut
    of the Large Movie Review Dataset.

    Returns:
        0, 1 or "neutral"; None if the scheme has no such label.
    """
    if scheme == "names":
        if value == "neutral":
            return "neutral"
        return {"negative": NEGATIVE, "positive": POSITIVE}.get(value) if isinstance(value, str) else None
    if isinstance(value, str):
        return None
    if scheme == "binary":
        return {0: NEGATIVE, 1: POSITIVE}.get(value)
    most, negative, positive = _CUTS[scheme]
    if isinstance(value, bool) or not 1 <= value <= most:
        return None
    if value <= negative:
        return NEGATIVE
    return POSITIVE if value >= positive else "neutral"


def infer_scheme(values: Iterable[LabelValue | None]) -> Scheme:
    """Return the only scheme that all labels of a file fit.

    Labels that are all names are "names". 0 and 1 with at least one 0, or truth values, are "binary". Numbers from 1
    whose largest is exactly 5 are "stars5", and exactly 10 "stars10". A scale whose top never occurs is not guessed:
    1 and 2 may be two classes, 1 to 4 may be stars out of four or out of five, and 1 to 7 is another scale.

    Args:
        values: The normalized label of every row; None where a label could not be read.

    Raises:
        DataFileError: No scheme fits, or more than one; the message lists the labels found and the remedy.
    """
    counts: Counter[tuple[type, LabelValue]] = Counter()
    for value in values:
        if value is not None:
            counts[type(value), value] += 1  # the type keeps True and 1 apart
        if len(counts) > _DISTINCT:
            break
    found = [value for _, value in counts]
    if found and all(isinstance(value, str) for value in found):
        return "names"
    numbers = {int(value) for value in found if not isinstance(value, str)}
    if found and not any(isinstance(value, str) for value in found):
        truth = any(isinstance(value, bool) for value in found)
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
