"""Progress bar of an evaluation."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """A progress bar on standard error; it is hidden if standard error is not a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True, highlight=False)
        columns = (BarColumn(), TextColumn("{task.description}"), TextColumn("left"), TimeRemainingColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("reading labels", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, rows: int, done: int, total: int) -> None:
        """Update the bar.

        Args:
            rows: The number of rows read so far.
            done: The number of bytes read so far.
            total: The number of bytes of all files; 0 if unknown.
        """
        self._bar.update(self._task, completed=done, total=total or None, description=f"{rows:,} rows")
