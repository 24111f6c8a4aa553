"""Liveness of a loaded model: one inference through the queue of real work must give the answer of its warm-up."""

from __future__ import annotations

import asyncio
import logging
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from sentiline.bundle import Manifest
from sentiline.reading import Reading

from ..outcome import Outcome
from ..settings import Settings
from ..telemetry.stage_times import StageTimes
from .job import Job, Task
from .model_store import WARM_UP_TEXT, Model
from .scheduler import Scheduler

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

CACHE_SECONDS = 1.0
"""How long a result is reused, so that probes cost at most one inference per second."""

LIMIT_SECONDS = 2.0
"""How long the inference may take. It overtakes all waiting texts, so a full queue does not delay it."""

logger = logging.getLogger("bentoml.sentiline")


class _WarmUpTask(Task[float]):
    """Reads the warm-up text; the result is its logit."""

    def __init__(self) -> None:
        super().__init__([WARM_UP_TEXT], None)

    def finish(self, manifest: Manifest, outcomes: list[Outcome], parts: list[Any]) -> float:
        (reading,) = outcomes
        assert isinstance(reading, Reading)
        return reading.logit


@dataclass(slots=True)
class _Probe:
    """The latest probe of a model, which the weak reference does not keep in memory."""

    predictor: weakref.ref[Predictor]
    result: asyncio.Task[bool]
    valid_until: float = math.inf


class Canary:
    """Probes the models; concurrent probes of a model share one inference. Belongs to one event loop."""

    def __init__(self, scheduler: Scheduler, settings: Settings, observe: Callable[[str, bool], None]) -> None:
        """Make a canary; `observe` is called with the model's name and the result of every inference."""
        self._scheduler = scheduler
        self._settings = settings
        self._observe = observe
        self._probes: dict[str, _Probe] = {}

    async def alive(self, model: Model) -> bool:
        """Return whether the model gives the answer of its warm-up in time."""
        name = model.predictor.manifest.name
        probe = self._probes.get(name)
        if probe is None or probe.predictor() is not model.predictor or probe.valid_until <= monotonic():
            result = asyncio.create_task(self._infer(model))
            probe = self._probes[name] = _Probe(weakref.ref(model.predictor), result)
        return await asyncio.shield(probe.result)  # a client that disconnects must not cancel the others' probe

    async def _infer(self, model: Model) -> bool:
        name = model.predictor.manifest.name
        job = Job(_WarmUpTask(), model.predictor, self._settings, StageTimes(perf_counter()))
        reason = ""
        try:
            self._scheduler.submit(job)
            async with asyncio.timeout(LIMIT_SECONDS):
                logit = await job.future
            if logit != model.logit:
                reason = f"it answered {logit} where it had answered {model.logit}"
        except TimeoutError:
            self._scheduler.drop(job)
            reason = f"it did not answer within {LIMIT_SECONDS} s"
        except Exception as error:  # any failed inference means that the model does not work
            reason = repr(error)
        if reason:
            logger.error("model %r failed its canary inference: %s", name, reason)
        probe = self._probes.get(name)
        if probe is not None and probe.predictor() is model.predictor:
            probe.valid_until = monotonic() + CACHE_SECONDS
        self._observe(name, not reason)
        return not reason
