"""One request's texts on their way through the scheduler, which may mix them with others; the last one ends the job."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

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
    from sentiline.tokenizer import Encoding, Truncation

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


class _TokenizedText(NamedTuple):
    """One text of a job on its way through the model.

    Attributes:
        job: The job.
        place: The index of the text in the job's task.
        text: The raw text.
        encoding: Its tokens; None if it cannot be read.
        error: The reason why it cannot be read; None if it can.
        started: When a thread took it, in seconds of `time.perf_counter`.
        tokenized: When it had been split into tokens.
    """

    job: Job[Any]
    place: int
    text: Any
    encoding: Encoding | None
    error: InputError | None
    started: float
    tokenized: float


class Job(Generic[Result]):
    """A task in the queue. Threads pass each of its texts to `run_texts`; the event loop awaits `future`.

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

    @property
    def predictor(self) -> Predictor:
        """The model that reads the texts."""
        return self._predictor

    def tokenize(self, index: int) -> _TokenizedText | None:
        """Tokenize one text; None if the request was abandoned. Raises nothing."""
        if self.dropped:
            return None
        try:
            return self._tokenize(index)
        except BaseException as error:
            self.fail(error)
            return None

    def _tokenize(self, index: int) -> _TokenizedText:
        text, task = self._task.texts[index], self._task
        started = perf_counter()
        outcome = input_error(text, self._settings)
        if outcome is not None:
            return _TokenizedText(self, index, text, None, outcome, started, started)
        try:
            encoding = self._predictor.tokenizer.encode(text, truncation=task.truncation, spans=task.spans)
        except InputError as error:
            return _TokenizedText(self, index, text, None, error, started, perf_counter())
        tokenized = perf_counter()
        if self._admission is not None:
            cost = actual_cost(len(text), encoding.tokens_used, sentences=task.sentences)
            self._admission.adjust(cost - self.costs[index])
        return _TokenizedText(self, index, text, encoding, None, started, tokenized)

    def complete(self, text: _TokenizedText, outcome: Outcome, inferred: float) -> None:
        """Render one text; after the last one build the answer. Raises nothing.

        Args:
            text: The text.
            outcome: Its reading or its error.
            inferred: When the model had read it, or would have without its neighbours in the batch.
        """
        if self.dropped:
            return
        try:
            rendering = perf_counter()
            if self._cut_points is not None and not isinstance(outcome, InputError):
                outcome = outcome.with_cut_points(self._cut_points)
            self._outcomes[text.place] = outcome
            self._parts[text.place] = self._task.render(outcome, text.place)
            tokens = text.encoding.tokens_used if text.encoding else 0
            rendered = inferred + perf_counter() - rendering
            self.times.texts.append(TextTiming(text.place, tokens, text.started, text.tokenized, inferred, rendered))
            with self._lock:
                self._unfinished -= 1
                last = not self._unfinished
            if last:
                self.times.finishing = perf_counter()
                result = self._task.finish(self._predictor.manifest, self._outcomes, self._parts)
                self.times.finished = perf_counter()
                self._resolve(result, None)
        except BaseException as error:  # the thread must survive: it serves all requests
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the job with an error."""
        self.dropped = True
        self._resolve(None, error)

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


def run_texts(taken: Sequence[tuple[Job[Any], int]]) -> None:
    """Read texts of jobs with the same model in one call, and build the answers of the jobs that end. Raises nothing.

    Args:
        taken: Each text's job, and its index there.
    """
    texts = [text for job, index in taken if (text := job.tokenize(index)) is not None]
    read = [(text, text.encoding) for text in texts if text.encoding is not None]
    started, outcomes = perf_counter(), {}
    if read:
        try:
            readings = taken[0][0].predictor.infer_list([text.text for text, _ in read], [one for _, one in read])
        except BaseException as error:  # the thread must survive: it serves all requests
            for text, _ in read:
                text.job.fail(error)
            return
        outcomes = {id(text): reading for (text, _), reading in zip(read, readings, strict=True)}
    share = (perf_counter() - started) / max(1, len(read))
    for text in texts:
        if text.error is not None:
            text.job.complete(text, text.error, text.tokenized)
        else:
            text.job.complete(text, outcomes[id(text)], text.tokenized + share)


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
