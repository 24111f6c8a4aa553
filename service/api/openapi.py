"""`GET /openapi.json`: every route with what it takes, what it answers and how it refuses; OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sentiline

from .. import headers
from ..http.api_keys import is_open
from ..settings import Settings
from ..telemetry.metrics import CONTENT_TYPE
from .examples import EXAMPLES
from .pages import ASSET_ROUTE, DOCS_ROUTE, TYPES
from .schemas import STRING, Schema, reference, schemas

MEANINGS = {
    400: "The body is not JSON, not UTF-8, incomplete, or not compressed as its header says.",
    404: "There is no such model, or no such version of it.",
    408: "The body did not arrive in time.",
    413: "The body has too many bytes or texts.",
    415: "The body is not JSON, or it is compressed in another way than gzip or deflate.",
    422: "A field, a header or a text cannot be used.",
    401: "The API key is missing or not valid.",
    429: "Too many tokens are waiting; try again after the seconds that `Retry-After` says.",
    503: "The default model is not ready, the one asked for cannot be used, or the folders of models cannot be read.",
    504: "The deadline passed before the answer was ready.",
}
ANY = {
    400: "The request is not valid HTTP/1.1.",
    408: "The headers did not arrive in time.",
    431: "The request line and the headers have too many bytes.",
    500: "The server failed; its log says why.",
}
"""What any route may answer, whatever is asked of it."""

TAGS = {
    "Predictions": "The native API: labels and scores, sentences, and the sentiment at every token.",
    "Hugging Face": "The same models for Hugging Face's inference clients.",
    "Open Inference Protocol": "The same models for clients of version 2 of the protocol.",
    "Models and limits": "What this server has and allows.",
    "Health and metrics": "For probes and for Prometheus.",
    "Documentation": "This API, for people and for programs.",
    "Page": "The page on which to try the service.",
}
"""The groups of the routes, in the order in which they are shown, with what they are for."""

_TAGS_BY_START = {
    "predict": "Predictions",
    "hf": "Hugging Face",
    "v2": "Open Inference Protocol",
    "models": "Models and limits",
    "info": "Models and limits",
    "docs": "Documentation",
    "openapi.json": "Documentation",
    "schema.json": "Documentation",
    "": "Page",
    "page": "Page",
}

BODY = (400, 408, 413, 415, 422)
MODEL = (404, 503)
ENGINE = (*MODEL, 429, 504)
TIMED = {name: {"schema": STRING, "description": "Tokens read, or milliseconds."} for name in headers.TIMING}
TIMEOUT = {
    "name": headers.TIMEOUT_MS,
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 1},
    "description": "Milliseconds in which the answer is wanted; the server has a limit too.",
}


def document(settings: Settings) -> dict[str, Any]:
    """The document; `settings` are the limits in it. GET routes answer HEAD too."""
    paths = {path: _with_parameters(path, _with_tag(path, item), settings) for path, item in _paths().items()}
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Sentiline",
            "version": sentiline.__version__,
            "description": "The sentiment of a text, and the sentiment at every token and in every sentence of it.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": meaning} for name, meaning in TAGS.items()],
        "paths": paths,
        "components": {"schemas": schemas(settings)},
    }
    return _with_keys(described) if settings.api_keys else described


def _with_keys(described: dict[str, Any]) -> dict[str, Any]:
    """Add what a server that wants API keys asks for and answers."""
    described["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": headers.API_KEY},
    }
    for path, item in described["paths"].items():
        for method in ("get", "post"):
            if not is_open(path) and method in item:
                item[method]["security"] = [{"bearer": []}, {"header": []}]
                refusal = {"description": MEANINGS[401], "content": _content(_json("Error"))}
                refusal["headers"] = {"WWW-Authenticate": {"schema": STRING, "description": "How to send a key."}}
                item[method]["responses"]["401"] = refusal
    return described


def _paths() -> dict[str, dict[str, Any]]:
    predict = _operation("Score a text or a list of texts.", _json("PredictAnswer"), (*BODY, *ENGINE), "PredictRequest")
    return {
        "/": _kept(_get("The page: type a review and see what the models read in it.", {"text/html": STRING})),
        ASSET_ROUTE: _asset(),
        DOCS_ROUTE: _kept(_get("What this document says, as a page.", {"text/html": STRING})),
        "/predict": {"post": predict},
        "/hf": _classify("Score texts as Hugging Face's inference clients expect it."),
        "/hf/models/{model}": _classify("The same with another model than the default."),
        **_inference(),
        "/models": _get("The models there are.", _json("Models"), (503,)),
        "/info": _get("Versions, digests, limits, precision and threads.", _json("Info"), (503,)),
        "/livez": _get("Whether the process answers.", _json("Alive")),
        "/healthz": _get("The same.", _json("Alive")),
        "/readyz": _get("Whether the default model answers as in its warm-up.", _json("Ready"), (503,)),
        "/metrics": _get("Numbers for Prometheus.", {CONTENT_TYPE.partition(";")[0]: STRING}),
        "/schema.json": _get("The native API in BentoML's own form.", {headers.JSON: {"type": "object"}}),
        "/openapi.json": _get("This document.", {headers.JSON: {"type": "object"}}),
    }


def _inference() -> dict[str, dict[str, Any]]:
    paths = {
        "/v2": _get("Open Inference Protocol: the server.", _json("ServerMetadata")),
        "/v2/health/live": _get("Whether the process answers.", _json("ServerLive")),
        "/v2/health/ready": _get("Whether the default model answers as in its warm-up.", _json("ServerReady"), (503,)),
    }
    for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        paths[model] = _get("What a model takes and gives.", _json("ModelMetadata"), MODEL)
        paths[f"{model}/ready"] = _get("Whether a model answers as in its warm-up.", _json("ModelReady"), MODEL)
        answers = _json("InferAnswer") | {headers.BINARY: {"description": "JSON, then the outputs' binary data."}}
        infer = _operation("Score texts.", answers, (*BODY, *ENGINE), "InferRequest")
        binary = {"schema": {"description": "JSON, then the texts' binary data."}}
        infer["requestBody"]["content"][headers.BINARY] = binary
        infer["parameters"] += [
            {
                "name": headers.JSON_LENGTH,
                "in": "header",
                "required": False,
                "schema": {"type": "integer", "minimum": 0},
                "description": "How many bytes of JSON there are before the binary data.",
            }
        ]
        paths[f"{model}/infer"] = {"post": infer}
    return paths


def _get(summary: str, answers: dict[str, Schema], refusals: Sequence[int] = ()) -> dict[str, Any]:
    return {"get": _operation(summary, answers, refusals)}


def _asset() -> dict[str, Any]:
    item = _get("A file of the page.", dict.fromkeys(sorted(TYPES.values()), STRING), (404,))
    item["get"]["responses"]["404"]["description"] = "The page has no such file."
    return _kept(item)


def _kept(item: dict[str, Any]) -> dict[str, Any]:
    """Add what a browser that has the file already is answered."""
    responses = item["get"]["responses"]
    tag = {"ETag": {"schema": STRING, "description": "Changes when the file does."}}
    responses["200"]["headers"] = tag
    responses["304"] = {"description": "The file is still the one that `If-None-Match` names.", "headers": tag}
    return item


def _classify(summary: str) -> dict[str, Any]:
    operation = _operation(summary, _json("ClassificationAnswer"), (*BODY, *ENGINE), "ClassificationRequest")
    operation["responses"]["200"]["headers"] |= {
        headers.MODEL: {"schema": STRING, "description": "Name of the model that answered."},
        headers.TRUNCATED_TEXTS: {"schema": STRING, "description": "Of how many texts tokens were left out."},
    }
    return {"post": operation}


def _operation(
    summary: str, answers: dict[str, Schema], refusals: Sequence[int], body: str | None = None
) -> dict[str, Any]:
    """One method of one path.

    Args:
        summary: what it does.
        answers: schema of the answer with status 200, by content type.
        refusals: statuses of its errors, beside those that any route may answer.
        body: name of the schema of what it takes; None if it takes nothing.
    """
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": _content(answers)}}
    for status in sorted({*refusals, *ANY}):
        meanings = [meaning[status] for meaning in (MEANINGS, ANY) if status in meaning]
        meanings = meanings if status in refusals else meanings[-1:]
        responses[str(status)] = {"description": " ".join(meanings), "content": _content(_json("Error"))}
    if "429" in responses:
        responses["429"]["headers"] = {"Retry-After": {"schema": STRING, "description": "Seconds."}}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if body is not None:
        responses["200"]["headers"] = dict(TIMED)
        operation["parameters"] = [TIMEOUT]
        content = _content(_json(body))
        content[headers.JSON]["examples"] = EXAMPLES[body]
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _json(name: str) -> dict[str, Schema]:
    return {headers.JSON: reference(name)}


def _content(schemas_by_type: dict[str, Schema]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in schemas_by_type.items()}


def _with_tag(path: str, item: dict[str, Any]) -> dict[str, Any]:
    """Add the group that a path is shown in."""
    tag = _TAGS_BY_START.get(path.split("/")[1], "Health and metrics")
    return {method: {"tags": [tag], **operation} for method, operation in item.items()}


def _with_parameters(path: str, item: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Add the parameters that the path names in braces."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    if not names:
        return item
    parameters = [{"name": name, "in": "path", "required": True, "schema": STRING} for name in names]
    for parameter in parameters:
        if parameter["name"] == "model":
            parameter |= {"description": "Name of a model, as `GET /models` has it.", "example": settings.model}
        elif path.startswith("/v2/"):
            parameter["description"] = "Version of the model, as `GET /models` has it."
    return {"parameters": parameters, **item}
