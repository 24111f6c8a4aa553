"""A worker's outermost ASGI application: routing, error bodies, metrics and access log, in front of BentoML's own.

BentoML's application provides the life cycle and the native API, but also middlewares that cost a task and a timer per
request, metrics labelled by the raw path, and error bodies of several shapes. The gateway therefore answers every HTTP
request itself and passes only the lifespan protocol on.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from time import perf_counter
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .api.routes import Endpoints
from .errors import ServiceError
from .headers import SCOPE_BODY_MEMORY, SCOPE_ERROR, SCOPE_TIMES, STATE_CONNECTIONS, STATE_LOAD_SHEDDER, STATE_SETTINGS
from .http.api_keys import ApiKeys
from .http.body_memory import BodyMemoryLimit, Reservation
from .http.compression import compress
from .http.connections import Connections
from .http.cors import JsonCORSMiddleware
from .http.load_shedding import LoadShedder
from .http.request_checks import check_headers, normalized_path
from .telemetry.metrics import UNMATCHED
from .telemetry.stage_times import StageTimes

Endpoint = Callable[[Request], Awaitable[Response]]

SWITCH_SECONDS = 0.0005
"""The longest time that the event loop waits for the GIL while a thread tokenizes. Each pass through the loop waits for
it, and a new connection takes several passes, so Python's 5 ms would delay them all under load."""

logger = logging.getLogger("bentoml.sentiline.access")


class Gateway:
    """ASGI application of the service's routes, with BentoML's application behind it for the life cycle."""

    def __init__(self, endpoints: Endpoints, bentoml_app: ASGIApp) -> None:
        self._bentoml_app = bentoml_app
        self._metrics = endpoints.metrics
        self._tracing = endpoints.tracing
        self._settings = endpoints.settings
        self._access_log = endpoints.settings.access_log
        self._keys = ApiKeys(endpoints.settings.api_keys)
        self._routes = routes = endpoints.routes()
        self._methods = {route.path: ", ".join(sorted(route.methods or ())) for route in routes}
        self._templates = {route.endpoint: route.path for route in routes}
        # paths without parameters, which most requests have, are looked up instead of matched one by one
        self._exact = {
            (method, route.path): route.endpoint
            for route in routes
            if "{" not in route.path
            for method in route.methods or ()
        }
        self._body_memory = BodyMemoryLimit(endpoints.settings.max_buffered_bytes)
        self._load_shedder = LoadShedder(routes, endpoints.engine.budget, endpoints.settings, endpoints.metrics)
        self._connections = Connections(endpoints.settings, endpoints.metrics)
        origins = endpoints.settings.cors_origins
        self._app: ASGIApp = JsonCORSMiddleware(self._answer, origins) if origins else self._answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the lifespan protocol or one request."""
        if scope["type"] == "lifespan":
            sys.setswitchinterval(SWITCH_SECONDS)
            scope.setdefault("state", {}).update(
                {
                    STATE_SETTINGS: self._settings,
                    STATE_LOAD_SHEDDER: self._load_shedder,
                    STATE_CONNECTIONS: self._connections,
                }
            )
            await self._bentoml_app(scope, receive, send)
            return
        # an HTTP request: the server's protocol accepts no WebSocket
        scope["path"] = normalized_path(scope["path"])
        scope[SCOPE_TIMES] = times = StageTimes(perf_counter())
        scope[SCOPE_BODY_MEMORY] = reservation = Reservation(self._body_memory)
        status = size = 0

        async def observed_send(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            reservation.release()
            route = self._route(scope)
            seconds = perf_counter() - times.started
            self._metrics.observe_request(route, scope["method"], status, seconds)
            if self._tracing is not None:
                self._tracing.record_request(scope, route, status)
            if self._access_log:
                client = scope["client"][0] if scope.get("client") else "-"
                logger.info("%s %s %s %d %d bytes %.1f ms", client, scope["method"], route, status, size, seconds * 1e3)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the key and call the handler; every error becomes a JSON object of one shape."""
        request = Request(scope, receive, send)
        failure: Exception | None = None
        try:
            if SCOPE_ERROR in scope:
                raise scope[SCOPE_ERROR]
            check_headers(scope, request.headers)
            self._keys.check(scope["path"], request.headers)
            endpoint = self._exact.get((scope["method"], scope["path"])) or self._find(scope)
            response = await endpoint(request)
            await compress(request, response, self._settings.compression_min_bytes)
        except ServiceError as error:
            response = self._error_response(error)
        except HTTPException as error:
            response = self._routing_error_response(request, error)
        except Exception as error:
            failure = error
            response = self._error_response(
                ServiceError(500, "internal_error", "the server failed to answer; the reason is in its log")
            )
        await response(scope, receive, send)
        if failure is not None:
            logger.error("%s %s failed", scope["method"], self._route(scope), exc_info=failure)

    def _find(self, scope: Scope) -> Endpoint:
        """Return the handler of a path with parameters, and add those to the scope.

        Raises:
            HTTPException: 404 for an unknown path, 405 for a method that the path does not accept.
        """
        partial = False
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return cast("Endpoint", route.endpoint)
            partial |= match is Match.PARTIAL
        raise HTTPException(405 if partial else 404)

    def _route(self, scope: Scope) -> str:
        """Return the template of the route that handled the request, or would handle it with another method."""
        path: str = scope["path"]
        if path in self._methods:
            return path
        if "endpoint" in scope:
            return self._templates[scope["endpoint"]]
        return next((route.path for route in self._routes if route.matches(scope)[0] is not Match.NONE), UNMATCHED)

    def _error_response(self, error: ServiceError) -> Response:
        self._metrics.count_error(error.code)
        return error.response()

    def _routing_error_response(self, request: Request, error: HTTPException) -> Response:
        path = request.url.path[:100].encode("utf-8", "replace").decode()
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = self._methods[self._route(request.scope)]
            message = f"{path} accepts {allowed}, not {request.method[:20]}"
            rejection = ServiceError(405, "method_not_allowed", message, headers={"allow": allowed})
        else:
            known = ", ".join(self._methods)
            rejection = ServiceError(404, "not_found", f"there is nothing at {path}; the routes are {known}")
        return self._error_response(rejection)
