"""The OpenAPI 3.1 document: every route with its parameters, request body, responses and errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sentiline

from .. import headers
from ..http.api_keys import is_open
from ..settings import Settings
from ..telemetry.metrics import CONTENT_TYPE
from .examples import EXAMPLES
from .openapi_schemas import STRING, Schema, reference, schemas
from .pages import ASSET_ROUTE, DOCS_ROUTE, TYPES

MEANINGS = {
    400: "The body is not valid JSON, not UTF-8, incomplete, or not compressed as its header says.",
    404: "No such model, or no such version of it.",
    408: "The body did not arrive in time.",
    413: "The body has too many bytes or too many texts.",
    415: "The content type is not JSON, or the content encoding is neither gzip nor deflate.",
    422: "A field, a header or a text is invalid.",
    401: "The API key is missing or invalid.",
    429: "Too many tokens are pending; try again after the number of seconds in `Retry-After`.",
    503: "The default model is not ready, the requested model is unusable, or a folder of models cannot be read.",
    504: "The deadline passed before the response was ready.",
}
# errors that every route may answer with
ANY = {
    400: "The request is not valid HTTP/1.1.",
    408: "The request's headers did not arrive in time.",
    431: "The request line and headers are too large.",
    500: "The server failed; its log has the reason.",
    501: "The transfer coding is not `chunked`.",
    503: "Too many connections are open.",
}

# groups of routes, in the order in which the documentation shows them
TAGS = {
    "Predictions": "The native API: labels and scores, sentences, and the sentiment at every token.",
    "Hugging Face": "The same models for Hugging Face's inference clients.",
    "Open Inference Protocol": "The same models for clients of version 2 of the protocol.",
    "Models and limits": "The models and the configuration of this server.",
    "Health and metrics": "For probes and for Prometheus.",
    "Documentation": "Descriptions of this API for people and for programs.",
    "Page": "A page on which to try the service.",
}

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
TIMED = {
    name: {"schema": STRING, "description": "The number of tokens read, or a time in milliseconds."}
    for name in headers.TIMING
}
TIMEOUT = {
    "name": headers.TIMEOUT_MS,
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 1},
    "description": "The client's deadline in milliseconds; the server's own limit still applies.",
}


def document(settings: Settings) -> dict[str, Any]:
    """The document, with the limits of `settings`. GET routes answer HEAD too, which it leaves out."""
    paths = {path: _with_parameters(path, _with_tag(path, item), settings) for path, item in _paths().items()}
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Sentiline",
            "version": sentiline.__version__,
            "description": "The sentiment of a text, and the sentiment at every token and in every sentence of it.",
        },
        "servers": [{"url": "."}],  # relative to the document, so that it holds under any path prefix
        "tags": [{"name": name, "description": meaning} for name, meaning in TAGS.items()],
        "paths": paths,
        "components": {"schemas": schemas(settings)},
    }
    return _with_keys(described) if settings.api_keys else described


def _with_keys(described: dict[str, Any]) -> dict[str, Any]:
    """Add the security schemes and errors of a server that requires API keys."""
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
        "/": _with_etag(
            _get("A page on which to type a review and see how the models read it.", {"text/html": STRING})
        ),
        ASSET_ROUTE: _asset(),
        DOCS_ROUTE: _with_etag(_get("This document as a page.", {"text/html": STRING})),
        "/predict": {"post": predict},
        "/hf": _classify("Classify texts for Hugging Face's inference clients."),
        "/hf/models/{model}": _classify("Classify texts with the named model."),
        **_inference(),
        "/models": _get("List the models.", _json("Models"), (503,)),
        "/info": _get("Versions, digests, limits, precision and threads of this server.", _json("Info"), (503,)),
        "/livez": _get("Whether the process is alive.", _json("Alive")),
        "/healthz": _get("The same as `/livez`.", _json("Alive")),
        "/readyz": _get("Whether the default model gives the same answer as in its warm-up.", _json("Ready"), (503,)),
        "/metrics": _get("Metrics for Prometheus.", {CONTENT_TYPE.partition(";")[0]: STRING}),
        "/schema.json": _get("The native API in BentoML's own schema.", {headers.JSON: {"type": "object"}}),
        "/openapi.json": _get("This document.", {headers.JSON: {"type": "object"}}),
    }


def _inference() -> dict[str, dict[str, Any]]:
    paths = {
        "/v2": _get("Describe the server.", _json("ServerMetadata")),
        "/v2/health/live": _get("Whether the process is alive.", _json("ServerLive")),
        "/v2/health/ready": _get(
            "Whether the default model gives the same answer as in its warm-up.", _json("ServerReady"), (503,)
        ),
    }
    for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        paths[model] = _get("Describe a model's inputs and outputs.", _json("ModelMetadata"), MODEL)
        paths[f"{model}/ready"] = _get(
            "Whether a model gives the same answer as in its warm-up.", _json("ModelReady"), MODEL
        )
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
                "description": "The number of bytes of JSON before the binary data.",
            }
        ]
        paths[f"{model}/infer"] = {"post": infer}
    return paths


def _get(summary: str, answers: dict[str, Schema], refusals: Sequence[int] = ()) -> dict[str, Any]:
    return {"get": _operation(summary, answers, refusals)}


def _asset() -> dict[str, Any]:
    item = _get("An asset of the pages.", dict.fromkeys(sorted(TYPES.values()), STRING), (404,))
    item["get"]["responses"]["404"]["description"] = "No such asset."
    return _with_etag(item)


def _with_etag(item: dict[str, Any]) -> dict[str, Any]:
    """Add the response to a browser that already has the file."""
    responses = item["get"]["responses"]
    tag = {"ETag": {"schema": STRING, "description": "Identifies the content of the file."}}
    responses["200"]["headers"] = tag
    responses["304"] = {"description": "The file still matches `If-None-Match`.", "headers": tag}
    return item


def _classify(summary: str) -> dict[str, Any]:
    operation = _operation(summary, _json("ClassificationAnswer"), (*BODY, *ENGINE), "ClassificationRequest")
    operation["responses"]["200"]["headers"] |= {
        headers.MODEL: {"schema": STRING, "description": "The name of the model that answered."},
        headers.TRUNCATED_TEXTS: {"schema": STRING, "description": "The number of truncated texts."},
    }
    return {"post": operation}


def _operation(
    summary: str, answers: dict[str, Schema], refusals: Sequence[int], body: str | None = None
) -> dict[str, Any]:
    """Describe one method of one path.

    Args:
        summary: A sentence about the operation.
        answers: The schema of the response with status 200, by media type.
        refusals: The statuses of the operation's errors, besides those of every route.
        body: The name of the schema of the request body; None if there is no body.
    """
    responses: dict[str, Any] = {"200": {"description": "Success.", "content": _content(answers)}}
    for status in sorted({*refusals, *ANY}):
        meanings = [meaning[status] for meaning in (MEANINGS, ANY) if status in meaning]
        meanings = meanings if status in refusals else meanings[-1:]
        responses[str(status)] = {"description": " ".join(meanings), "content": _content(_json("Error"))}
    if "429" in responses:
        responses["429"]["headers"] = {
            "Retry-After": {"schema": STRING, "description": "The number of seconds to wait."}
        }
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
    return {media_type: {"schema": schema} for media_type, schema in schemas_by_type.items()}


def _with_tag(path: str, item: dict[str, Any]) -> dict[str, Any]:
    """Add the group of a path."""
    tag = _TAGS_BY_START.get(path.split("/")[1], "Health and metrics")
    return {method: {"tags": [tag], **operation} for method, operation in item.items()}


def _with_parameters(path: str, item: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Add the parameters in the braces of a path."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    if not names:
        return item
    parameters = [{"name": name, "in": "path", "required": True, "schema": STRING} for name in names]
    for parameter in parameters:
        if parameter["name"] == "model":
            parameter |= {"description": "The name of a model, as listed by `GET /models`.", "example": settings.model}
        elif path.startswith("/v2/"):
            parameter["description"] = "The version of the model, as listed by `GET /models`."
    return {"parameters": parameters, **item}
