"""The routes of the Open Inference Protocol v2, below `/v2`: HTTP and headers; the engine does the work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import sentiline

from . import inference_protocol
from .body import parse_body, read_body
from .errors import JSON_TYPE, ServiceError
from .fields import refuse, shown
from .job import Task
from .patience import allowed
from .scoring import Outcome
from .times import TIMES, timed

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

    from .routes import Endpoints

BINARY_TYPE = "application/octet-stream"
JSON_SIZE = "inference-header-content-length"
"""Header of a body with binary data: how many bytes of JSON there are before it."""

_NEVER_CACHED = {"cache-control": "no-store"}


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
        return _json({"name": "sentiline", "version": sentiline.__version__, "extensions": ["binary_tensor_data"]})

    async def live(self, _: Request) -> Response:
        """`GET /v2/health/live`: the event loop turns."""
        return _json({"live": True})

    async def ready(self, _: Request) -> Response:
        """`GET /v2/health/ready`: the default model answers as it did in its warm-up."""
        await self._endpoints.engine.check_alive()
        return _json({"ready": True})

    async def model(self, request: Request) -> Response:
        """`GET /v2/models/{model}`: what it takes and gives; loads it if need be."""
        return _json(inference_protocol.metadata(await self._manifest(request)))

    async def model_ready(self, request: Request) -> Response:
        """`GET /v2/models/{model}/ready`: it answers as it did in its warm-up; loads it if need be."""
        manifest = await self._manifest(request)
        await self._endpoints.engine.check_alive(manifest.name)
        return _json({"name": manifest.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        """`POST /v2/models/{model}/infer`."""
        settings = self._endpoints.settings
        seconds = allowed(request.headers, settings)
        # the protocol's own client names no type
        body = await read_body(request, settings, seconds, ("", JSON_TYPE, BINARY_TYPE))
        size = _json_size(request, len(body))
        document = await parse_body(body[:size], settings)
        wanted = inference_protocol.parse(document, body[size:], settings)

        def finish(manifest: Manifest, outcomes: list[Outcome], _: list[Any]) -> tuple[bytes, int | None]:
            readings = self._endpoints.all_readings(manifest, outcomes, inference_protocol.DATA, listed=True)
            return inference_protocol.answer(manifest, readings, wanted)

        if "version" in request.path_params:  # before anything is read
            await self._endpoints.engine.warmed_up(request.scope[TIMES].started, seconds)
            await self._manifest(request)
        task = Task(wanted.texts, wanted.truncation, finish)
        content, json_size = await self._endpoints.run(request, request.path_params["model"], task, seconds)
        if json_size is None:
            return timed(request, content, 200)
        return timed(request, content, 200, {JSON_SIZE: str(json_size)}, BINARY_TYPE)

    async def _manifest(self, request: Request) -> Manifest:
        """That of the model that the path names, if it has the version that the path names."""
        model = await self._endpoints.engine.model(request.path_params["model"])
        _check_version(request, model.predictor.manifest)
        return model.predictor.manifest


def _check_version(request: Request, manifest: Manifest) -> None:
    version = request.path_params.get("version")
    if version not in (None, manifest.version):
        message = f'the model "{manifest.name}" has no version "{shown(version)}"; it has {manifest.version}'
        raise ServiceError(404, "model_not_found", message, field="version")


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), headers=_NEVER_CACHED, media_type=JSON_TYPE)


def _json_size(request: Request, total: int) -> int:
    """How many bytes of the body are JSON."""
    header = request.headers.get(JSON_SIZE)
    if header is None:
        return total
    # Python converts no number of thousands of digits, and no body needs more than 20
    size = int(header) if len(header) <= 20 and header.isascii() and header.isdigit() else -1
    if not 0 <= size <= total:
        message = f"the header {JSON_SIZE} is {shown(header)!r} and the body has {total} bytes; they must agree"
        raise refuse("invalid_shape", message, JSON_SIZE)
    return size
