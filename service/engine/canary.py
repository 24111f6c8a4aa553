"""Whether a loaded model still answers, and as it did when it was loaded: one inference in the queue of real work."""

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
from ..telemetry.stage_times import Times
from .job import Job, Task
from .model_store import WARM_UP_TEXT, Model
from .scheduler import FairQueue

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

CACHE_SECONDS = 1.0
"""How long a verdict holds, so that probes cost at most one inference a second."""

LIMIT_SECONDS = 2.0
"""How long an answer may take. It passes all texts that wait, so a full queue does not delay it."""

logger = logging.getLogger("bentoml.sentiline")


@dataclass(slots=True)
class _Asked:
    """The last question to a model, which this does not keep in memory, and until when its verdict holds."""

    predictor: weakref.ref[Predictor]
    verdict: asyncio.Task[bool]
    until: float = math.inf


class Canary:
    """Asks the models; probes that come together share one inference. For one event loop."""

    def __init__(self, queue: FairQueue, settings: Settings, observe: Callable[[str, bool], None]) -> None:
        """Make a canary; `observe` is told every verdict with the name of its model."""
        self._queue = queue
        self._settings = settings
        self._observe = observe
        self._asked: dict[str, _Asked] = {}

    async def alive(self, model: Model) -> bool:
        """Whether the model gives the answer of its warm-up in time."""
        name = model.predictor.manifest.name
        asked = self._asked.get(name)
        if asked is None or asked.predictor() is not model.predictor or asked.until <= monotonic():
            verdict = asyncio.create_task(self._ask(model))
            asked = self._asked[name] = _Asked(weakref.ref(model.predictor), verdict)
        return await asyncio.shield(asked.verdict)  # a probe that goes away takes nothing from the others

    async def _ask(self, model: Model) -> bool:
        name = model.predictor.manifest.name
        task: Task[float] = Task([WARM_UP_TEXT], None, _logit)
        job = Job(task, model.predictor, self._settings, Times(perf_counter()), None)
        reason = ""
        try:
            self._queue.submit(job)
            async with asyncio.timeout(LIMIT_SECONDS):
                logit = await job.future
            if logit != model.logit:
                reason = f"it answered {logit} where it had answered {model.logit}"
        except TimeoutError:
            self._queue.drop(job)
            reason = f"it did not answer within {LIMIT_SECONDS} s"
        except Exception as error:  # whatever broke the inference, it is broken
            reason = repr(error)
        if reason:
            logger.error("model %r failed its canary inference: %s", name, reason)
        asked = self._asked.get(name)
        if asked is not None and asked.predictor() is model.predictor:
            asked.until = monotonic() + CACHE_SECONDS
        self._observe(name, not reason)
        return not reason


def _logit(_: Manifest, outcomes: list[Outcome], __: list[Any]) -> float:
    (reading,) = outcomes
    assert isinstance(reading, Reading)
    return reading.logit
