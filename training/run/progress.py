"""Progress of a run: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_PLAIN_SECONDS = 30.0


class FitProgress:
    """Shows stages, epochs and live metrics. As a context manager it removes the bar at the end."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self.console = console or Console(quiet=quiet, stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[metrics]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._epoch, self._unit = "", "reviews"
        self._reviews = 0
        self._done = 0
        self._started = self._printed = 0.0

    def __enter__(self) -> FitProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show what is being done, and then how long it took."""
        started = time.monotonic()
        with self.console.status(name):
            yield
        self.note(f"{name}: {time.monotonic() - started:.1f} s")

    def note(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.console.print(f"warning: {text}", style="bold red", highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def count(self, name: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        """Show a counter of units; yields the function that advances it by a number of units."""
        started = printed = time.monotonic()
        task = self._bar.add_task(name, total=total, metrics="")
        done = 0

        def advance(units: int) -> None:
            nonlocal done, printed
            done += units
            self._bar.update(task, advance=units)
            if not self.console.is_terminal and time.monotonic() - printed > _PLAIN_SECONDS:
                printed = time.monotonic()
                self.note(f"{name}  {done:,}/{total:,} {unit}")

        if self.console.is_terminal:
            self._bar.start()
        yield advance
        self._bar.remove_task(task)
        self.note(f"{name}: {total:,} {unit}, {time.monotonic() - started:.1f} s")

    def epoch(self, number: int, total: int, reviews: int, *, done: int = 0, unit: str = "reviews") -> None:
        """Begin an epoch of `reviews` reviews (or other units), of which `done` are done."""
        self._epoch, self._reviews, self._done, self._unit = f"{number}/{total}", reviews, done, unit
        self._started = self._printed = time.monotonic()
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(f"epoch {self._epoch}", total=reviews, completed=done, metrics="")
        if self.console.is_terminal:
            self._bar.start()

    def advance(self, reviews: int, *, loss: float, accuracy: float | None = None) -> None:
        """Count reviews that were trained on; loss and accuracy are the means of the epoch so far."""
        self._done += reviews
        now = time.monotonic()
        metrics = f"loss {loss:.4f}" + ("" if accuracy is None else f"  accuracy {accuracy:.4f}")
        if self._task is not None:
            self._bar.update(self._task, advance=reviews, metrics=metrics)
        if not self.console.is_terminal and now - self._printed > _PLAIN_SECONDS:
            self._printed = now
            self.note(f"epoch {self._epoch}  {self._done:,}/{self._reviews:,} {self._unit}  {metrics}")

    def epoch_end(self, metrics: Mapping[str, Any]) -> None:
        """Print the line of an epoch (at most 80 columns): loss and accuracy in training, then in validation."""
        self.note(
            f"epoch {self._epoch}  loss {metrics['loss']:.4f}  accuracy {metrics['accuracy']:.4f}  "
            f"validation {metrics['validation_loss']:.4f}, {metrics['validation_accuracy']:.4f}  "
            f"{metrics['seconds']:.0f} s"
        )
