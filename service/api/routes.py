"""The HTTP routes: each turns a request into an answer by way of the engine; errors are raised, not answered here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiline.bundle import installed
from sentiline.errors import InputError, SettingError

from ..engine.deadline import allowed
from ..engine.engine import Engine
from ..engine.job import Task
from ..errors import ServiceError
from ..headers import JSON, MODEL, SCOPE_CONNECTION, SCOPE_TIMES, TRUNCATED_TEXTS
from ..http.body import read_json
from ..outcome import Outcome, all_readings
from ..settings import Settings
from ..telemetry.metrics import CONTENT_TYPE, Metrics
from ..telemetry.stage_times import Times, timed
from . import huggingface, model_info, openapi
from .oip_routes import InferenceEndpoints
from .pages import Page
from .predict import Answer, PredictRequest, answer, parse, render
from .responses import no_store

if TYPE_CHECKING:
    from sentiline.bundle import Manifest
    from sentiline.reading import Reading

    from ..telemetry.tracing import Tracing

Result = TypeVar("Result")


class Endpoints:
    """The handlers, around one engine.

    Attributes:
        settings: the service's settings.
        metrics: the counters of this process.
        engine: what runs the models.
        tracing: where traces go; None where no setting asks for them.
    """

    def __init__(self, settings: Settings, schema: Callable[[], dict[str, Any]]) -> None:
        """Make the handlers; `schema` describes the native API as BentoML's own client reads it."""
        self.settings = settings
        self._schema = schema
        self._page = Page()
        self._openapi = orjson.dumps(openapi.document(settings))
        self.metrics = Metrics(
            [(route.path, sorted(route.methods or ())) for route in self.routes()],
            _models(settings),
            max_pending_tokens=settings.max_pending_tokens,
        )
        self.engine = Engine(settings, self.metrics)
        self.tracing = _tracing(settings)

    def close(self) -> None:
        """Wait for the accepted predictions, take this process out of the metrics, and send the last traces."""
        self.engine.close()
        self.metrics.close()
        if self.tracing is not None:
            self.tracing.close()

    def routes(self) -> Sequence[Route]:
        """All routes; a path that is not here does not exist."""
        return [
            *self._page.routes(),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/hf", self.classify, methods=["POST"]),
            Route("/hf/models/{model}", self.classify_with, methods=["POST"]),
            *InferenceEndpoints(self).routes(),
            Route("/models", self.models, methods=["GET"]),
            Route("/info", self.info, methods=["GET"]),
            Route("/livez", self.alive, methods=["GET"]),
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            Route("/metrics", self.exposition, methods=["GET"]),
            Route("/schema.json", self.schema, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
        ]

    async def predict(self, request: Request) -> Response:
        """`POST /predict`."""
        seconds = allowed(request.headers, self.settings)
        wanted = parse(await read_json(request, self.settings, seconds), self.settings)
        task = self._task(wanted, lambda slot: orjson.Fragment(orjson.dumps(slot)), _as_json)
        body, status = await self.run(request, wanted.model, task, seconds)
        return timed(request, body, status)

    async def predict_natively(self, document: dict[str, Any]) -> dict[str, Any]:
        """The same for a caller inside BentoML, without JSON."""
        wanted = parse(document, self.settings)
        task = self._task(wanted, lambda slot: slot, lambda scored: scored)
        scored = await self.engine.run(wanted.model, task, times=Times(perf_counter()))
        if scored.status != 200:
            refusal = dict(scored.document)
            raise ServiceError(scored.status, refusal.pop("error_type"), refusal.pop("error"), **refusal)
        return scored.document

    def _task(
        self, wanted: PredictRequest, pack: Callable[[dict[str, Any]], Any], finish: Callable[[Answer], Result]
    ) -> Task[Result]:
        """What `/predict` wants done: `pack` is given each text's slot, `finish` the whole answer, in the threads."""

        def part(outcome: Outcome, index: int) -> Any:
            return pack(render(outcome, index, wanted))

        def whole(manifest: Manifest, outcomes: list[Outcome], parts: list[Any]) -> Result:
            scored = answer(manifest, outcomes, parts, wanted)
            self.metrics.outcomes(manifest.name, scored.outcomes)
            return finish(scored)

        spans, sentences = wanted.detail != "none", wanted.detail == "sentences"
        return Task(wanted.texts, wanted.truncation, whole, part, spans=spans, sentences=sentences)

    async def classify(self, request: Request) -> Response:
        """`POST /hf`: the default model as Hugging Face's clients expect it."""
        return await self._classify(request, None)

    async def classify_with(self, request: Request) -> Response:
        """`POST /hf/models/{model}`."""
        return await self._classify(request, request.path_params["model"])

    async def _classify(self, request: Request, model: str | None) -> Response:
        seconds = allowed(request.headers, self.settings)
        wanted = huggingface.parse(await read_json(request, self.settings, seconds), self.settings)

        def finish(manifest: Manifest, outcomes: list[Outcome], _: list[Any]) -> tuple[bytes, dict[str, str]]:
            readings = self.all_readings(manifest, outcomes, "inputs", listed=wanted.listed)
            truncated = sum(reading.encoding.truncated for reading in readings)
            headers = {MODEL: manifest.name, TRUNCATED_TEXTS: str(truncated)}
            return orjson.dumps(huggingface.answer(readings, wanted)), headers

        body, headers = await self.run(request, model, Task(wanted.texts, wanted.truncation, finish), seconds)
        return timed(request, body, 200, headers)

    async def run(
        self, request: Request, model: str | None, task: Task[Result], seconds: float, version: str | None = None
    ) -> Result:
        """Do a task for a request that has so many seconds, as long as its client waits; see `Engine.run`."""
        times = request.scope[SCOPE_TIMES]
        result = await self.engine.run(
            model, task, version=version, times=times, seconds=seconds, connection=request.scope.get(SCOPE_CONNECTION)
        )
        self.metrics.times(times)
        return result

    def all_readings(
        self, manifest: Manifest, outcomes: Sequence[Outcome], field: str, *, listed: bool
    ) -> list[Reading]:
        """Count texts for an answer that has no room for errors beside the scores.

        Raises:
            ServiceError: 422; `field` and `listed` say how the error names the text.
        """
        first = next((outcome for outcome in outcomes if isinstance(outcome, InputError)), None)
        # the gateway counts the error that it answers with
        self.metrics.outcomes(manifest.name, [outcome for outcome in outcomes if outcome is not first])
        return all_readings(outcomes, field, listed=listed)

    async def alive(self, _: Request) -> Response:
        """`GET /livez`: the event loop turns."""
        return no_store({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """`GET /readyz`: the default model answers as it did in its warm-up."""
        await self.engine.check_alive()
        return no_store({"status": "ready", "model": self.settings.model})

    async def models(self, _: Request) -> Response:
        """`GET /models`."""
        return no_store(await asyncio.to_thread(model_info.models, self.engine))

    async def info(self, _: Request) -> Response:
        """`GET /info`."""
        return no_store(await asyncio.to_thread(model_info.info, self.engine))

    async def exposition(self, _: Request) -> Response:
        """`GET /metrics`."""
        return Response(await asyncio.to_thread(self.metrics.exposition), headers={"content-type": CONTENT_TYPE})

    async def schema(self, _: Request) -> Response:
        """`GET /schema.json`."""
        return Response(orjson.dumps(self._schema()), media_type=JSON)

    async def openapi(self, _: Request) -> Response:
        """`GET /openapi.json`."""
        return Response(self._openapi, media_type=JSON)


def _as_json(scored: Answer) -> tuple[bytes, int]:
    return orjson.dumps(scored.document), scored.status


def _models(settings: Settings) -> list[str]:
    """Names of the models there are now, the default among them whether it exists or not."""
    try:
        return list(dict.fromkeys([settings.model, *installed()]))
    except (SettingError, OSError):  # which keeps the engine from becoming ready, and says so
        return [settings.model]


def _tracing(settings: Settings) -> Tracing | None:
    """Only where it is wanted is OpenTelemetry imported: it takes time and memory."""
    if settings.tracing_endpoint is None:
        return None
    from ..telemetry.tracing import Tracing

    return Tracing(settings.tracing_endpoint, settings.tracing_sample_rate)
