"""One request's texts on their way through the queue: each is read by itself, the last one finishes the answer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sentiline.errors import InputError

from ..outcome import Outcome, refusal
from ..settings import Settings
from ..telemetry.stage_times import Mark, Times
from .admission import Charge, estimate, exact

if TYPE_CHECKING:
    from sentiline.bundle import Manifest
    from sentiline.predictor import Predictor
    from sentiline.tokenizer import Truncation

Result = TypeVar("Result")


def _nothing(outcome: Outcome, index: int) -> None:
    """The part that a text has in an answer that is made from the outcomes alone."""


@dataclass(frozen=True, slots=True)
class Task(Generic[Result]):
    """What a request wants done.

    Attributes:
        texts: what to score, at least one; what is no string is answered by an error.
        truncation: policy for long texts; None for the model's own.
        finish: makes the answer from the outcomes and the parts, both in the order of the texts. It runs in a thread
            of the engine, as `render` does, and must not touch the event loop.
        render: makes a text's part of the answer, as soon as that text is read.
        spans: whether `render` asks for the spans of tokens.
        sentences: whether it splits the text into sentences, which counts.
    """

    texts: Sequence[Any]
    truncation: Truncation | None
    finish: Callable[[Manifest, list[Outcome], list[Any]], Result]
    render: Callable[[Outcome, int], Any] = _nothing
    spans: bool = field(default=False, kw_only=True)
    sentences: bool = field(default=False, kw_only=True)


class Job(Generic[Result]):
    """A task in the queue. Threads call `step` for one text after the other; the event loop awaits `future`.

    Attributes:
        future: the result, or why there is none.
        times: filled in as the stages pass.
        dropped: nobody waits any more: no further text is begun.
        waiting: places of the texts that no thread has begun, the shortest first; guarded by the queue's lock.
        costs: what each text counts, in tokens.
    """

    __slots__ = (
        "_charge",
        "_left",
        "_lock",
        "_loop",
        "_outcomes",
        "_parts",
        "_predictor",
        "_settings",
        "_task",
        "costs",
        "dropped",
        "future",
        "times",
        "waiting",
    )

    def __init__(
        self, task: Task[Result], predictor: Predictor, settings: Settings, times: Times, charge: Charge | None
    ) -> None:
        """Make a job in a running event loop.

        `charge` is what admission counted for it; None for a probe, which costs nothing and so passes what waits.
        """
        count = len(task.texts)
        limit = predictor.tokenizer.max_tokens
        self._task = task
        self._predictor = predictor
        self._settings = settings
        self._charge = charge
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._left = count
        self._outcomes: list[Any] = [None] * count
        self._parts: list[Any] = [None] * count
        self.future: asyncio.Future[Result] = self._loop.create_future()
        self.times = times
        self.dropped = False
        self.costs = [0] * count
        if charge is not None:
            self.costs = [cost(text, limit, settings, sentences=task.sentences) for text in task.texts]
        self.waiting = list(range(count))
        if count > 1:  # longest first: no long text is left to one thread at the end while the others idle
            self.waiting.sort(key=self.costs.__getitem__)

    def step(self, index: int) -> None:
        """Read one text; after the last one make the answer. Raises nothing."""
        if self.dropped:
            return
        try:
            self._read(index)
            with self._lock:
                self._left -= 1
                last = not self._left
            if last:
                self.times.finishing = perf_counter()
                result = self._task.finish(self._predictor.manifest, self._outcomes, self._parts)
                self.times.finished = perf_counter()
                self._deliver(result, None)
        except BaseException as error:  # the thread goes on: it belongs to all requests
            self.dropped = True
            self._deliver(None, error)

    def _read(self, index: int) -> None:
        text, task, predictor = self._task.texts[index], self._task, self._predictor
        begun = tokenized = inferred = perf_counter()
        tokens = 0
        outcome: Outcome | None = refusal(text, self._settings)
        if outcome is None:
            try:
                encoding = predictor.tokenizer.encode(text, truncation=task.truncation, spans=task.spans)
            except InputError as error:
                tokenized = inferred = perf_counter()
                outcome = error
            else:
                tokenized = perf_counter()
                tokens = encoding.tokens_used
                if self._charge is not None:
                    found = exact(len(text), tokens, sentences=task.sentences)
                    self._charge.correct(found - self.costs[index])
                outcome = predictor.infer(text, encoding)
                inferred = perf_counter()
        self._outcomes[index] = outcome
        self._parts[index] = task.render(outcome, index)
        self.times.marks.append(Mark(index, tokens, begun, tokenized, inferred, perf_counter()))

    def _deliver(self, result: Result | None, error: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


def cost(text: Any, max_tokens: int, settings: Settings, *, sentences: bool = False) -> int:
    """What one text counts before it is tokenized, in tokens; one that will be refused unread counts the least."""
    length = len(text) if isinstance(text, str) else 0
    return estimate(0 if length > settings.max_text_characters else length, max_tokens, sentences=sentences)
