"""What the handlers of all protocols share: running a task and turning its answer into a response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sentiline.errors import InputError

from ..engine.engine import Engine
from ..engine.job import Task
from ..errors import ServiceError
from ..headers import JSON, SCOPE_CONNECTION, SCOPE_TIMES
from ..outcome import Outcome, error_details
from ..settings import Settings
from ..telemetry.metrics import Metrics
from ..telemetry.stage_times import StageTimes

if TYPE_CHECKING:
    from sentiline.bundle import Manifest
    from sentiline.reading import Reading

_NO_STORE = {"cache-control": "no-store"}


class Answer(NamedTuple):
    """The answer to a request, serialized in a thread of the engine.

    Attributes:
        body: The bytes of the body.
        status: The HTTP status.
        headers: Response headers in addition to those of the stage times.
        media_type: The content type.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}
    media_type: str = JSON


class Runner:
    """Runs the tasks of requests; the base of all handlers.

    Attributes:
        settings: The service's settings.
        metrics: The metrics of this process.
        engine: The engine that runs the models.
    """

    settings: Settings
    metrics: Metrics
    engine: Engine

    async def run(
        self, request: Request, model: str | None, task: Task[Answer], timeout: float, version: str | None = None
    ) -> Response:
        """Run a task until `timeout` seconds after the request's start, while its client waits; see `Engine.run`."""
        times: StageTimes = request.scope[SCOPE_TIMES]
        connection = request.scope.get(SCOPE_CONNECTION)
        answer = await self.engine.run(model, task, times, version=version, timeout=timeout, connection=connection)
        stages = times.stages()
        self.metrics.observe_stages(stages)
        headers = {**answer.headers, **times.headers(stages)}
        return Response(answer.body, answer.status, headers, answer.media_type)


def all_readings(
    manifest: Manifest, outcomes: Sequence[Outcome], metrics: Metrics, field: str, *, listed: bool
) -> list[Reading]:
    """Count the texts, and return their readings for an answer without room for errors.

    Args:
        manifest: The model's manifest.
        outcomes: The outcomes of the texts, in order.
        metrics: Counts the texts.
        field: The field that held the texts, to be named by an error.
        listed: Whether it was a list, so that an error names the index too.

    Raises:
        ServiceError: 422 with the error of the first text that could not be scored.
    """
    readings: list[Reading] = []
    failed: tuple[int, InputError] | None = None
    for index, outcome in enumerate(outcomes):
        if not isinstance(outcome, InputError):
            readings.append(outcome)
        elif failed is None:
            failed = index, outcome
    if failed is None:
        metrics.observe_outcomes(manifest.name, outcomes)
        return readings
    index, error = failed
    # the gateway counts the error that it answers with
    metrics.observe_outcomes(manifest.name, [outcome for outcome in outcomes if outcome is not error])
    raise ServiceError(422, error.code, str(error), **error_details(error, field, index, listed=listed))


def no_store(document: Mapping[str, Any]) -> Response:
    """Return a JSON response about the service's current state, which must not be cached."""
    return Response(orjson.dumps(document), headers=_NO_STORE, media_type=JSON)
