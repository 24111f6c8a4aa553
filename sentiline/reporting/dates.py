"""Reads the date of a row, as files write them; knows no rows."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from sentiline.errors import OptionError

_SLASHES = re.compile(r"\d{4}/\d{1,2}/\d{1,2}")
_NUMBER = re.compile(r"\d{8,13}", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}")


def day_of(value: object, pattern: str | None = None) -> int | None:
    """The day of a value, as `date.toordinal` counts.

    Without a pattern these are dates: dates and times as such, ISO 8601 (2024-03-01, 2024-03-01T12:00:00Z, 20240301,
    2024-03), 2024/3/1, and seconds (9 or 10 digits) or milliseconds (12 or 13) since 1970. A time with a zone counts
    on the day that it has there; seconds on that of UTC.

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
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
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
        if _NUMBER.fullmatch(text) and len(text) in (9, 10, 12, 13):
            return datetime.fromtimestamp(int(text) / (1000 if len(text) > 10 else 1), UTC).toordinal()
        if _SLASHES.fullmatch(text):
            return date(*map(int, text.split("/"))).toordinal()
        if _MONTH.fullmatch(text):
            text += "-01"
        return datetime.fromisoformat(text).toordinal()
    except (ValueError, OverflowError):
        return None
