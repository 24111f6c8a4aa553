"""Parse the dates that files of reviews contain."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from sentiline.errors import OptionError

_SLASHES = re.compile(r"\d{4}/\d{1,2}/\d{1,2}")
_NUMBER = re.compile(r"(\d{8,13})(\.\d+)?", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}")


def parse_day(value: object, pattern: str | None = None) -> int | None:
    """Return the day of a value as a proleptic Gregorian ordinal, see `date.toordinal`.

    Without a pattern the following are dates: `date` and `datetime` objects, ISO 8601 (2024-03-01,
    2024-03-01T12:00:00Z, 20240301, 2024-03), 2024/3/1, and seconds (9 or 10 digits) or milliseconds (12 or 13 digits)
    since 1970, with or without a fraction. A time with a zone counts for the day in its own zone; seconds and
    milliseconds count for the day in UTC.

    Args:
        value: The value as the file contains it.
        pattern: A `datetime.strptime` pattern. If given, it is the only format accepted for strings and numbers.

    Returns:
        The ordinal, or None if the value is not a date.

    Example:
        >>> date.fromordinal(parse_day("2024/3/1")), parse_day("soon")
        (datetime.date(2024, 3, 1), None)
    """
    if isinstance(value, date):  # datetime is a subclass
        return value.toordinal()
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, float) and value.is_integer():  # integer columns with a missing value are read as floats
        value = int(value)
    return _parse(str(value).strip(), pattern)


def check_pattern(pattern: str | None) -> str | None:
    """Return the pattern if `parse_day` can parse dates that were formatted with it.

    Raises:
        OptionError: The pattern does not survive a round trip through `strftime` and `strptime`.
    """
    try:
        if pattern is not None:
            datetime.strptime(datetime(2024, 3, 1, tzinfo=UTC).strftime(pattern), pattern)
    except (ValueError, re.error) as error:
        raise OptionError(
            f"--date-format is {pattern!r}, which cannot parse a date: {error}; use a pattern such as %d.%m.%Y or "
            "%Y-%m-%d %H:%M",
            field="--date-format",
        ) from None
    return pattern


# Files repeat the same few thousand dates, and strptime is slow.
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
