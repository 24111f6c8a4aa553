"""Share of positive reviews over time: counts by day, grouped into days, weeks, months or years for display."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sentiline.wilson import wilson

Unit = Literal["day", "week", "month", "year"]

# With more distinct days than this, counts are kept by month, so that memory stays bounded.
_MAX_DAYS = 4_000

# The longest span of days that is displayed in each unit; longer spans are displayed by year.
_SPANS: tuple[tuple[int, Unit], ...] = ((92, "day"), (731, "week"), (20 * 366, "month"))


@dataclass(frozen=True, slots=True)
class Period:
    """A day, a week that begins on Monday, a month or a year.

    Attributes:
        start: The first day of the period.
        count: The number of scored reviews in the period.
        positive: The share of these reviews with the label POSITIVE; None if there are none.
        low: The lower end of the 95 % interval of the share.
        high: The upper end of the interval.
    """

    start: date
    count: int
    positive: float | None
    low: float
    high: float


class Timeline:
    """Counts of reviews by day.

    Attributes:
        undated: The number of scored reviews without a date.
    """

    def __init__(self) -> None:
        self._days: dict[int, tuple[int, int]] = {}
        self._finest: Unit = "day"
        self.undated = 0

    def add(self, days: Iterable[int | None], positive: Iterable[bool]) -> None:
        """Count reviews.

        Args:
            days: The day of each review as `date.toordinal` returns it; None for a review without a date.
            positive: Whether the label of each review is POSITIVE.
        """
        for day, verdict in zip(days, positive, strict=True):
            if day is None:
                self.undated += 1
                continue
            self._count(day, 1, verdict)
        self._limit_days()

    def merge(self, other: Timeline) -> None:
        """Add the counts of another timeline."""
        self.undated += other.undated
        if other._finest == "month":
            self._group_by_month()
        for day, (count, positives) in other._days.items():
            self._count(day, count, positives)
        self._limit_days()

    def _limit_days(self) -> None:
        if len(self._days) > _MAX_DAYS and self._finest == "day":
            self._group_by_month()

    def _group_by_month(self) -> None:
        self._finest = "month"
        days, self._days = self._days, {}
        for day, (count, positives) in days.items():
            self._count(day, count, positives)

    def _count(self, day: int, count: int, positives: int) -> None:
        day = day if self._finest == "day" else _period_start(day, "month")
        before = self._days.get(day, (0, 0))
        self._days[day] = (before[0] + count, before[1] + positives)

    def periods(self) -> tuple[Unit, list[Period]]:
        """Return the unit and all periods from the first to the last date, including those without a review."""
        if not self._days:
            return self._finest, []
        first, last = min(self._days), max(self._days)
        unit: Unit = next((unit for span, unit in _SPANS if last - first <= span), "year")
        if self._finest == "month" and unit != "year":
            unit = "month"
        counts: dict[int, tuple[int, int]] = {}
        for day, (count, positives) in sorted(self._days.items()):
            before = counts.get(start := _period_start(day, unit), (0, 0))
            counts[start] = (before[0] + count, before[1] + positives)
        periods = []
        start = _period_start(first, unit)
        while start <= last:
            count, positives = counts.get(start, (0, 0))
            low, high = wilson(positives, count)
            share = positives / count if count else None
            periods.append(Period(date.fromordinal(start), count, share, low, high))
            start = _next_start(start, unit)
        return unit, periods

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return {"days": [[day, *counts] for day, counts in self._days.items()], "finest": self._finest,
                "undated": self.undated}  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Timeline:
        """Restore a timeline from `as_dict`."""
        timeline = cls()
        timeline._days = {day: (count, positives) for day, count, positives in values["days"]}
        timeline._finest = values["finest"]
        timeline.undated = values["undated"]
        return timeline


def _period_start(day: int, unit: Unit) -> int:
    if unit == "day":
        return day
    if unit == "week":
        return max(1, day - (day - 1) % 7)  # day 1 is a Monday
    one = date.fromordinal(day)
    return one.replace(day=1, month=1 if unit == "year" else one.month).toordinal()


def _next_start(start: int, unit: Unit) -> int:
    if unit in ("day", "week"):
        return start + (1 if unit == "day" else 7)
    one = date.fromordinal(start)
    months = one.year * 12 + one.month - 1 + (12 if unit == "year" else 1)
    return date(months // 12, months % 12 + 1, 1).toordinal() if months // 12 <= date.max.year else start + 366
