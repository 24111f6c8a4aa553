"""The routes of the Open Inference Protocol v2, below `/v2`, and their handlers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import sentiline

from ..engine.deadline import request_timeout
from ..engine.job import Task
from ..errors import invalid_request, quote
from ..headers import BINARY, JSON, JSON_LENGTH
from ..http.body import parse_body, read_body
from ..outcome import Outcome
from ..telemetry.metrics import Metrics
from . import oip
from .runner import Answer, Runner, all_readings, no_store

if TYPE_CHECKING:
    from sentiline.bundle import Manifest


class InferTask(Task[Answer]):
    """Scores the texts of a request; the answer is JSON, followed by binary data if the request asks for it."""

    def __init__(self, request: oip.Inference, metrics: Metrics) -> None:
        super().__init__(request.texts, request.truncation, neutral="parameters.neutral" if request.neutral else None)
        self._request = request
        self._metrics = metrics

    def finish(self, manifest: Manifest, outcomes: list[Outcome], parts: list[None]) -> Answer:
        """Serialize the answer.

        Raises:
            ServiceError: 422 if any text could not be scored, or for an output that the model does not have.
        """
        readings = all_readings(manifest, outcomes, self._metrics, oip.DATA, listed=True)
        body, json_size = oip.answer(manifest, readings, self._request)
        if json_size is None:
            return Answer(body)
        return Answer(body, headers={JSON_LENGTH: str(json_size)}, media_type=BINARY)


class OipEndpoints:
    """The handlers, which share the engine of the other protocols."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def routes(self) -> Sequence[Route]:
        """Return all routes below `/v2`; each has its own endpoint object, by which the gateway identifies it."""
        routes = [
            Route("/v2", self.server, methods=["GET"]),
            Route("/v2/health/live", self.live, methods=["GET"]),
            Route("/v2/health/ready", self.ready, methods=["GET"]),
        ]
        for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            routes += [
                Route(model, partial(self.model), methods=["GET"]),
                Route(f"{model}/ready", partial(self.model_ready), methods=["GET"]),
                Route(f"{model}/infer", partial(self.infer), methods=["POST"]),
            ]
        return routes

    async def server(self, _: Request) -> Response:
        """`GET /v2`."""
        return no_store({"name": "sentiline", "version": sentiline.__version__, "extensions": ["binary_tensor_data"]})

    async def live(self, _: Request) -> Response:
        """`GET /v2/health/live`: the event loop responds."""
        return no_store({"live": True})

    async def ready(self, _: Request) -> Response:
        """`GET /v2/health/ready`: the default model answers as it did in its warm-up."""
        await self._runner.engine.check_alive()
        return no_store({"ready": True})

    async def model(self, request: Request) -> Response:
        """`GET /v2/models/{model}`: its inputs and outputs; loads it if necessary."""
        return no_store(oip.metadata(await self._manifest(request)))

    async def model_ready(self, request: Request) -> Response:
        """`GET /v2/models/{model}/ready`: the model answers as it did in its warm-up; loads it if necessary."""
        manifest = await self._manifest(request)
        await self._runner.engine.check_alive(manifest.name)
        return no_store({"name": manifest.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        """`POST /v2/models/{model}/infer`."""
        settings = self._runner.settings
        timeout = request_timeout(request.headers, settings)
        # the protocol's own client sends no content type
        body = await read_body(request, settings, timeout, ("", JSON, BINARY))
        size = _json_size(request, len(body))
        document = await parse_body(body[:size], settings)
        parsed = oip.parse(document, body[size:], settings)
        model, version = _requested_model(request)
        return await self._runner.run(request, model, InferTask(parsed, self._runner.metrics), timeout, version)

    async def _manifest(self, request: Request) -> Manifest:
        """Return the manifest of the model and version in the path."""
        return (await self._runner.engine.model(*_requested_model(request))).predictor.manifest


def _requested_model(request: Request) -> tuple[str, str | None]:
    """Return the model and the version in the path; the version is None for any."""
    return request.path_params["model"], request.path_params.get("version")


def _json_size(request: Request, total: int) -> int:
    """Return how many bytes of the body are JSON."""
    header = request.headers.get(JSON_LENGTH)
    if header is None:
        return total
    # Python refuses to convert thousands of digits, and no body needs more than 20
    size = int(header) if len(header) <= 20 and header.isascii() and header.isdigit() else -1
    if not 0 <= size <= total:
        message = f"the header {JSON_LENGTH} is {quote(header)!r} and the body has {total} bytes; they must agree"
        raise invalid_request("invalid_shape", message, JSON_LENGTH)
    return size
