"""Cross-origin requests from browsers: Starlette's middleware with JSON errors."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from ..errors import ServiceError
from ..headers import API_KEY, JSON_LENGTH, MODEL, TIMEOUT_MS, TIMING, TRUNCATED_TEXTS

_ALLOWED = (
    "authorization",
    "content-encoding",
    "content-type",
    "traceparent",
    "tracestate",
    JSON_LENGTH,
    API_KEY,
    TIMEOUT_MS,
)


class JsonCORSMiddleware(CORSMiddleware):
    """Answers preflight requests, and adds the headers without which a browser hides an answer from a page."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=_ALLOWED,
            expose_headers=("retry-after", "www-authenticate", MODEL, TRUNCATED_TEXTS, JSON_LENGTH, *TIMING),
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight request; a rejection has the same JSON body as every other error."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        message = f"this cross-origin request is not allowed: {bytes(response.body).decode()}"
        return ServiceError(403, "cross_origin", message, headers={"vary": "Origin"}).response()
