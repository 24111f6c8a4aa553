"""The error that every part of the service raises, and the one JSON body with which it is answered.

    {"error": "<sentence>", "error_type": "<code>", "field": …, "index": …, "limit": …, "setting": …}

Only the first two keys are always present.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from .headers import JSON

# every value of `error_type`: a fixed set, because metrics are labelled by it
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
        "unsupported_transfer_encoding",
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
        "too_many_connections",
        "deadline_exceeded",
        "not_ready",
        "model_unavailable",
        "internal_error",
    }
)


class ServiceError(Exception):
    """An error with which a request is answered.

    Attributes:
        status: HTTP status.
        code: The `error_type`, one of `CODES`.
        details: Further keys of the JSON body.
        headers: Further response headers.
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
        """The JSON body."""
        return {"error": str(self), "error_type": self.code, **self.details}

    def response(self) -> Response:
        """The HTTP response."""
        return Response(orjson.dumps(self.document()), self.status, self.headers, JSON)


def invalid_request(code: str, message: str, field: str | None) -> ServiceError:
    """An error with status 422; `field` is the path of the field or the name of the header that is wrong."""
    return ServiceError(422, code, message, field=None if field is None else quote(field))


def quote(value: str, length: int = 60) -> str:
    """A client's own string as it may appear in a message: cut to `length` characters and encodable as UTF-8."""
    return value[:length].encode("utf-8", "replace").decode("utf-8")


def json_type(value: Any) -> str:
    """The JSON type of a parsed value, with its article."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
