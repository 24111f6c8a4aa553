"""How positive reviews were from day to day: counts by day, gathered into days, weeks, months or years to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sentiline.wilson import wilson

Unit = Literal["day", "week", "month", "year"]

_DAYS = 4_000
"""Distinct days after which days are gathered into months: what is kept does not grow with the rows."""

_SPANS: tuple[tuple[int, Unit], ...] = ((92, "day"), (731, "week"), (20 * 366, "month"))
"""Up to so many days from first to last each gets its point; a week begins on Monday."""


@dataclass(frozen=True, slots=True)
class Period:
    """A day, week, month or year.

    Attributes:
        start: its first day.
        count: reviews scored in it.
        positive: share of them with the label POSITIVE; None if there are none.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    start: date
    count: int
    positive: float | None
    low: float
    high: float


class Timeline:
    """Counts of reviews by day.

    Attributes:
        undated: scored reviews that have no date.
    """

    def __init__(self) -> None:
        self._days: dict[int, tuple[int, int]] = {}
        self._finest: Unit = "day"
        self.undated = 0

    def add(self, days: Iterable[int | None], positive: Iterable[bool]) -> None:
        """Count reviews.

        Args:
            days: of each its day, as `date.toordinal` counts; None if it has none.
            positive: whether its label is POSITIVE.
        """
        for day, verdict in zip(days, positive, strict=True):
            if day is None:
                self.undated += 1
                continue
            self._count(day, 1, verdict)
        self._bound()

    def join(self, other: Timeline) -> None:
        """Count the reviews of another timeline."""
        self.undated += other.undated
        if other._finest == "month":
            self._coarsen()
        for day, (count, positives) in other._days.items():
            self._count(day, count, positives)
        self._bound()

    def _bound(self) -> None:
        if len(self._days) > _DAYS and self._finest == "day":
            self._coarsen()

    def _coarsen(self) -> None:
        self._finest = "month"
        days, self._days = self._days, {}
        for day, (count, positives) in days.items():
            self._count(day, count, positives)

    def _count(self, day: int, count: int, positives: int) -> None:
        day = day if self._finest == "day" else _start(day, "month")
        before = self._days.get(day, (0, 0))
        self._days[day] = (before[0] + count, before[1] + positives)

    def periods(self) -> tuple[Unit, list[Period]]:
        """The periods from the first to the last date, those without a review too, and how long each is."""
        if not self._days:
            return self._finest, []
        first, last = min(self._days), max(self._days)
        unit: Unit = next((unit for span, unit in _SPANS if last - first <= span), "year")
        if self._finest == "month" and unit != "year":
            unit = "month"
        counts: dict[int, tuple[int, int]] = {}
        for day, (count, positives) in sorted(self._days.items()):
            before = counts.get(start := _start(day, unit), (0, 0))
            counts[start] = (before[0] + count, before[1] + positives)
        periods = []
        start = _start(first, unit)
        while start <= last:
            count, positives = counts.get(start, (0, 0))
            low, high = wilson(positives, count)
            share = positives / count if count else None
            periods.append(Period(date.fromordinal(start), count, share, low, high))
            start = _next(start, unit)
        return unit, periods

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain values."""
        return {"days": [[day, *counts] for day, counts in self._days.items()], "finest": self._finest,
                "undated": self.undated}  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Timeline:
        """The timeline that `as_dict` gave."""
        timeline = cls()
        timeline._days = {day: (count, positives) for day, count, positives in values["days"]}
        timeline._finest = values["finest"]
        timeline.undated = values["undated"]
        return timeline


def _start(day: int, unit: Unit) -> int:
    if unit == "day":
        return day
    if unit == "week":
        return max(1, day - (day - 1) % 7)  # day 1 is a Monday
    one = date.fromordinal(day)
    return one.replace(day=1, month=1 if unit == "year" else one.month).toordinal()


def _next(start: int, unit: Unit) -> int:
    if unit in ("day", "week"):
        return start + (1 if unit == "day" else 7)
    one = date.fromordinal(start)
    months = one.year * 12 + one.month - 1 + (12 if unit == "year" else 1)
    return date(months // 12, months % 12 + 1, 1).toordinal() if months // 12 <= date.max.year else start + 366
