"""The inference engine between the routes and the models: life cycle, readiness, admission and scheduling."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from sentiline.cpus import available_cpus

from ..errors import ServiceError
from ..settings import Settings, variable
from ..telemetry.metrics import Metrics
from ..telemetry.stage_times import StageTimes
from . import gc_tuning
from .admission import TokenBudget
from .canary import Canary
from .deadline import Connection, Deadline
from .job import Job, Task, estimated_costs
from .model_store import RETRY_SECONDS, Model, ModelStore, check_version
from .scheduler import Scheduler

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

Result = TypeVar("Result")

MAX_TOKENS = 1024
"""The token limit assumed for a model that is not loaded yet."""

REFRESH_SECONDS = 1.0
"""How often a worker looks whether another one has pinned another version of a model that it has loaded."""

logger = logging.getLogger("bentoml.sentiline")


class Engine:
    """Runs predictions off the event loop.

    Life cycle: created (nothing loaded) → `start` (the default model loads in a thread, until it succeeds) → ready →
    `close`. Every other model is loaded by the first request for it.

    Attributes:
        settings: The service's settings.
        threads: The number of texts read in parallel.
        store: The models in memory.
        budget: The tokens accepted and not yet answered.
        failure: Why the default model could not be loaded; None before its first load fails and once it is ready.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Make an engine that reports to `metrics`."""
        self.settings = settings
        self.threads = settings.threads or available_cpus()
        self.store = ModelStore(settings, self.threads, metrics.set_loaded_models)
        self.budget = TokenBudget(settings.max_pending_tokens, metrics.set_pending)
        self.failure: str | None = None
        self._metrics = metrics
        self._ready = False
        self._closing = threading.Event()
        self._warmed: Future[None] = Future()  # done when the first warm-up has succeeded or failed
        self._scheduler = Scheduler(self.threads)
        self._loader = ThreadPoolExecutor(1, "loader")
        self._canary = Canary(self._scheduler, settings, self._observe_canary)

    @property
    def ready(self) -> bool:
        """Whether the default model is loaded and has answered its warm-up."""
        return self._ready

    def start(self) -> None:
        """Start to load and warm up the default model; returns at once."""
        threading.Thread(target=self._maintain_models, name="models", daemon=True).start()

    def close(self) -> None:
        """Stop accepting work, and wait for queued texts as long as a request may take."""
        self._ready = False
        self._closing.set()
        self.store.pins.close()
        self._loader.shutdown()
        self._scheduler.close(self.settings.timeout_ms / 1000)

    def check_ready(self) -> None:
        """Raise unless predictions are possible now.

        Raises:
            ServiceError: 503; its message gives the reason.
        """
        if self._ready:
            return
        if self.failure is None:
            message = f'the model "{self.settings.model}" is still loading; try again in a second'
            raise ServiceError(503, "not_ready", message, headers={"retry-after": "1"}, model=self.settings.model)
        seconds = round(RETRY_SECONDS)
        message = (
            f'the model "{self.settings.model}" could not be loaded and is tried again every {seconds} s; '
            "the reason is in the server's log"
        )
        raise ServiceError(503, "not_ready", message, headers={"retry-after": str(seconds)}, model=self.settings.model)

    async def check_alive(self, name: str | None = None) -> None:
        """Raise unless a model, loaded if necessary, answers now as it did in its warm-up; None is the default model.

        Raises:
            ServiceError: 503 if it does not, 404 for an unknown model.
        """
        self.check_ready()
        model = await self.model(name)
        if not await self._canary.alive(model):
            shown = model.predictor.manifest.name
            message = f'the model "{shown}" does not answer as it should; the reason is in the server\'s log'
            raise ServiceError(503, "not_ready", message, headers={"retry-after": "1"}, model=shown)

    async def model(self, name: str | None = None, version: str | None = None) -> Model:
        """Return a model, loaded if necessary; None is the default model, and any version.

        Raises:
            ServiceError: 503 while not ready, 404 for an unknown model or version, 503 for one that cannot be loaded.
        """
        self.check_ready()
        wanted = self.settings.model if name is None else name
        model = self.store.get(wanted)
        if model is None:  # in a thread of its own, so that a slow load does not delay other requests
            model = await asyncio.get_running_loop().run_in_executor(self._loader, self.store.load, wanted, version)
        check_version(model.predictor.manifest, version)
        return model

    async def run(
        self,
        name: str | None,
        task: Task[Result],
        times: StageTimes,
        *,
        version: str | None = None,
        timeout: float | None = None,
        connection: Connection | None = None,
    ) -> Result:
        """Run a task in the engine's threads.

        Args:
            name: The model's name; None for the default model.
            task: The texts, and how their answer is built.
            times: The request's times, to be filled in.
            version: The required version of the model; None for any.
            timeout: The seconds from `times.started` in which the request must be answered; None for the setting.
            connection: The client's connection, to be watched; None if there is none.

        Raises:
            ServiceError: As `model` does; 429 when too many tokens are pending, 504 when the deadline has passed, 499
                when the client has disconnected; 422 for three classes from a model without cut points.
        """
        if not self._ready and self._warmed.done():
            self.check_ready()
        settings = self.settings
        loaded = self.store.get(settings.model if name is None else name)
        max_tokens = MAX_TOKENS if loaded is None else loaded.predictor.tokenizer.max_tokens
        costs = estimated_costs(task, max_tokens, settings)
        with self.budget.admit(len(costs), sum(costs)) as admission:
            deadline = Deadline(times.started, settings.timeout_ms / 1000 if timeout is None else timeout)
            if loaded is None:
                loaded = await self._load_before(deadline, name, version)
                costs = estimated_costs(task, loaded.predictor.tokenizer.max_tokens, settings)
                admission.adjust(sum(costs) - admission.tokens)
            if version is not None:
                check_version(loaded.predictor.manifest, version)
            times.model = loaded.predictor.manifest.name
            job = Job(task, loaded.predictor, settings, times, admission, costs)
            times.accepted = perf_counter()
            self._scheduler.submit(job)
            return await deadline.wait(job.future, connection, partial(self._drop, job))

    async def _load_before(self, deadline: Deadline, name: str | None, version: str | None) -> Model:
        # a new worker finishes its warm-up soon, so requests wait for it rather than fail
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline.remaining()):
                await asyncio.shield(asyncio.wrap_future(self._warmed))  # other requests wait for it too
        try:
            async with asyncio.timeout(deadline.remaining()):
                return await self.model(name, version)
        except TimeoutError:
            raise deadline.exceeded() from None

    def _observe_canary(self, name: str, alive: bool) -> None:
        if name == self.settings.model:
            self._metrics.set_ready(alive and self._ready)

    def _drop(self, job: Job[Result], reason: str) -> None:
        self._metrics.count_dropped(reason, self._scheduler.drop(job))

    def loaded(self) -> dict[str, Predictor]:
        """Return the models in memory, by name; a copy."""
        return self.store.loaded()

    def failed(self) -> frozenset[str]:
        """Return the names of the models whose last load failed."""
        return self.store.failed()

    def _maintain_models(self) -> None:
        """Load the default model, again and again until it succeeds; then follow what other workers pin."""
        try:
            loaded = self._load_default()
        finally:
            self._warmed.set_result(None)
        while not loaded and not self._closing.wait(RETRY_SECONDS):
            loaded = self._load_default()
        while not self._closing.wait(REFRESH_SECONDS):
            self.store.refresh()

    def _load_default(self) -> bool:
        """Load the default model, and return whether it is ready now."""
        name = self.settings.model
        try:
            self.store.load(name)
        except ServiceError as error:
            reason = str(error.__cause__ or error)
        except Exception as error:  # whatever the cause, the service must stay unready and say why
            logger.exception("loading model %r failed", name)
            reason = repr(error)
        else:
            gc_tuning.freeze()
            self.failure = None
            self._ready = not self._closing.is_set()
            self._metrics.set_ready(self._ready)
            logger.info("ready: model %r on %d threads", name, self.threads)
            return True
        logger.error(
            "not ready, and tried again in %.0f s: default model (%s) %r: %s",
            RETRY_SECONDS, variable("model"), name, reason,
        )  # fmt: skip
        self.failure = reason  # set last, so that the reason is in the log when it is seen
        return False
