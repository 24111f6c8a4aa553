"""Terminal output of a run: its progress, and the summary at its end."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sentiline.formatting import format_clock
from sentiline.scoring.check import CheckResult
from sentiline.scoring.pipeline import Progress
from sentiline.scoring.scorer import FAULTS, WARNINGS
from sentiline.scoring.summary import BINS, Summary

LOG_SECONDS = 10.0  # between two lines where there is no terminal
_WIDTH = 40  # characters of the longest bar of the histogram


class Display:
    """Progress on standard error: a progress bar on a terminal, else a plain line every `LOG_SECONDS`."""

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
        """Show the progress of the run."""
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
    """Describe the progress in one line: rows, rows per second of this run, share of positive rows, errors."""
    summary = progress.summary
    rate = (summary.rows - progress.resumed) / max(seconds, 1e-3)
    return f"{summary.rows:,} rows, {rate:,.0f} rows/s, {_share(summary)} positive, {summary.failed:,} errors"


def describe_rest(progress: Progress, seconds: float) -> str:
    """Describe the share of the input that is done and the time left, to follow `describe` where there is no bar."""
    if not progress.total or not progress.done:
        return ""
    done = min(progress.done / progress.total, 1.0)
    rows = progress.summary.rows
    done_here = done * (rows - progress.resumed) / rows if rows else 0.0  # without what an interrupted run had done
    left = f", about {format_clock(seconds * (1.0 - done) / done_here)} left" if done_here else ""
    return f", {100 * done:.0f} % done{left}"


def show_summary(summary: Summary, output: str | Path, console: Console | None = None) -> None:
    """Print the counts of a run, with a histogram of P(positive)."""
    console = console or Console(highlight=False)
    lines = [
        f"{summary.rows - summary.skipped:,} rows written to {output}: {summary.scored:,} scored, {_share(summary)} of "
        f"them positive{_neutral_share(summary)}"
    ]
    if summary.skipped:
        lines.append(f"{summary.skipped:,} rows skipped because of their error")
    if summary.scored:
        read = ""
        if summary.tokens:
            read = f"{100 * summary.unknown / summary.tokens:.1f} % of the tokens unknown to the model"
        lines.append(f"{read}, {summary.truncated:,} texts truncated")
    if summary.judged:
        lines.append(f"{summary.uncertain:,} verdicts uncertain, {100 * summary.uncertain / summary.judged:.1f} %")
    for name, count in sorted(summary.faults.items()):
        lines.append(f"{count:,} with error {name}: {FAULTS[name]}")
    lines += _warnings(summary)
    if summary.scored:
        lines.append("P(positive)")
        largest = max(summary.histogram)
        for index, count in enumerate(summary.histogram):
            bar = "#" * round(_WIDTH * count / largest)
            lines.append(f"  {index / BINS:.1f}-{(index + 1) / BINS:.1f}  {bar:<{_WIDTH}} {count:,}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def show_check(result: CheckResult, output: str | Path, console: Console | None = None) -> None:
    """Print what a run would do, and the errors with which it would end."""
    console = console or Console(highlight=False)
    summary = result.summary
    lines = [
        f"{summary.rows:,} rows in {result.files:,} files ({result.size:,} bytes) would be scored into {output}",
        f"text column: {result.text_column or 'not found'}; columns carried: {', '.join(result.columns) or 'none'}",
        f"{summary.scored:,} rows can be scored",
    ]
    for name, count in sorted(summary.faults.items()):
        lines.append(f"{count:,} with error {name}: {FAULTS[name]}; the first: {result.first_faults[name]}")
    lines += _warnings(summary)
    lines += [f"a run would end with an error: {problem}" for problem in result.problems]
    for line in (*lines, "nothing was written"):
        console.print(line, markup=False, soft_wrap=True)


def _warnings(summary: Summary) -> list[str]:
    return [
        f"{count:,} with warning {name}: {WARNINGS[name]}; for example {summary.examples[name]}"
        for name, count in sorted(summary.warnings.items())
    ]


def _neutral_share(summary: Summary) -> str:
    return "" if summary.neutral is None else f" and {100 * summary.neutral / summary.scored:.1f} % neutral"


def _share(summary: Summary) -> str:
    return f"{100 * summary.positive / summary.scored:.1f} %" if summary.scored else "none"
