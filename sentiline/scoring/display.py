"""Shows on a terminal, or in a log, how far a run is, and sums it up at the end."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sentiline.formatting import format_clock
from sentiline.scoring.pipeline import Progress
from sentiline.scoring.scorer import FAULTS
from sentiline.scoring.summary import BINS, Tally

LOG_SECONDS = 10.0
"""Between two lines where there is no terminal."""

_WIDTH = 40


class Display:
    """Progress on standard error: a moving line on a terminal, else a plain line every `LOG_SECONDS`."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._bar: Bar | None = None
        if self._console.is_terminal:
            self._bar = Bar(
                BarColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
        self._task: TaskID | None = None
        self._started = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show how far the run is."""
        now = time.monotonic()
        line = describe(progress, now - self._started)
        if self._bar:
            total = progress.total or None
            if self._task is None:
                self._task = self._bar.add_task(line, total=total)
            self._bar.update(self._task, completed=progress.done, total=total, description=line)
        elif now - self._shown >= LOG_SECONDS:
            self._shown = now
            self._console.print(line + describe_rest(progress, now - self._started), markup=False, soft_wrap=True)


def describe(progress: Progress, seconds: float) -> str:
    """One line: rows, rows a second of this run, share of positive ones, rows with errors."""
    tally = progress.tally
    rate = (tally.rows - progress.resumed) / max(seconds, 1e-3)
    return f"{tally.rows:,} rows, {rate:,.0f} rows/s, {_share(tally)} positive, {tally.failed:,} errors"


def describe_rest(progress: Progress, seconds: float) -> str:
    """What follows that line where there is no bar: share of the input done, and how long the rest will take."""
    if not progress.total or not progress.done:
        return ""
    done = min(progress.done / progress.total, 1.0)
    rows = progress.tally.rows
    fresh = done * (rows - progress.resumed) / rows if rows else 0.0  # done in this run
    left = f", about {format_clock(seconds * (1.0 - done) / fresh)} left" if fresh else ""
    return f", {100 * done:.0f} % done{left}"


def show_summary(tally: Tally, output: str | Path, console: Console | None = None) -> None:
    """Print the counts of a run, with a histogram of P(positive)."""
    console = console or Console(highlight=False)
    lines = [f"{tally.rows:,} rows written to {output}: {tally.scored:,} scored, {_share(tally)} of them positive"]
    if tally.scored:
        read = f"{100 * tally.unknown / tally.tokens:.1f} % of the tokens unknown to the model" if tally.tokens else ""
        lines.append(f"{read}, {tally.truncated:,} texts truncated")
    if tally.judged:
        lines.append(f"{tally.uncertain:,} verdicts uncertain, {100 * tally.uncertain / tally.judged:.1f} %")
    for name, count in sorted(tally.faults.items()):
        lines.append(f"{count:,} with error {name}: {FAULTS[name]}")
    if tally.scored:
        lines.append("P(positive)")
        largest = max(tally.histogram)
        for index, count in enumerate(tally.histogram):
            bar = "#" * round(_WIDTH * count / largest)
            lines.append(f"  {index / BINS:.1f}-{(index + 1) / BINS:.1f}  {bar:<{_WIDTH}} {count:,}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _share(tally: Tally) -> str:
    return f"{100 * tally.positive / tally.scored:.1f} %" if tally.scored else "none"
