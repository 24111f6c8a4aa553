"""Percentages and durations as text."""

from __future__ import annotations

import pytest

from sentiline.formatting import format_clock, format_duration, format_percent, format_probability


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.5, "50.0 %"), (0.97312, "97.3 %"), (0.99999, "> 99.9 %"), (1.0, "> 99.9 %"), (0.0, "0.0 %")],
)
def test_probabilities_are_never_rounded_up_to_certainty(probability: float, text: str) -> None:
    assert format_probability(probability) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "\u2013"), (0.0, "0.0 %"), (0.0004, "< 0.1 %"), (0.5, "50.0 %"), (0.9999, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_shares_are_never_rounded_to_none_or_all(share: float | None, text: str) -> None:
    assert format_percent(share) == text


def test_percentages_have_the_digits_asked_for() -> None:
    assert [format_percent(0.99999, digits) for digits in (1, 2)] == ["> 99.9 %", "> 99.99 %"]


@pytest.mark.parametrize(
    ("seconds", "text", "clock"),
    [
        (0.04, "0.0 s", "0:00:00"),
        (59.94, "59.9 s", "0:01:00"),
        (754, "12 min 34 s", "0:12:34"),
        (7500, "2 h 5 min", "2:05:00"),
    ],
)
def test_durations_are_formatted_for_people_and_as_a_clock(seconds: float, text: str, clock: str) -> None:
    assert (format_duration(seconds), format_clock(seconds)) == (text, clock)
