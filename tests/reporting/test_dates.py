"""Dates in the formats that files contain."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from sentiline.errors import OptionError
from sentiline.reporting.dates import check_pattern, parse_day


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-03-01", date(2024, 3, 1)),
        (" 2024-03-01 ", date(2024, 3, 1)),
        ("2024-03-01T23:59:59Z", date(2024, 3, 1)),
        ("2024-03-01 10:20:30.5+02:00", date(2024, 3, 1)),
        ("20240301", date(2024, 3, 1)),
        (20240301, date(2024, 3, 1)),
        ("2024-03", date(2024, 3, 1)),
        ("2024/3/1", date(2024, 3, 1)),
        (date(2024, 3, 1), date(2024, 3, 1)),
        (datetime(2024, 3, 1, 23, 0, tzinfo=timezone(timedelta(hours=-5))), date(2024, 3, 1)),
        (1_709_294_400, date(2024, 3, 1)),
        ("1709294400", date(2024, 3, 1)),
        (1_709_294_400.0, date(2024, 3, 1)),
        (1_709_294_400.5, date(2024, 3, 1)),
        ("1709294400.5", date(2024, 3, 1)),
        (1_709_294_400_123.0, date(2024, 3, 1)),
        (Decimal("1709294400.00"), date(2024, 3, 1)),
        (20240301.0, date(2024, 3, 1)),
        ("20240301.0", date(2024, 3, 1)),
        (1_709_294_400_123, date(2024, 3, 1)),
        (int(datetime(1990, 5, 6, tzinfo=UTC).timestamp()), date(1990, 5, 6)),
    ],
)
def test_known_formats_are_parsed(value: object, expected: date) -> None:
    found = parse_day(value)
    assert found is not None
    assert date.fromordinal(found) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "03/04/2024",
        "2024-02-30",
        "2024",
        2024,
        5,
        None,
        True,
        1.7e3,
        20240301.5,
        float("nan"),
        float("inf"),
        b"2024",
        [1],
    ],
)
def test_other_values_are_not_dates(value: Any) -> None:
    assert parse_day(value) is None


def test_with_a_pattern_no_other_format_is_parsed() -> None:
    assert parse_day(20240304.0, "%Y%m%d") == date(2024, 3, 4).toordinal()
    assert parse_day("4.3.2024", "%d.%m.%Y") == date(2024, 3, 4).toordinal()
    assert parse_day("2024-03-04", "%d.%m.%Y") is None
    assert parse_day("03/04/2024", "%m/%d/%Y") == date(2024, 3, 4).toordinal()


@pytest.mark.parametrize(
    "pattern",
    ["%d.%m.%Y", "%Y-%m-%dT%H:%M:%S%z", "%b %d, %Y", "%Z %Y", "%G-W%V-%u", "%I:%M %p %d/%m/%y", "%j/%Y", None],
)
def test_usable_patterns_are_accepted(pattern: str | None) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["%Q", "%", "%e", "%s", "%Y%Y", "%Y\0"])
def test_unusable_patterns_are_rejected(pattern: str) -> None:
    with pytest.raises(OptionError, match=r"which cannot parse a date: .*; use a pattern such as") as caught:
        check_pattern(pattern)
    assert caught.value.field == "--date-format"
