"""Reads the date of a row, as files write them; knows no rows."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from sentiline.errors import OptionError

_SLASHES = re.compile(r"\d{4}/\d{1,2}/\d{1,2}")
_NUMBER = re.compile(r"(\d{8,13})(\.\d+)?", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}")


def day_of(value: object, pattern: str | None = None) -> int | None:
    """The day of a value, as `date.toordinal` counts.

    Without a pattern these are dates: dates and times as such, ISO 8601 (2024-03-01, 2024-03-01T12:00:00Z, 20240301,
    2024-03), 2024/3/1, and seconds (9 or 10 digits) or milliseconds (12 or 13) since 1970, with
    a fraction or without. A time with a zone counts on the day that it has there; seconds on that of UTC.

    Args:
        value: as it stands in the file.
        pattern: of `datetime.strptime`, which then alone decides on texts.

    Returns:
        None if it is no date.

    Example:
        >>> date.fromordinal(day_of("2024/3/1")), day_of("soon")
        (datetime.date(2024, 3, 1), None)
    """
    if isinstance(value, date):  # a datetime is one too
        return value.toordinal()
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, float) and value.is_integer():  # as whole numbers are where one is missing
        value = int(value)
    return _parse(str(value).strip(), pattern)


def check_pattern(pattern: str | None) -> str | None:
    """Return a pattern if `day_of` can read what it writes.

    Raises:
        OptionError: it cannot.
    """
    try:
        if pattern is not None:
            datetime.strptime(datetime(2024, 3, 1, tzinfo=UTC).strftime(pattern), pattern)
    except (ValueError, re.error) as error:
        raise OptionError(
            f"--date-format is {pattern!r}, which reads no date: {error}; write one as %d.%m.%Y or %Y-%m-%d %H:%M",
            field="--date-format",
        ) from None
    return pattern


@lru_cache(maxsize=65_536)
def _parse(text: str, pattern: str | None) -> int | None:
    try:
        if pattern is not None:
            return datetime.strptime(text, pattern).toordinal()
        if (number := _NUMBER.fullmatch(text)) and len(number[1]) in (9, 10, 12, 13):
            return datetime.fromtimestamp(int(number[1]) // (1000 if len(number[1]) > 10 else 1), UTC).toordinal()
        if number and not float(number[2] or 0):  # 20240301.0
            text = number[1]
        if _SLASHES.fullmatch(text):
            return date(*map(int, text.split("/"))).toordinal()
        if _MONTH.fullmatch(text):
            text += "-01"
        return datetime.fromisoformat(text).toordinal()
    except (ValueError, OverflowError):
        return None
