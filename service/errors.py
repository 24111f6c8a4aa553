"""Every refusal of the service: one JSON object with an HTTP status.

    {"error": "<sentence>", "error_type": "<code>", "field": …, "index": …, "limit": …, "setting": …}

Only the first two keys are always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

JSON_TYPE = "application/json"
REFUSAL = "sentiline.refusal"
"""Key of the ASGI scope: the `ServiceError` of a request that could not be read to its end."""

CODES = frozenset(
    {
        "invalid_http",
        "invalid_json",
        "invalid_encoding",
        "incomplete_body",
        "invalid_compression",
        "header_timeout",
        "body_timeout",
        "client_disconnected",
        "not_found",
        "model_not_found",
        "method_not_allowed",
        "unauthorized",
        "cross_origin",
        "header_too_large",
        "body_too_large",
        "nesting_too_deep",
        "unsupported_media_type",
        "unsupported_content_encoding",
        "invalid_type",
        "invalid_option",
        "invalid_input",
        "invalid_shape",
        "unknown_field",
        "missing_field",
        "empty_list",
        "too_many_items",
        "empty_text",
        "text_too_long",
        "overloaded",
        "deadline_exceeded",
        "not_ready",
        "model_unavailable",
        "internal_error",
    }
)
"""Every value of `error_type`: few, and known before the first request, so that metrics may be labelled by them."""


class ServiceError(Exception):
    """A request that is refused.

    Attributes:
        status: HTTP status.
        code: the `error_type`, one of `CODES`.
        details: further keys of the JSON object.
        headers: further response headers.
    """

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, **details: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = {key: value for key, value in details.items() if value is not None}
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The JSON object."""
        return {"error": str(self), "error_type": self.code, **self.details}

    def response(self) -> Response:
        """The whole answer."""
        return Response(orjson.dumps(self.document()), self.status, self.headers, JSON_TYPE)
