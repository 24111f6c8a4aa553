"""Dates as files write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from sentiline.errors import OptionError
from sentiline.reporting.dates import check_pattern, day_of


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
def test_dates(value: object, expected: date) -> None:
    found = day_of(value)
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
def test_what_is_no_date(value: Any) -> None:
    assert day_of(value) is None


def test_a_pattern_alone_decides() -> None:
    assert day_of(20240304.0, "%Y%m%d") == date(2024, 3, 4).toordinal()
    assert day_of("4.3.2024", "%d.%m.%Y") == date(2024, 3, 4).toordinal()
    assert day_of("2024-03-04", "%d.%m.%Y") is None
    assert day_of("03/04/2024", "%m/%d/%Y") == date(2024, 3, 4).toordinal()


@pytest.mark.parametrize(
    "pattern",
    ["%d.%m.%Y", "%Y-%m-%dT%H:%M:%S%z", "%b %d, %Y", "%Z %Y", "%G-W%V-%u", "%I:%M %p %d/%m/%y", "%j/%Y", None],
)
def test_patterns_that_read_what_they_write(pattern: str | None) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["%Q", "%", "%e", "%s", "%Y%Y", "%Y\0"])
def test_patterns_that_read_no_date(pattern: str) -> None:
    with pytest.raises(OptionError, match=r"which reads no date: .*; write one as") as caught:
        check_pattern(pattern)
    assert caught.value.field == "--date-format"
