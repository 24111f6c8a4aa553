"""Cross-origin requests from browsers: Starlette's middleware with JSON errors."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from ..errors import ServiceError
from ..headers import JSON_LENGTH, MODEL, TIMING, TRUNCATED_TEXTS
from ..settings import variable

_METHODS = ("GET", "POST")
_VARY = {"vary": "Origin"}


class JsonCORSMiddleware(CORSMiddleware):
    """Answers preflight requests, and adds the headers without which a browser hides an answer from a page."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            # whatever a page asks for: clients and tracers add headers of their own, and no cookie needs protection
            allow_headers=("*",),
            allow_private_network=True,
            expose_headers=("retry-after", "www-authenticate", MODEL, TRUNCATED_TEXTS, JSON_LENGTH, *TIMING),
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight request; a rejection has the same JSON body as every other error."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        if "origin" in bytes(response.body).decode():
            origin, setting = request_headers["origin"], variable("cors_origins")
            message = (
                f"pages of the origin {origin[:100]!r} may not use this service; add it to {setting} to allow them"
            )
            return ServiceError(403, "cross_origin", message, headers=_VARY, field="origin", setting=setting).response()
        method = request_headers["access-control-request-method"]
        message = f"the method {method[:20]!r} is not allowed across origins; use {' or '.join(_METHODS)}"
        return ServiceError(
            403, "cross_origin", message, headers=_VARY, field="access-control-request-method"
        ).response()
