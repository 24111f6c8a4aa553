"""Tasks and jobs for tests of the engine, whose answers are made by functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from sentiline.bundle import Manifest
from sentiline.predictor import Predictor
from service.engine.admission import Admission
from service.engine.job import Job, Task, estimated_costs
from service.outcome import Outcome
from service.settings import Settings
from service.telemetry.stage_times import StageTimes


class CallbackTask(Task[Any]):
    """Calls `render` with the index of each text, and `finish`, if given, with the rendered parts, its result."""

    def __init__(
        self,
        texts: Sequence[Any],
        render: Callable[[int], Any] = lambda index: None,
        finish: Callable[[list[Any]], Any] = lambda parts: parts,
        *,
        sentences: bool = False,
    ) -> None:
        super().__init__(texts, None, sentences=sentences)
        self._render = render
        self._finish = finish

    def render(self, outcome: Outcome, index: int) -> Any:
        return self._render(index)

    def finish(self, manifest: Manifest, outcomes: list[Outcome], parts: list[Any]) -> Any:
        return self._finish(parts)


def make_job(task: Task[Any], predictor: Predictor, admission: Admission, settings: Settings | None = None) -> Job[Any]:
    """A request's job; it costs what its texts are estimated to."""
    settings = settings or Settings()
    costs = estimated_costs(task, predictor.tokenizer.max_tokens, settings)
    return Job(task, predictor, settings, StageTimes(perf_counter()), admission, costs)


def make_probe(task: Task[Any], predictor: Predictor) -> Job[Any]:
    """A job that costs nothing, as those of probes."""
    return Job(task, predictor, Settings(), StageTimes(perf_counter()))
