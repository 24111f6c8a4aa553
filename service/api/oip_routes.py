"""The routes of the Open Inference Protocol v2, below `/v2`: HTTP and headers; the engine does the work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import sentiline

from ..engine.deadline import allowed
from ..engine.job import Task
from ..errors import invalid_request, quote
from ..headers import BINARY, JSON, JSON_LENGTH
from ..http.body import parse_body, read_body
from ..outcome import Outcome
from ..telemetry.stage_times import timed
from . import oip
from .responses import no_store

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

    from .routes import Endpoints


class InferenceEndpoints:
    """The handlers, around the engine of the others."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def routes(self) -> Sequence[Route]:
        """All routes below `/v2`; each has an endpoint object of its own, by which the gateway knows it."""
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
        """`GET /v2/health/live`: the event loop turns."""
        return no_store({"live": True})

    async def ready(self, _: Request) -> Response:
        """`GET /v2/health/ready`: the default model answers as it did in its warm-up."""
        await self._endpoints.engine.check_alive()
        return no_store({"ready": True})

    async def model(self, request: Request) -> Response:
        """`GET /v2/models/{model}`: what it takes and gives; loads it if need be."""
        return no_store(oip.metadata(await self._manifest(request)))

    async def model_ready(self, request: Request) -> Response:
        """`GET /v2/models/{model}/ready`: it answers as it did in its warm-up; loads it if need be."""
        manifest = await self._manifest(request)
        await self._endpoints.engine.check_alive(manifest.name)
        return no_store({"name": manifest.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        """`POST /v2/models/{model}/infer`."""
        settings = self._endpoints.settings
        seconds = allowed(request.headers, settings)
        # the protocol's own client names no type
        body = await read_body(request, settings, seconds, ("", JSON, BINARY))
        size = _json_size(request, len(body))
        document = await parse_body(body[:size], settings)
        wanted = oip.parse(document, body[size:], settings)

        def finish(manifest: Manifest, outcomes: list[Outcome], _: list[Any]) -> tuple[bytes, int | None]:
            readings = self._endpoints.all_readings(manifest, outcomes, oip.DATA, listed=True)
            return oip.answer(manifest, readings, wanted)

        model, version = _asked(request)
        task = Task(wanted.texts, wanted.truncation, finish)
        content, json_size = await self._endpoints.run(request, model, task, seconds, version)
        if json_size is None:
            return timed(request, content, 200)
        return timed(request, content, 200, {JSON_LENGTH: str(json_size)}, BINARY)

    async def _manifest(self, request: Request) -> Manifest:
        """That of the model that the path names, if it has the version that the path names."""
        return (await self._endpoints.engine.model(*_asked(request))).predictor.manifest


def _asked(request: Request) -> tuple[str, str | None]:
    """The model and the version that the path names; None for any version."""
    return request.path_params["model"], request.path_params.get("version")


def _json_size(request: Request, total: int) -> int:
    """How many bytes of the body are JSON."""
    header = request.headers.get(JSON_LENGTH)
    if header is None:
        return total
    # Python converts no number of thousands of digits, and no body needs more than 20
    size = int(header) if len(header) <= 20 and header.isascii() and header.isdigit() else -1
    if not 0 <= size <= total:
        message = f"the header {JSON_LENGTH} is {quote(header)!r} and the body has {total} bytes; they must agree"
        raise invalid_request("invalid_shape", message, JSON_LENGTH)
    return size
