"""Label schemes: what the labels in a user's file mean, be they 0/1, names, stars or the user's own."""

from __future__ import annotations

import decimal
import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

from sentiline.errors import DataFileError, OptionError

Scheme = Literal["binary", "names", "stars5", "stars10"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

Truth: TypeAlias = Literal[0, 1]
Sentiment: TypeAlias = Literal[0, 1, "neutral"]

NEGATIVE: Truth = 0
POSITIVE: Truth = 1

LabelValue: TypeAlias = bool | int | float | str  # a normalized label: a truth value, a number, or a lower-case name

MAPPING_EXAMPLE = "negative=1,neutral=3,positive=5"

_SENTIMENTS: dict[str, Sentiment] = {"negative": NEGATIVE, "neutral": "neutral", "positive": POSITIVE}
_NAMES: dict[str, LabelValue] = {"neg": "negative", "neu": "neutral", "pos": "positive", "true": True, "false": False}
# (most stars, most stars of a negative review, fewest stars of a positive one); between the two lies neutral
_CUTS = {"stars5": (5, 2.5, 3.5), "stars10": (10, 4.5, 6.5)}
_FEWEST_STARS = 0.5

_DISTINCT = 1000  # counting stops here: a file with more different labels than this fits no scheme
_STRAY = 0.2  # the share of labels up to which those outside the scheme are skipped as mistakes of single rows
_SHOWN = 12
_SHORT = 8  # the number of labels from which two that occur once are mistakes, whatever they are

# 4, 4.5, 4,5 and 4½, alone or as "4.5 stars", "4/5" and "4 out of 5"
_NUMBER = re.compile(
    r"([+-]?\d{1,9})(?:[.,](\d*)|(½))?(?:\s*stars?|\s*(?:/|out of)\s*(?:5|10)(?:\.0)?(?:\s*stars?)?)?", re.ASCII
)
_STARS = re.compile(r"([★⭐]*)(½?)☆*")


def normalize_label(value: object) -> LabelValue | None:
    """Return a label from a file as a plain value, or None if it is missing or of no type that labels have.

    Example:
        >>> [normalize_label(value) for value in (" POS ", "4.0", "4.5 stars", "★★★☆☆", b"5", "true", "LABEL_0")]
        ['positive', 4, 4.5, 3, 5, True, 'label_0']
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float | decimal.Decimal):
        return _plain_number(float(value)) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    text = value.strip().replace("\ufe0f", "").lower()
    if found := _NUMBER.fullmatch(text):
        return _plain_number(float(f"{found[1]}.{'5' if found[3] else found[2] or 0}"))
    if text and (stars := _STARS.fullmatch(text)):
        return _plain_number(len(stars[1]) + (0.5 if stars[2] else 0))
    return _NAMES.get(text, text) if text else None


def _plain_number(number: float) -> int | float:
    return int(number) if number == int(number) else number


def check_labels(value: str, *, field: str = "labels") -> str:
    """Return the meaning of labels as an option gives it: "auto", a scheme, or a mapping to sentiments.

    Args:
        value: One of `SCHEMES`, "auto", or a mapping such as `MAPPING_EXAMPLE`, see `parse_mapping`.
        field: The option, for error messages.

    Raises:
        OptionError: It is none of these.
    """
    if value == "auto" or value in SCHEMES:
        return value
    if "=" not in value:
        raise OptionError(
            f"{field} is {value!r}; it must be auto, {', '.join(SCHEMES)}, or a mapping such as {MAPPING_EXAMPLE}",
            field=field,
        )
    try:
        parse_mapping(value)
    except ValueError as error:
        raise OptionError(f"{field} is {value!r}: {error}; write it like {MAPPING_EXAMPLE}", field=field) from None
    return value


@lru_cache(maxsize=8)
def parse_mapping(text: str) -> dict[LabelValue, Sentiment]:
    """Return the sentiment of each label of a mapping such as "negative=bad,poor,neutral=so-so,positive=good".

    Labels are compared as `normalize_label` returns them, so without regard to case, and "1" is 1.0.

    Raises:
        ValueError: The mapping is malformed, gives a label two sentiments, or lacks negative or positive labels.
    """
    mapping: dict[LabelValue, Sentiment] = {}
    sentiment = ""
    for part in text.split(","):
        name, equals, rest = part.partition("=")
        if equals and name.strip().lower() in _SENTIMENTS:
            sentiment, part = name.strip().lower(), rest
        elif equals or not sentiment:
            raise ValueError(f"{name.strip()!r} is none of {', '.join(_SENTIMENTS)}")
        label = normalize_label(part)
        if label is None:
            raise ValueError(f"{sentiment} names an empty label")
        if mapping.setdefault(label, _SENTIMENTS[sentiment]) != _SENTIMENTS[sentiment]:
            raise ValueError(f"the label {part.strip()!r} has two sentiments")
    for name in ("negative", "positive"):
        if _SENTIMENTS[name] not in mapping.values():
            raise ValueError(f"it names no {name} label")
    return mapping


def sentiment_of(value: LabelValue, scheme: str) -> Sentiment | None:
    """Return the sentiment that a label stands for under a scheme or a mapping.

    "binary": 0 or false is negative, 1 or true positive, the name neutral (neu) neutral. "names": negative (neg),
    positive (pos), neutral (neu).
    "stars5": up to 2.5 negative, from 3.5 positive, neutral between. "stars10": up to 4.5 negative, from 6.5
    positive, which for whole stars is the cut of the Large Movie Review Dataset. A mapping: as `parse_mapping` says.

    Returns:
        0, 1 or "neutral"; None if the scheme has no such label.
    """
    if "=" in scheme:
        return parse_mapping(scheme).get(value)
    if scheme == "binary" and value == "neutral":
        return "neutral"
    if scheme == "names":
        return _SENTIMENTS.get(value) if isinstance(value, str) else None
    if isinstance(value, str):
        return None
    if scheme == "binary":
        return (NEGATIVE, POSITIVE)[int(value)] if value in (0, 1) else None
    most, negative, positive = _CUTS[scheme]
    if isinstance(value, bool) or not _FEWEST_STARS <= value <= most:
        return None
    if value <= negative:
        return NEGATIVE
    return POSITIVE if value >= positive else "neutral"


class LabelCounts:
    """The different labels of a file with their numbers of rows.

    Attributes:
        rows: The number of rows by type and normalized label; the type keeps True and 1 apart.
    """

    def __init__(self, values: Iterable[object] = ()) -> None:
        self.rows: Counter[tuple[type, LabelValue]] = Counter()
        self._spelled: dict[tuple[type, LabelValue], str] = {}
        self.add(values)

    def add(self, values: Iterable[object]) -> None:
        """Count labels; missing ones are not counted, and neither are any once there are too many different ones."""
        for value in values:
            if is_missing(value):
                continue
            if len(self.rows) > _DISTINCT:
                return
            label = normalize_label(value)
            key = (type(label), str(value) if label is None else label)
            self.rows[key] += 1
            if key not in self._spelled:
                self._spelled[key] = value.strip() if isinstance(value, str) else str(key[1])

    def describe(self) -> str:
        """List the most frequent labels, as in "2 (3 rows), LABEL_0 (1 rows)"."""
        shown = [f"{self._spelled[key][:40]} ({count:,} rows)" for key, count in self.rows.most_common(_SHOWN)]
        return ", ".join(shown) + (f" and {len(self.rows) - _SHOWN} more" if len(self.rows) > _SHOWN else "")

    def check(self, scheme: str) -> None:
        """Check that a scheme or mapping has all labels but a few, which may be mistakes of single rows.

        Raises:
            DataFileError: More than a fifth of the rows have a label that the scheme lacks.
        """
        total = self.rows.total()
        outside = {
            value: count
            for (kind, value), count in self.rows.items()
            if kind is type(None) or sentiment_of(value, scheme) is None
        }
        strange = sum(outside.values())
        # A single name, such as "unclear", is a mistake even in a short file; a number may be a class of its own unless
        # it is rare.
        single = strange == len(outside) <= 2 and total >= _SHORT
        few = single or (strange == 1 and all(isinstance(value, str) for value in outside))
        if strange > _STRAY * total and not few:
            raise DataFileError(
                f"{strange:,} of {total:,} labels are not of {scheme}: {self.describe()}; {_remedy()}", field="labels"
            )


def is_missing(value: object) -> bool:
    """Return whether a row has no label: null, NaN or blank."""
    return value is None or value != value or (isinstance(value, str | bytes) and not value.strip())


def infer_scheme(values: Iterable[object]) -> Scheme:
    """Return the only scheme that the labels of a file fit.

    Labels that are all names are "names". 0 and 1 with at least one 0, or truth values, are "binary", also beside the
    name neutral. Numbers of stars
    whose largest is exactly 5 are "stars5", and exactly 10 "stars10". A scale whose top never occurs is not guessed:
    1 and 2 may be two classes, 1 to 4 may be stars out of four or out of five, and 1 to 7 is another scale. Neither is
    one whose top is so rare that it may be a typing mistake, such as 10 in a file of five stars.

    Args:
        values: The label of every row; None where there is none.

    Raises:
        DataFileError: No scheme fits, or more than one; the message lists the labels found and the remedy.
    """
    counts = LabelCounts(values)
    known: Counter[LabelValue] = Counter()
    truth = False
    for (kind, value), count in counts.rows.items():
        if kind is not type(None) and (not isinstance(value, str) or value in _SENTIMENTS):
            known[value] += count
            truth = truth or kind is bool
    scheme = _guess(known, truth=truth)
    if scheme is None or known.total() < (1 - _STRAY) * counts.rows.total():
        found = f"the labels do not tell their scheme: {counts.describe()}" if counts.rows else "there are no labels"
        raise DataFileError(f"{found}; {_remedy()}", field="labels")
    return scheme


def _guess(rows: Counter[LabelValue], *, truth: bool) -> Scheme | None:
    """Return the only scheme that has all of these labels, given the number of rows of each."""
    names = [isinstance(value, str) for value in rows]
    if "neutral" in rows and not all(names):
        return (
            "binary"
            if _guess(Counter({v: n for v, n in rows.items() if v != "neutral"}), truth=truth) == "binary"
            else None
        )
    if any(names) or not rows:
        return "names" if rows and all(names) else None
    numbers = {float(value): count for value, count in rows.items()}
    if numbers.keys() <= {0, 1} and (truth or 0 in numbers):
        return "binary"
    top, total = max(numbers), rows.total()
    if truth or min(numbers) < _FEWEST_STARS or numbers[top] < total / 100:
        return None
    if top == 5:
        # 1 and 2 with a rare 5 may be two classes and a mistake
        return "stars5" if any(2 < value < 5 for value in numbers) or numbers[5] >= total / 10 else None
    if top == 10:
        upper = sum(count for value, count in numbers.items() if value > 5)
        between = any(5 < value < 10 for value in numbers)
        # five stars and a mistake have no 6 to 9, and more rows of 5 than of 10
        return "stars10" if upper >= total / 10 and (between or upper > numbers.get(5, 0)) else None
    return None


def _remedy() -> str:
    return f"say what they mean with --labels {', '.join(SCHEMES)}, or a mapping such as {MAPPING_EXAMPLE}"
