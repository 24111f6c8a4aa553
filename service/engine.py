"""The models in memory and the threads that run them: loading, warm-up, readiness, admission; no HTTP."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from sentiline.bundle import find_by_name, installed
from sentiline.cpus import available_cpus
from sentiline.errors import BundleNotFoundError, SentilineError

from .errors import ServiceError
from .settings import Settings, variable

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

Result = TypeVar("Result")

WARM_UP_TEXT = "The first review of the day: a warm, clever film & a cast that never puts a foot wrong!"
RETRY_SECONDS = 30.0
"""How long a model that failed to load is not tried again: reading and hashing its files costs time."""

logger = logging.getLogger("bentoml.sentiline")


class Engine:
    """Runs predictions off the event loop.

    Life: made (nothing loaded) → `start` (the default model loads in a thread) → ready or failed → `close`. A model
    other than the default loads when it is first asked for.

    Attributes:
        settings: the service's settings.
        failure: why the default model could not be loaded; None while it loads and when it is ready.
        pending: texts accepted and not yet answered.
    """

    def __init__(self, settings: Settings, observe: Callable[[int, bool], None] = lambda pending, ready: None) -> None:
        """Make an engine; `observe` is told `pending` and `ready` whenever one of them changes."""
        self.settings = settings
        self._observe = observe
        self.threads = settings.threads or available_cpus()
        self.failure: str | None = None
        self.pending = 0
        self._ready = False
        self._pool = ThreadPoolExecutor(self.threads, "engine")
        self._loader = ThreadPoolExecutor(1, "loader")
        self._loaded: OrderedDict[str, Predictor] = OrderedDict()  # least recently used first
        self._broken: dict[str, tuple[float, SentilineError]] = {}
        self._lock = threading.Lock()  # guards the two above; held only for moments
        self._loading: dict[str, threading.Lock] = {}  # one a name: it is loaded once

    @property
    def ready(self) -> bool:
        """Whether the default model has loaded and answered its warm-up."""
        return self._ready

    def start(self) -> None:
        """Begin to load and warm up the default model; returns at once."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def close(self) -> None:
        """Stop accepting work and wait for what runs."""
        self._ready = False
        self._loader.shutdown()
        self._pool.shutdown()

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

    async def run(self, model: str | None, texts: int, work: Callable[[Predictor], Result]) -> Result:
        """Call `work` with a predictor, in a thread of the engine.

        Args:
            model: name of the model; None for the default.
            texts: how many texts the work will score.
            work: must not touch the event loop.

        Raises:
            ServiceError: 503 while not ready, 429 when too many texts are pending, 404 for an unknown model, 503 for
                one that cannot be loaded.
        """
        self.check_ready()
        self._admit(texts)
        name = self.settings.model if model is None else model
        try:
            loop = asyncio.get_running_loop()
            if name not in self._loaded:  # in a thread of its own, so that a slow load delays nobody else
                await loop.run_in_executor(self._loader, self._predictor, name)
            return await loop.run_in_executor(self._pool, lambda: work(self._predictor(name)))
        finally:
            self._note(-texts)

    def loaded(self) -> dict[str, Predictor]:
        """The models in memory, by name; a copy."""
        with self._lock:
            return dict(self._loaded)

    def failed(self) -> frozenset[str]:
        """Names of the models whose last load failed."""
        with self._lock:
            return frozenset(self._broken)

    def _admit(self, texts: int) -> None:
        limit, setting = self.settings.max_pending, variable("max_pending")
        # a request larger than the limit is served when nothing else is: max_items is what bounds it
        if self.pending and self.pending + texts > limit:
            raise ServiceError(
                429,
                "overloaded",
                f"{self.pending} texts are waiting and the limit is {limit}; try again in a second, or raise {setting}",
                headers={"retry-after": "1"},
                limit=limit,
                setting=setting,
            )
        self._note(texts)

    def _note(self, texts: int) -> None:
        self.pending += texts
        self._observe(self.pending, self._ready)

    def _predictor(self, name: str) -> Predictor:
        with self._lock:
            predictor = self._loaded.get(name)
            if predictor is not None:
                self._loaded.move_to_end(name)
                return predictor
        if name not in installed():  # looked up anew each time: a folder of models may be filled while we run
            raise _unknown(name)
        with self._lock:
            gate = self._loading.setdefault(name, threading.Lock())
        with gate:
            return self._load(name)

    def _load(self, name: str) -> Predictor:
        """Load a model, unless another thread has just done so or it has just failed."""
        from sentiline.predictor import Predictor

        with self._lock:
            if name in self._loaded:
                return self._loaded[name]
            failed_at, error = self._broken.get(name, (-math.inf, None))
        if error is not None and time.monotonic() - failed_at < RETRY_SECONDS:
            raise _unavailable(name) from error
        started = time.perf_counter()
        try:
            bundle = find_by_name(name)
            precision = self.settings.precision
            if name != self.settings.model and precision not in bundle.manifest.precisions:
                precision = None  # the setting is the default model's; another that lacks it runs what it has
            predictor = Predictor(bundle, precision=precision, threads=self.threads)
            predictor.predict([WARM_UP_TEXT, WARM_UP_TEXT * 20])
        except BundleNotFoundError:
            raise _unknown(name) from None
        except SentilineError as error:
            logger.error("model %r cannot be used: %s", name, error)
            with self._lock:
                self._broken[name] = time.monotonic(), error
            raise _unavailable(name) from error
        with self._lock:
            self._broken.pop(name, None)
            self._loaded[name] = predictor
            self._evict()
        logger.info("loaded %r in %.2f s", predictor, time.perf_counter() - started)
        return predictor

    def _evict(self) -> None:
        """Drop the models least recently used; the default always stays."""
        limit = self.settings.max_loaded_models
        spare = [name for name in self._loaded if name != self.settings.model]
        for name in spare[: max(0, len(self._loaded) - limit)]:
            # not closed: requests may still run on it; it goes when they are done
            del self._loaded[name]
            logger.info("model %r dropped from memory: %s is %d", name, variable("max_loaded_models"), limit)

    def _warm_up(self) -> None:
        name = self.settings.model
        try:
            self._predictor(name)
        except ServiceError as error:
            reason = str(error.__cause__ or error)
        except SentilineError as error:  # the setting SENTILINE_MODELS
            reason = str(error)
        except Exception as error:  # whatever it is, the service must stay red and say why
            logger.exception("loading model %r failed", name)
            reason = repr(error)
        else:
            self._ready = True
            self._observe(self.pending, True)
            logger.info("ready: model %r on %d threads", name, self.threads)
            return
        self.failure = reason
        logger.error("not ready, and will not be: default model (%s) %r: %s", variable("model"), name, reason)


def _unknown(name: str) -> ServiceError:
    names = list(installed())
    shown = name[:60].encode("utf-8", "replace").decode("utf-8")
    message = f'there is no model "{shown}"; the models are: {", ".join(names) or "none"}'
    return ServiceError(404, "model_not_found", message, field="model", models=names)


def _unavailable(name: str) -> ServiceError:
    message = f'the model "{name}" cannot be used; the reason is in the server\'s log'
    return ServiceError(503, "model_unavailable", message, field="model")
