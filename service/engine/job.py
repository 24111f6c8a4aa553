"""One request's texts on their way through the scheduler: each is read separately, and the last one ends the job."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sentiline.errors import InputError, OptionError

from ..errors import ServiceError
from ..outcome import Outcome, input_error
from ..settings import Settings
from ..telemetry.stage_times import StageTimes, TextTiming
from .admission import Admission, actual_cost, estimated_cost

if TYPE_CHECKING:
    from sentiline.bundle import Manifest
    from sentiline.cut_points import CutPoints
    from sentiline.predictor import Predictor
    from sentiline.tokenizer import Truncation

Result = TypeVar("Result")


class Task(ABC, Generic[Result]):
    """The texts of a request and how its answer is built from their outcomes.

    `render` and `finish` run in a thread of the engine and must not touch the event loop.

    Attributes:
        texts: The texts to score, at least one; items that are not strings are answered by an error.
        truncation: The policy for long texts; None for the model's own.
        spans: Whether `render` needs the character spans of the tokens.
        sentences: Whether `render` splits the text into sentences, which adds to its cost.
        neutral: The field of the request that asks for labels of three classes, for errors; None for two classes.
    """

    def __init__(
        self,
        texts: Sequence[Any],
        truncation: Truncation | None,
        *,
        spans: bool = False,
        sentences: bool = False,
        neutral: str | None = None,
    ) -> None:
        self.texts = texts
        self.truncation = truncation
        self.spans = spans
        self.sentences = sentences
        self.neutral = neutral

    def render(self, outcome: Outcome, index: int) -> Any:
        """Return one text's part of the answer, as soon as that text is read; None if it has no part of its own."""
        return None

    @abstractmethod
    def finish(self, manifest: Manifest, outcomes: list[Outcome], parts: list[Any]) -> Result:
        """Return the answer from the outcomes and the rendered parts, both in the order of the texts."""


class Job(Generic[Result]):
    """A task in the queue. Threads call `run_text` once per text; the event loop awaits `future`.

    Attributes:
        future: The result, or the error that prevented it.
        times: Filled in as the stages pass.
        dropped: Whether the request was abandoned, so that no further text is started.
        waiting: The indices of the texts that no thread has started, the shortest first; guarded by the scheduler's
            lock.
        costs: The cost of each text, in tokens.
    """

    __slots__ = (
        "_admission",
        "_cut_points",
        "_lock",
        "_loop",
        "_outcomes",
        "_parts",
        "_predictor",
        "_settings",
        "_task",
        "_unfinished",
        "costs",
        "dropped",
        "future",
        "times",
        "waiting",
    )

    def __init__(
        self,
        task: Task[Result],
        predictor: Predictor,
        settings: Settings,
        times: StageTimes,
        admission: Admission | None = None,
        costs: list[int] | None = None,
    ) -> None:
        """Make a job in a running event loop.

        Args:
            task: The texts, and how their answer is built.
            predictor: The model that reads them.
            settings: The service's settings.
            times: The request's times, to be filled in.
            admission: The request's share of the token budget; None for a probe.
            costs: The estimated cost of each text; None for a probe, which costs nothing and so overtakes all texts.

        Raises:
            ServiceError: 422 if the task asks for three classes and the model has no cut points.
        """
        count = len(task.texts)
        self._task = task
        self._predictor = predictor
        self._settings = settings
        self._admission = admission
        self._cut_points = None if task.neutral is None else _cut_points(predictor.manifest, task.neutral)
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._unfinished = count
        self._outcomes: list[Any] = [None] * count
        self._parts: list[Any] = [None] * count
        self.future: asyncio.Future[Result] = self._loop.create_future()
        self.times = times
        self.dropped = False
        self.costs = [0] * count if costs is None else costs
        self.waiting = list(range(count))
        if count > 1:  # longest first, so that no thread is left with a long text at the end while the others idle
            self.waiting.sort(key=self.costs.__getitem__)

    def run_text(self, index: int) -> None:
        """Read one text; after the last one build the answer. Raises nothing."""
        if self.dropped:
            return
        try:
            self._read(index)
            with self._lock:
                self._unfinished -= 1
                last = not self._unfinished
            if last:
                self.times.finishing = perf_counter()
                result = self._task.finish(self._predictor.manifest, self._outcomes, self._parts)
                self.times.finished = perf_counter()
                self._resolve(result, None)
        except BaseException as error:  # the thread must survive: it serves all requests
            self.dropped = True
            self._resolve(None, error)

    def _read(self, index: int) -> None:
        text, task, predictor = self._task.texts[index], self._task, self._predictor
        started = tokenized = inferred = perf_counter()
        tokens = 0
        outcome: Outcome | None = input_error(text, self._settings)
        if outcome is None:
            try:
                encoding = predictor.tokenizer.encode(text, truncation=task.truncation, spans=task.spans)
            except InputError as error:
                tokenized = inferred = perf_counter()
                outcome = error
            else:
                tokenized = perf_counter()
                tokens = encoding.tokens_used
                if self._admission is not None:
                    cost = actual_cost(len(text), tokens, sentences=task.sentences)
                    self._admission.adjust(cost - self.costs[index])
                outcome = predictor.infer(text, encoding)
                if self._cut_points is not None:
                    outcome = outcome.with_cut_points(self._cut_points)
                inferred = perf_counter()
        self._outcomes[index] = outcome
        self._parts[index] = task.render(outcome, index)
        self.times.texts.append(TextTiming(index, tokens, started, tokenized, inferred, perf_counter()))

    def _resolve(self, result: Result | None, error: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed, so nobody waits
            self._loop.call_soon_threadsafe(self._set_result, result, error)

    def _set_result(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


def _cut_points(manifest: Manifest, field: str) -> CutPoints:
    try:
        return manifest.require_cut_points()
    except OptionError as error:
        raise ServiceError(422, "invalid_input", str(error), field=field, model=manifest.name) from None


def estimated_costs(task: Task[Any], max_tokens: int, settings: Settings) -> list[int]:
    """Return the cost of each text before it is tokenized, in tokens; `max_tokens` is the model's limit."""
    costs = []
    for text in task.texts:
        characters = len(text) if isinstance(text, str) else 0
        if characters > settings.max_text_characters:
            characters = 0  # rejected unread, so it costs the minimum
        costs.append(estimated_cost(characters, max_tokens, sentences=task.sentences))
    return costs
