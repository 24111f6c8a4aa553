"""The texts of one call, shared out among the threads that run it; knows nothing of models."""

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
    """Seconds of one call, summed over its texts: of texts read side by side each counts in full.

    Attributes:
        tokenize: splitting the texts into tokens and looking those up.
        infer: running the graph.
    """

    tokenize: float = 0.0
    infer: float = 0.0

    def add(self, tokenize: float, infer: float) -> None:
        """Add the seconds of one or more texts; not safe from several threads at once."""
        self.tokenize += tokenize
        self.infer += infer


class ParallelMap(Generic[Read, Result]):
    """Texts to read; every thread that calls `run` takes its share.

    Attributes:
        timings: what reading took, summed over the threads.
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
        """Make a list of things to do.

        Args:
            texts: what to read, of any type.
            read: reads one of them and adds what that took; it may raise an `InputError`.
            function: called with what was read, in the same thread.
            field: what errors call the list.
            stop: whether `results` raises the first text's error, so that those after it need not be read.
        """
        self._texts = texts
        self._read = read
        self._function = function
        self._field = field
        self._stop = stop
        self._results: list[Result | InputError | None] = [None] * len(texts)
        self._failed = len(texts)  # least index of a text with an error
        # longest first: no long text is left to one thread at the end while the others idle
        lengths = [len(text) if isinstance(text, str) else 0 for text in texts]
        self._queue = sorted(range(len(texts)), key=lengths.__getitem__)
        self._lock = threading.Lock()
        self.timings = Timings()

    def run(self) -> None:
        """Read texts until none is left."""
        timings = Timings()  # this thread's
        try:
            while (index := self._next()) is not None:
                if self._stop and index > self._failed:
                    continue  # the call will raise the error of an earlier text
                try:
                    reading = self._read(self._texts[index], timings)
                except InputError as error:
                    self._fail(index, error)
                else:
                    self._results[index] = self._function(reading)
        except BaseException:  # Ctrl-C included: nobody wants the rest any more
            with self._lock:
                self._queue.clear()
            raise
        with self._lock:
            self.timings.add(timings.tokenize, timings.infer)

    def results(self) -> list[Result | InputError]:
        """What became of each text, in their order; if the call is to stop, raises the first error."""
        if self._stop and self._failed < len(self._texts):
            raise cast("InputError", self._results[self._failed])
        return cast("list[Result | InputError]", self._results)

    def _next(self) -> int | None:
        with self._lock:
            return self._queue.pop() if self._queue else None

    def _fail(self, index: int, error: InputError) -> None:
        name = f"{self._field}[{index}]"
        named = type(error)(f"{name}: {error}", field=name)
        vars(named).update(vars(error) | {"field": name})  # its limit, if it has one
        self._results[index] = named
        with self._lock:
            self._failed = min(self._failed, index)
