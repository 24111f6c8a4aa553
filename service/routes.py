"""The HTTP routes: each turns a request into an answer by way of the engine; errors are raised, not answered here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiline.errors import InputError

from . import catalogue, huggingface, openapi
from .body import read_json
from .contract import Answer, PredictRequest, answer, parse
from .engine import Engine
from .errors import JSON_TYPE, ServiceError
from .inference_routes import InferenceEndpoints
from .metrics import CONTENT_TYPE, Metrics, exposition
from .scoring import all_readings, score
from .settings import Settings

if TYPE_CHECKING:
    from sentiline.predictor import Predictor
    from sentiline.reading import Reading
    from sentiline.tokenizer import Truncation

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9a-fA-F:]{2,45}\](:\d{1,5})?")
PAGE = Path(__file__).with_name("page") / "index.html"
PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_NEVER_CACHED = {"cache-control": "no-store"}


class Endpoints:
    """The handlers, around one engine.

    Attributes:
        settings: the service's settings.
        metrics: the counters of this process.
        engine: what runs the models.
    """

    def __init__(self, settings: Settings, schema: Callable[[], dict[str, Any]]) -> None:
        """Make the handlers; `schema` describes the native API as BentoML's own client reads it."""
        self.settings = settings
        self._schema = schema
        self._page = PAGE.read_text(encoding="utf-8")
        self._openapi = orjson.dumps(openapi.document(settings))
        self.metrics = Metrics(
            [(route.path, sorted(route.methods or ())) for route in self.routes()], model=settings.model
        )
        self.engine = Engine(settings, self.metrics.watch)

    def close(self) -> None:
        """Wait for the running predictions, and take this process out of the metrics."""
        self.engine.close()
        self.metrics.close()

    def routes(self) -> Sequence[Route]:
        """All routes; a path that is not here does not exist."""
        return [
            Route("/", self.page, methods=["GET"]),
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
        wanted = parse(await read_json(request, self.settings), self.settings)

        def work(predictor: Predictor) -> tuple[int, bytes]:
            scored = self._score(predictor, wanted)
            return scored.status, orjson.dumps(scored.document)

        status, body = await self.engine.run(wanted.model, len(wanted.texts), work)
        return Response(body, status, media_type=JSON_TYPE)

    async def predict_natively(self, document: dict[str, Any]) -> dict[str, Any]:
        """The same for a caller inside BentoML, without JSON."""
        wanted = parse(document, self.settings)
        scored = await self.engine.run(
            wanted.model, len(wanted.texts), lambda predictor: self._score(predictor, wanted)
        )
        if scored.status != 200:
            refusal = dict(scored.document)
            raise ServiceError(scored.status, refusal.pop("error_type"), refusal.pop("error"), **refusal)
        return scored.document

    def _score(self, predictor: Predictor, wanted: PredictRequest) -> Answer:
        scored = answer(predictor, wanted, self.settings)
        self.metrics.outcomes(predictor.manifest.name, scored.outcomes)
        return scored

    async def classify(self, request: Request) -> Response:
        """`POST /hf`: the default model as Hugging Face's clients expect it."""
        return await self._classify(request, None)

    async def classify_with(self, request: Request) -> Response:
        """`POST /hf/models/{model}`."""
        return await self._classify(request, request.path_params["model"])

    async def _classify(self, request: Request, model: str | None) -> Response:
        wanted = huggingface.parse(await read_json(request, self.settings), self.settings)

        def work(predictor: Predictor) -> Response:
            readings = self.score_all(predictor, wanted.texts, wanted.truncation, "inputs", listed=wanted.listed)
            body = orjson.dumps(huggingface.answer(readings, wanted))
            truncated = sum(reading.encoding.truncated for reading in readings)
            headers = {"x-model": predictor.manifest.name, "x-truncated-texts": str(truncated)}
            return Response(body, headers=headers, media_type=JSON_TYPE)

        return await self.engine.run(model, len(wanted.texts), work)

    def score_all(
        self, predictor: Predictor, texts: Sequence[Any], truncation: Truncation | None, field: str, *, listed: bool
    ) -> list[Reading]:
        """Score and count texts for an answer that has no room for errors beside the scores.

        Raises:
            ServiceError: 422; `field` and `listed` say how the error names the text.
        """
        outcomes = score(predictor, texts, truncation, self.settings)
        first = next((outcome for outcome in outcomes if isinstance(outcome, InputError)), None)
        # the gateway counts the error that it answers with
        self.metrics.outcomes(predictor.manifest.name, [outcome for outcome in outcomes if outcome is not first])
        return all_readings(outcomes, field, listed=listed)

    async def alive(self, _: Request) -> Response:
        """`GET /livez`: the event loop turns."""
        return Response(b'{"status":"alive"}', headers=_NEVER_CACHED, media_type=JSON_TYPE)

    async def ready(self, _: Request) -> Response:
        """`GET /readyz`: the default model has answered its warm-up."""
        self.engine.check_ready()
        document = {"status": "ready", "model": self.settings.model}
        return Response(orjson.dumps(document), headers=_NEVER_CACHED, media_type=JSON_TYPE)

    async def models(self, _: Request) -> Response:
        """`GET /models`."""
        document = await asyncio.to_thread(catalogue.models, self.engine)
        return Response(orjson.dumps(document), headers=_NEVER_CACHED, media_type=JSON_TYPE)

    async def info(self, _: Request) -> Response:
        """`GET /info`."""
        document = await asyncio.to_thread(catalogue.info, self.engine)
        return Response(orjson.dumps(document), headers=_NEVER_CACHED, media_type=JSON_TYPE)

    async def exposition(self, _: Request) -> Response:
        """`GET /metrics`."""
        return Response(await asyncio.to_thread(exposition), headers={"content-type": CONTENT_TYPE})

    async def schema(self, _: Request) -> Response:
        """`GET /schema.json`."""
        return Response(orjson.dumps(self._schema()), media_type=JSON_TYPE)

    async def openapi(self, _: Request) -> Response:
        """`GET /openapi.json`."""
        return Response(self._openapi, media_type=JSON_TYPE)

    async def page(self, request: Request) -> Response:
        """`GET /`, with the address it was asked at in its command line."""
        host = request.headers.get("host", "")
        shown = host if _HOST.fullmatch(host) else "127.0.0.1:3000"
        return Response(self._page.replace("{{host}}", shown), headers=PAGE_HEADERS, media_type="text/html")
