"""A short soak: random lengths, URLs, malformed bodies and hang-ups for some seconds; `make soak` runs a long one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.soak.footprint import MEGABYTE, Footprint
from tests.soak.soak import Report, soak

FOOTPRINT = Footprint(100 * MEGABYTE, 200 * MEGABYTE, 40, 20, 3, frozenset({"up", 'requests{status="200"}'}))
CALM = Report(FOOTPRINT, FOOTPRINT, {"/predict": 9}, 0, "ready")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_some_seconds_leave_nothing_behind(tmp_path: Path) -> None:
    """Every answer is compared with what the model says in this process: none is swapped, none is wrong."""
    report = soak(tmp_path, 9, warm_up=3, texts=60, longest=600)
    assert report.faults() == [], f"{report.before} became {report.after}"
    assert report.answered["/predict"] > report.refused


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"anonymous": 106 * MEGABYTE}, "allocated memory grew by 6.0 MB from 100.0 MB"),
        ({"descriptors": 41}, "descriptors grew from 40 to 41"),
        ({"threads": 25}, "threads grew from 20 to 25"),
        ({"processes": 2}, "3 processes became 2"),
        (
            {"series": FOOTPRINT.series | {'requests{route="/x1"}'}},
            """series came or went: ['requests{route="/x1"}']""",
        ),
        ({"series": frozenset({"up"})}, """series came or went: ['requests{status="200"}']"""),
    ],
)
def test_what_is_left_behind_is_found(change: dict[str, int], fault: str) -> None:
    assert CALM.faults() == []
    assert dataclasses.replace(CALM, after=dataclasses.replace(FOOTPRINT, **change)).faults() == [fault]  # type: ignore[arg-type]


def test_a_soak_that_did_nothing_or_broke_something_is_none() -> None:
    assert dataclasses.replace(CALM, answered={}).faults() == ["nothing was answered of: everything"]
    assert dataclasses.replace(CALM, answered={"/hf": 0}).faults() == ["nothing was answered of: /hf"]
    assert dataclasses.replace(CALM, log="Traceback (most …").faults() == ["the log has a traceback"]
