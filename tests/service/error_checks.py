"""What every error over HTTP looks like, and all routes with a method that each accepts."""

from __future__ import annotations

from typing import Any

import httpx

from service.errors import CODES

JSON = {"content-type": "application/json"}
ROUTES = {
    "/": "GET",
    "/docs": "GET",
    "/predict": "POST",
    "/hf": "POST",
    "/hf/models/tiny": "POST",
    "/v2": "GET",
    "/v2/health/live": "GET",
    "/v2/health/ready": "GET",
    "/v2/models/tiny": "GET",
    "/v2/models/tiny/ready": "GET",
    "/v2/models/tiny/infer": "POST",
    "/v2/models/tiny/versions/0.0.1": "GET",
    "/v2/models/tiny/versions/0.0.1/ready": "GET",
    "/v2/models/tiny/versions/0.0.1/infer": "POST",
    "/models": "GET",
    "/info": "GET",
    "/livez": "GET",
    "/healthz": "GET",
    "/readyz": "GET",
    "/metrics": "GET",
    "/schema.json": "GET",
    "/openapi.json": "GET",
}


def check_error(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Assert that an answer is an error of that status and code, and return its JSON object."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    body: dict[str, Any] = answer.json()
    assert isinstance(body, dict)
    assert (body["error_type"], body.get("field")) == (code, field), body
    assert len(body["error"]) > 10
    assert code in CODES
    return body
