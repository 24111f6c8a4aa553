"""The HTTP routes and their handlers; errors are raised here, and answered by the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiline.bundle import installed
from sentiline.errors import SettingError

from ..engine.deadline import request_timeout
from ..engine.engine import Engine
from ..errors import ServiceError
from ..headers import JSON
from ..http.body import read_json
from ..settings import Settings
from ..telemetry.metrics import CONTENT_TYPE, Metrics
from ..telemetry.stage_times import StageTimes
from . import huggingface, model_info, openapi
from .oip_routes import OipEndpoints
from .pages import Page
from .predict import PredictTask, parse
from .runner import Runner, no_store

if TYPE_CHECKING:
    from ..telemetry.tracing import Tracing


class Endpoints(Runner):
    """The handlers of all routes.

    Attributes:
        settings: The service's settings.
        metrics: The metrics of this process.
        engine: The engine that runs the models.
        tracing: The exporter of traces; None if the settings do not enable it.
    """

    def __init__(self, settings: Settings, schema: Callable[[], dict[str, Any]]) -> None:
        """Make the handlers; `schema` returns the description of the native API for BentoML's own client."""
        self.settings = settings
        self._schema = schema
        self._page = Page()
        self._openapi = orjson.dumps(openapi.document(settings))
        self.metrics = Metrics(
            [(route.path, sorted(route.methods or ())) for route in self.routes()],
            _model_names(settings),
            max_pending_tokens=settings.max_pending_tokens,
        )
        self.engine = Engine(settings, self.metrics)
        self.tracing = _tracing(settings, self.metrics)

    def close(self) -> None:
        """Wait for accepted predictions, remove this process from the metrics, and export the last traces."""
        self.engine.close()
        self.metrics.close()
        if self.tracing is not None:
            self.tracing.close()

    def routes(self) -> Sequence[Route]:
        """Return all routes of the service."""
        return [
            *self._page.routes(),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/hf", self.classify, methods=["POST"]),
            Route("/hf/models/{model}", self.classify_with, methods=["POST"]),
            *OipEndpoints(self).routes(),
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
        timeout = request_timeout(request.headers, self.settings)
        parsed = parse(await read_json(request, self.settings, timeout), self.settings)
        return await self.run(request, parsed.model, PredictTask(parsed, self.metrics), timeout)

    async def predict_natively(self, document: dict[str, Any]) -> dict[str, Any]:
        """Answer a caller inside BentoML as `POST /predict` would, with values instead of JSON.

        Raises:
            ServiceError: As for HTTP; 422 if no text could be scored.
        """
        parsed = parse(document, self.settings)
        task = PredictTask(parsed, self.metrics)
        answer = await self.engine.run(parsed.model, task, StageTimes(perf_counter()))
        body: dict[str, Any] = orjson.loads(answer.body)
        if answer.status != 200:
            raise ServiceError(answer.status, body.pop("error_type"), body.pop("error"), **body)
        return body

    async def classify(self, request: Request) -> Response:
        """`POST /hf`: the default model as Hugging Face's clients expect it."""
        return await self._classify(request, None)

    async def classify_with(self, request: Request) -> Response:
        """`POST /hf/models/{model}`."""
        return await self._classify(request, request.path_params["model"])

    async def _classify(self, request: Request, model: str | None) -> Response:
        timeout = request_timeout(request.headers, self.settings)
        parsed = huggingface.parse(await read_json(request, self.settings, timeout), self.settings)
        return await self.run(request, model, huggingface.ClassificationTask(parsed, self.metrics), timeout)

    async def alive(self, _: Request) -> Response:
        """`GET /livez`: the event loop responds."""
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


def _model_names(settings: Settings) -> list[str]:
    """Return the names of the installed models, the default first whether it exists or not."""
    try:
        return list(dict.fromkeys([settings.model, *installed()]))
    except (SettingError, OSError):  # the engine will not become ready, and logs why
        return [settings.model]


def _tracing(settings: Settings, metrics: Metrics) -> Tracing | None:
    if settings.tracing_endpoint is None:
        return None
    from ..telemetry.tracing import Tracing  # OpenTelemetry takes time and memory to import

    return Tracing(settings.tracing_endpoint, settings.tracing_sample_rate, metrics.count_lost_spans)
