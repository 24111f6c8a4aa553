"""Periods of a timeline: unit, first day, counts, and a bounded number of days."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, timedelta

import pytest

from sentiline.reporting.timeline import Timeline
from sentiline.wilson import wilson


def days(first: date, count: int, seed: int = 0) -> list[date]:
    rng = random.Random(seed)
    found = [first + timedelta(days=rng.randrange(count)) for _ in range(400)]
    return [first, *found, first + timedelta(days=count - 1)]


@pytest.mark.parametrize(
    ("span", "unit", "start"),
    [
        (1, "day", lambda day: day),
        (90, "day", lambda day: day),
        (94, "week", lambda day: day - timedelta(days=day.weekday())),
        (700, "week", lambda day: day - timedelta(days=day.weekday())),
        (800, "month", lambda day: day.replace(day=1)),
        (9_000, "year", lambda day: day.replace(month=1, day=1)),
    ],
)
def test_the_unit_follows_the_span_and_no_review_is_lost(span: int, unit: str, start: object) -> None:
    assert callable(start)
    found = days(date(2019, 12, 30), span)
    verdicts = [index % 3 > 0 for index in range(len(found))]
    timeline = Timeline()
    for begin in range(0, len(found), 100):
        timeline.add([day.toordinal() for day in found[begin : begin + 100]], verdicts[begin : begin + 100])
    timeline.add([None], [True])
    counts: Counter[date] = Counter(start(day) for day in found)
    positives: Counter[date] = Counter(start(day) for day, verdict in zip(found, verdicts, strict=True) if verdict)
    chosen, periods = timeline.periods()
    assert chosen == unit
    assert {one.start: one.count for one in periods if one.count} == counts
    for one in periods:
        if one.count:
            assert one.positive == positives[one.start] / one.count
            assert (one.low, one.high) == wilson(positives[one.start], one.count)
        else:
            assert one.positive is None
    starts = [one.start for one in periods]
    assert starts == sorted(set(starts))
    assert {start(day) for day in (found[0] + timedelta(days=n) for n in range(span))} == set(starts)  # no gap
    assert timeline.undated == 1
    again = Timeline.from_dict(json.loads(json.dumps(timeline.as_dict())))
    assert again.periods() == timeline.periods()
    assert again.undated == 1


def test_many_distinct_days_are_grouped_by_month() -> None:
    found = [date(2000, 1, 15) + timedelta(days=n) for n in range(5_000)]
    timeline = Timeline()
    for begin in range(0, 5_000, 500):
        part = found[begin : begin + 500]
        timeline.add([day.toordinal() for day in part], [day.day == 1 for day in part])
    assert len(timeline.as_dict()["days"]) < 200
    unit, periods = timeline.periods()
    assert unit == "month"
    assert sum(one.count for one in periods) == 5_000
    assert {one.count for one in periods[1:-1]} <= {28, 29, 30, 31}
    assert periods[1].positive == pytest.approx(1 / 29)


def test_the_first_and_last_days_of_the_calendar_have_periods() -> None:
    timeline = Timeline()
    timeline.add([date.min.toordinal(), date.max.toordinal()], [True, False])
    unit, periods = timeline.periods()
    assert unit == "year"
    assert (len(periods), periods[0].count, periods[-1].count) == (9_999, 1, 1)
    short = Timeline()
    short.add([date(9999, 12, 1).toordinal(), date.max.toordinal()], [True, False])
    assert [one.start for one in short.periods()[1]][-1] == date.max
    weekly = Timeline()
    weekly.add([date(1, 1, 2).toordinal(), date(1, 6, 1).toordinal()], [True, False])
    assert weekly.periods()[1][0].start == date.min
    assert Timeline().periods() == ("day", [])
