"""The outermost ASGI application of a worker: routes, error bodies, metrics, access log; in front of BentoML's own.

BentoML's application brings the life cycle and the native API, but also middlewares that cost a task and a timer a
request, metrics labelled by the raw path, and error bodies of several shapes. So it stands behind this one, which
answers every HTTP request itself.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from time import perf_counter

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .cors import CrossOrigin
from .errors import ServiceError
from .keys import ApiKeys
from .metrics import UNMATCHED
from .routes import Endpoints

logger = logging.getLogger("bentoml.sentiline.access")


class Gateway:
    """ASGI application: the service's routes, with BentoML's application behind them for the life cycle."""

    def __init__(self, endpoints: Endpoints, bentoml_app: ASGIApp) -> None:
        self._bentoml_app = bentoml_app
        self._metrics = endpoints.metrics
        self._logs = endpoints.settings.access_log
        self._keys = ApiKeys(endpoints.settings.api_keys)
        self._all = routes = endpoints.routes()
        self._methods = {route.path: ", ".join(sorted(route.methods or ())) for route in routes}
        self._templates = {route.endpoint: route.path for route in routes}
        self._routes = Starlette(
            routes=routes,
            exception_handlers={
                HTTPException: self._refuse_routing,
                ServiceError: self._refuse,
                Exception: self._fail,
            },
        )
        self._routes.router.redirect_slashes = False
        origins = endpoints.settings.cors_origins
        self._app: ASGIApp = CrossOrigin(self._admit, origins) if origins else self._admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, request or life cycle."""
        if scope["type"] == "lifespan":
            await self._bentoml_app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await _refuse_websocket(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        status = size = 0

        async def observed(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            route = self._route(scope)
            seconds = perf_counter() - started
            self._metrics.request(route, scope["method"], status, seconds)
            if self._logs:
                client = scope["client"][0] if scope.get("client") else "-"
                logger.info("%s %s %s %d %d bytes %.1f ms", client, scope["method"], route, status, size, seconds * 1e3)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request with a valid key through to the routes."""
        try:
            self._keys.check(scope["path"], Headers(scope=scope))
        except ServiceError as error:
            await self._refuse(Request(scope), error)(scope, receive, send)
        else:
            await self._routes(scope, receive, send)

    def _route(self, scope: Scope) -> str:
        """The template of the route that took the request, or would have taken it."""
        path: str = scope["path"]
        if path in self._methods:
            return path
        if "endpoint" in scope:
            return self._templates[scope["endpoint"]]
        return next((route.path for route in self._all if route.matches(scope)[0] is not Match.NONE), UNMATCHED)

    def _refuse(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)
        self._metrics.error(error.code)
        return error.response()

    def _refuse_routing(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path[:100].encode("utf-8", "replace").decode()
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = self._methods[self._route(request.scope)]
            message = f"{path} takes {allowed}, not {request.method[:20]}"
            refusal = ServiceError(405, "method_not_allowed", message, headers={"allow": allowed})
        else:
            known = ", ".join(self._methods)
            refusal = ServiceError(404, "not_found", f"there is nothing at {path}; the routes are {known}")
        return self._refuse(request, refusal)

    def _fail(self, request: Request, _: Exception) -> Response:
        """Answer an error of our own; Starlette raises it again afterwards, so that the server logs it."""
        message = "the server failed to answer; the reason is in its log"
        return self._refuse(request, ServiceError(500, "internal_error", message))


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for a WebSocket, of which there are none, as other requests are answered."""
    refusal = ServiceError(404, "not_found", "there are no WebSockets here; use HTTP")
    if "websocket.http.response" in scope.get("extensions", {}):
        await refusal.response()(scope, receive, send)  # Starlette gives the messages their WebSocket names
    else:
        await send({"type": "websocket.close", "code": 1008})
