"""Parallel work on the texts of one call: threads take the next unit of texts from a common queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True)
class Timings:
    """Seconds spent in each stage of a call, summed over its texts, also over those processed at the same time.

    Attributes:
        tokenize: Splitting the texts into tokens and looking these up.
        infer: Running the graph.
    """

    tokenize: float = 0.0
    infer: float = 0.0

    def add(self, tokenize: float, infer: float) -> None:
        """Add the seconds of one or more texts; not safe from several threads at once."""
        self.tokenize += tokenize
        self.infer += infer


class ParallelUnits(Generic[Result]):
    """Units of texts and the function to apply to each; every thread that calls `run` takes its share of them.

    Attributes:
        results: The result of each unit that was processed, in any order.
        timings: The seconds that the function reported, summed over the threads.
    """

    def __init__(self, units: list[list[int]], process: Callable[[list[int], Timings], Result]) -> None:
        """Queue the units.

        Args:
            units: The indices of each unit's texts; the last unit is processed first.
            process: Processes one unit and adds the seconds it took.
        """
        self._queue = units
        self._process = process
        self._failed: int | None = None
        self._lock = threading.Lock()
        self.results: list[Result] = []
        self.timings = Timings()

    def run(self) -> None:
        """Process units until the queue is empty."""
        timings, results = Timings(), []  # this thread's
        try:
            while (unit := self._next()) is not None:
                results.append(self._process(unit, timings))
        except BaseException:  # Ctrl+C included: the call is over, and the other threads must not start on the rest
            with self._lock:
                self._queue.clear()
            raise
        with self._lock:
            self.results += results
            self.timings.add(timings.tokenize, timings.infer)

    def run_in_threads(self, pool: ThreadPoolExecutor | None, threads: int) -> None:
        """Process all units in at most `threads` threads: the calling one, and others of a pool."""
        helpers = min(threads, len(self._queue)) - 1
        futures = [pool.submit(self.run) for _ in range(helpers)] if pool else []
        self.run()  # the calling thread does its share: it cannot starve where the pool is busy with other calls
        for future in futures:
            if not future.cancel():
                future.result()

    def skip_after(self, index: int) -> None:
        """Skip the units that hold only texts after this one: the call will raise its error."""
        with self._lock:
            self._failed = index if self._failed is None else min(self._failed, index)

    def _next(self) -> list[int] | None:
        with self._lock:
            while self._queue:
                unit = self._queue.pop()
                if self._failed is None or min(unit) < self._failed:
                    return unit
        return None
