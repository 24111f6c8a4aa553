"""A parallel map over the texts of one call, whose threads take the next text from a common queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sentiline.errors import InputError

Read = TypeVar("Read")
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


class ParallelMap(Generic[Read, Result]):
    """Texts and the two functions to apply to each; every thread that calls `run` takes its share of them.

    Attributes:
        timings: The seconds that `read` took, summed over the threads.
    """

    def __init__(
        self,
        texts: Sequence[Any],
        read: Callable[[Any, Timings], Read],
        function: Callable[[Read], Result],
        field: str,
        *,
        stop: bool,
    ) -> None:
        """Queue the texts, the longest first.

        Args:
            texts: The texts; items of another type are passed to `read`, which refuses them.
            read: Processes one text and adds the seconds it took; may raise an `InputError`.
            function: Called with the result of `read`, in the same thread.
            field: The name of the list in error messages.
            stop: Whether `results` raises the first text's error, so that the texts after it can be skipped.
        """
        self._texts = texts
        self._read = read
        self._function = function
        self._field = field
        self._stop = stop
        self._results: list[Result | InputError | None] = [None] * len(texts)
        self._failed = len(texts)  # the lowest index of a text with an error
        # longest first, so that no thread is left with a long text at the end while the others are idle
        lengths = [len(text) if isinstance(text, str) else 0 for text in texts]
        self._queue = sorted(range(len(texts)), key=lengths.__getitem__)
        self._lock = threading.Lock()
        self.timings = Timings()

    def run(self) -> None:
        """Process texts until the queue is empty."""
        timings = Timings()  # this thread's
        try:
            while (index := self._next()) is not None:
                if self._stop and index > self._failed:
                    continue  # the call will raise an earlier text's error
                try:
                    reading = self._read(self._texts[index], timings)
                except InputError as error:
                    self._fail(index, error)
                else:
                    self._results[index] = self._function(reading)
        except BaseException:  # Ctrl+C included: the call is over, and the other threads must not start on the rest
            with self._lock:
                self._queue.clear()
            raise
        with self._lock:
            self.timings.add(timings.tokenize, timings.infer)

    def results(self) -> list[Result | InputError]:
        """Return the result or error of each text, in order; with `stop`, raise the first error instead."""
        if self._stop and self._failed < len(self._texts):
            raise cast("InputError", self._results[self._failed])
        return cast("list[Result | InputError]", self._results)

    def _next(self) -> int | None:
        with self._lock:
            return self._queue.pop() if self._queue else None

    def _fail(self, index: int, error: InputError) -> None:
        name = f"{self._field}[{index}]"
        named = type(error)(f"{name}: {error}", field=name)
        vars(named).update(vars(error) | {"field": name})  # the limit, where the error has one
        self._results[index] = named
        with self._lock:
            self._failed = min(self._failed, index)
