"""What stands between the routes and the models: life cycle, readiness, admission, the queue; no HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from sentiline.cpus import available_cpus

from ..errors import ServiceError
from ..settings import Settings, variable
from ..telemetry.metrics import Metrics
from ..telemetry.stage_times import Times
from . import gc_tuning
from .admission import Budget
from .canary import Canary
from .deadline import Connection, Patience, expired
from .job import Job, Task, cost
from .model_store import Model, ModelStore, check_version
from .scheduler import FairQueue

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

Result = TypeVar("Result")

MAX_TOKENS = 1024
"""Stands for a model's own limit where its texts are counted before it is loaded."""

logger = logging.getLogger("bentoml.sentiline")


class Engine:
    """Runs predictions off the event loop.

    Life: made (nothing loaded) → `start` (the default model loads in a thread) → ready or failed → `close`. A model
    other than the default loads when it is first asked for.

    Attributes:
        settings: the service's settings.
        threads: texts read side by side.
        store: the models in memory.
        budget: what is accepted and not yet answered.
        failure: why the default model could not be loaded; None while it loads and when it is ready.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Make an engine that tells `metrics` what it does."""
        self.settings = settings
        self.threads = settings.threads or available_cpus()
        self.store = ModelStore(settings, self.threads, metrics.models)
        self.budget = Budget(settings.max_pending_tokens, metrics.pending)
        self.failure: str | None = None
        self._metrics = metrics
        self._ready = False
        self._warmed: Future[None] = Future()  # done when the warm-up has ended, well or not
        self._queue = FairQueue(self.threads)
        self._loader = ThreadPoolExecutor(1, "loader")
        self._canary = Canary(self._queue, settings, self._note)

    @property
    def ready(self) -> bool:
        """Whether the default model has loaded and answered its warm-up."""
        return self._ready

    def start(self) -> None:
        """Begin to load and warm up the default model; returns at once."""
        threading.Thread(target=self._start, name="warm-up", daemon=True).start()

    def close(self) -> None:
        """Stop accepting work and wait for what is queued, as long as a request may take."""
        self._ready = False
        self._loader.shutdown()
        self._queue.close(self.settings.timeout_ms / 1000)

    def check_ready(self) -> None:
        """Raise the reason why predictions are not possible now, if there is one.

        Raises:
            ServiceError: 503.
        """
        if self._ready:
            return
        if self.failure is None:
            message = f'the model "{self.settings.model}" is still loading; try again in a second'
            raise ServiceError(503, "not_ready", message, headers={"retry-after": "1"}, model=self.settings.model)
        message = f'the model "{self.settings.model}" could not be loaded; the reason is in the server\'s log'
        raise ServiceError(503, "not_ready", message, model=self.settings.model)

    async def check_alive(self, name: str | None = None) -> None:
        """Raise unless a model, loaded if need be, answers now as it did in its warm-up; None for the default.

        Raises:
            ServiceError: 503, or 404 for an unknown model.
        """
        self.check_ready()
        model = await self.model(name)
        if not await self._canary.alive(model):
            shown = model.predictor.manifest.name
            message = f'the model "{shown}" does not answer as it should; the reason is in the server\'s log'
            raise ServiceError(503, "not_ready", message, headers={"retry-after": "1"}, model=shown)

    async def model(self, name: str | None = None, version: str | None = None) -> Model:
        """A model, loaded if need be; None for the default, and for whatever version it has.

        Raises:
            ServiceError: 503 while not ready, 404 for an unknown model or version, 503 for one that cannot be loaded.
        """
        self.check_ready()
        wanted = self.settings.model if name is None else name
        model = self.store.get(wanted)
        if model is None:  # in a thread of its own, so that a slow load delays nobody else
            model = await asyncio.get_running_loop().run_in_executor(self._loader, self.store.load, wanted, version)
        check_version(model.predictor.manifest, version)
        return model

    async def run(
        self,
        name: str | None,
        task: Task[Result],
        *,
        version: str | None = None,
        times: Times,
        seconds: float | None = None,
        connection: Connection | None = None,
    ) -> Result:
        """Do a task in the threads of the engine.

        Args:
            name: name of the model; None for the default.
            task: what to do.
            version: the version of the model that is wanted; None for any.
            times: filled in.
            seconds: how long the request may take since `times.started`; None for the setting.
            connection: the client's, to be watched; None if there is none.

        Raises:
            ServiceError: those of `model`; 429 when too many tokens are pending, 504 when the time is over, 499 when
                the client has gone.
        """
        if self._warmed.done():
            self.check_ready()
        settings = self.settings
        loaded = self.store.get(settings.model if name is None else name)
        limit = MAX_TOKENS if loaded is None else loaded.predictor.tokenizer.max_tokens
        tokens = sum([cost(text, limit, settings, sentences=task.sentences) for text in task.texts])
        charge = self.budget.admit(len(task.texts), tokens)
        served = False
        try:
            allowed = settings.timeout_ms / 1000 if seconds is None else seconds
            if loaded is None:
                await self._warmed_up(times.started, allowed)
                loaded = await self._load_within(name, version, times.started, allowed)
            check_version(loaded.predictor.manifest, version)
            times.model = loaded.predictor.manifest.name
            job = Job(task, loaded.predictor, settings, times, charge)
            charge.correct(sum(job.costs) - tokens)  # by the model's own limit, which it may not have had before
            times.accepted = perf_counter()
            self._queue.submit(job)
            patience = Patience(times.started, allowed, connection, lambda reason: self._drop(job, reason))
            result = await patience.wait(job.future)
            served = True
            return result
        finally:
            charge.release(served=served)

    async def _warmed_up(self, started: float, seconds: float) -> None:
        """Wait for the end of the warm-up as long as a request may take; a worker that was replaced is soon through."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(started + seconds - perf_counter()):
                await asyncio.shield(asyncio.wrap_future(self._warmed))  # which other requests wait for too

    async def _load_within(self, name: str | None, version: str | None, started: float, seconds: float) -> Model:
        try:
            async with asyncio.timeout(started + seconds - perf_counter()):
                return await self.model(name, version)
        except TimeoutError:
            raise expired(started, seconds) from None

    def _note(self, name: str, alive: bool) -> None:
        if name == self.settings.model:
            self._metrics.ready(alive and self._ready)

    def _drop(self, job: Job[Result], reason: str) -> None:
        self._metrics.dropped(reason, self._queue.drop(job))

    def loaded(self) -> dict[str, Predictor]:
        """The models in memory, by name; a copy."""
        return self.store.loaded()

    def failed(self) -> frozenset[str]:
        """Names of the models whose last load failed."""
        return self.store.failed()

    def _start(self) -> None:
        try:
            self._warm_up()
        finally:
            self._warmed.set_result(None)

    def _warm_up(self) -> None:
        name = self.settings.model
        try:
            self.store.load(name)
        except ServiceError as error:
            reason = str(error.__cause__ or error)
        except Exception as error:  # whatever it is, the service must stay red and say why
            logger.exception("loading model %r failed", name)
            reason = repr(error)
        else:
            gc_tuning.settle()
            self._ready = True
            self._metrics.ready(True)
            logger.info("ready: model %r on %d threads", name, self.threads)
            return
        logger.error("not ready, and will not be: default model (%s) %r: %s", variable("model"), name, reason)
        self.failure = reason  # last: whoever sees it finds the reason in the log
