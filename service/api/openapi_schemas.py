"""The JSON schemas of the OpenAPI document: of requests, from their pydantic models, and of responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from sentiline.tokenizer import TRUNCATIONS

from ..errors import CODES
from ..settings import Settings
from .huggingface import ClassificationRequest
from .model_info import LIMITS
from .oip import DATATYPES, InferRequest
from .predict import PredictRequest
from .request_models import RequestModel

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}
LABEL: Schema = {
    "enum": ["POSITIVE", "NEGATIVE", "NEUTRAL"],
    "description": "NEUTRAL only with `neutral`.",
}
VERDICT: Schema = {
    "type": "number",
    "minimum": 0.33,
    "maximum": 1,
    "description": "Probability of the label; at least 0.5 without `neutral`.",
}


def reference(name: str) -> Schema:
    """A reference to the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas(settings: Settings) -> dict[str, Schema]:
    """All schemas by name."""
    return {
        "Error": record(
            {
                "error": STRING | {"description": "What is wrong and what to do about it, for people."},
                "error_type": {"enum": sorted(CODES)},
                "field": STRING,
                "index": COUNT,
                "limit": COUNT,
                "setting": STRING,
                "model": STRING,
                "models": array(STRING),
                "predictions": array(reference("TextError")),
            },
            required=("error", "error_type"),
        ),
        "TextError": record(
            {
                "error": STRING,
                "error_type": {"enum": sorted(CODES)},
                "field": STRING,
                "index": COUNT,
                "limit": COUNT,
                "setting": STRING,
            },
            required=("error", "error_type", "field", "index"),
            description="Takes the place of the prediction of a text that could not be scored.",
        ),
        **_predictions(),
        **_requests(settings),
        **_classification(),
        **_inference(),
        **_catalogue(),
        "Alive": record({"status": {"const": "alive"}}),
        "Ready": record({"status": {"const": "ready"}, "model": STRING}),
    }


def record(properties: dict[str, Schema], *, required: Sequence[str] | None = None, **more: Any) -> Schema:
    """An object with exactly these keys, all required unless `required` lists those that are."""
    names = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False, **more}


def array(items: Schema, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **more}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _predictions() -> dict[str, Schema]:
    span = {"start": COUNT | {"description": "Position in code points."}, "end": COUNT}
    return {
        "Timestep": record(
            step := {
                "token": STRING,
                **span,
                "unknown": FLAG,
                "positive": PROBABILITY,
                "contribution": nullable(NUMBER),
                "running": nullable(PROBABILITY),
                "read_as": nullable(STRING)
                | {"description": "What was read in place of the token; models of the scheme words-2 have it."},
            },
            required=[key for key in step if key != "read_as"],
        ),
        "Sentence": record(
            {
                "sentence": STRING,
                **span,
                "label": nullable(LABEL),
                "score": nullable(VERDICT),
                "positive": nullable(PROBABILITY),
                "contribution": nullable(NUMBER),
                "tokens_total": COUNT,
                "tokens_used": COUNT,
            }
        ),
        "Prediction": record(
            summary := {
                "label": LABEL,
                "score": VERDICT,
                "positive": PROBABILITY,
                "logit": NUMBER,
                "bias": NUMBER,
                "tokens_total": COUNT,
                "tokens_used": COUNT,
                "unknown_tokens": COUNT,
                "truncated": FLAG,
                "uncertain": nullable(FLAG) | {"description": "Null for a model without thresholds."},
                "timesteps": array(reference("Timestep")),
                "sentences": array(reference("Sentence")),
                "probabilities": record(
                    dict.fromkeys(("negative", "neutral", "positive"), PROBABILITY),
                    description="Only with `neutral`; they add up to 1. `positive` above stays that of two classes.",
                ),
            },
            required=[key for key in summary if key not in ("timesteps", "sentences", "probabilities")],
        ),
        "PredictAnswer": record(
            {
                "model": STRING,
                "version": STRING,
                "predictions": array({"anyOf": [reference("Prediction"), reference("TextError")]}),
            }
        ),
    }


def _requests(settings: Settings) -> dict[str, Schema]:
    """The schemas of the request bodies: those of their pydantic models, with the limits of this server."""
    models: list[tuple[type[RequestModel], JsonSchemaMode]] = [
        (PredictRequest, "validation"),
        (ClassificationRequest, "validation"),
        (InferRequest, "validation"),
    ]
    _, document = models_json_schema(models, ref_template="#/components/schemas/{model}")
    found: dict[str, Schema] = document["$defs"]
    for name in ("PredictRequest", "ClassificationRequest"):
        text, texts = found[name]["properties"]["inputs"]["anyOf"]
        text["maxLength"] = settings.max_text_characters
        texts["maxItems"] = settings.max_items
    return found


def _classification() -> dict[str, Schema]:
    label = record({"label": LABEL, "score": NUMBER})
    return {"ClassificationAnswer": array(array(label, minItems=1, maxItems=3), minItems=1)}


def _inference() -> dict[str, Schema]:
    output = {
        "name": {"enum": list(DATATYPES)},
        "datatype": {"enum": list(dict.fromkeys(DATATYPES.values()))},
        "shape": array({"type": "integer", "minimum": 1}),
        "data": array({"anyOf": [LABEL, PROBABILITY, FLAG]}),
        "parameters": record({"binary_data_size": COUNT}),
    }
    description = record({"name": STRING, "datatype": STRING, "shape": array({"type": "integer"})})
    return {
        "InferAnswer": record(
            fields := {
                "model_name": STRING,
                "model_version": STRING,
                "id": STRING,
                "parameters": record({"truncated_texts": COUNT}),
                "outputs": array(record(output, required=["name", "datatype", "shape"]), minItems=1),
            },
            required=[key for key in fields if key != "id"],
        ),
        "ServerMetadata": record({"name": STRING, "version": STRING, "extensions": array(STRING)}),
        "ServerLive": record({"live": {"const": True}}),
        "ServerReady": record({"ready": {"const": True}}),
        "ModelReady": record({"name": STRING, "ready": {"const": True}}),
        "ModelMetadata": record(
            {
                "name": STRING,
                "versions": array(STRING),
                "platform": STRING,
                "inputs": array(description),
                "outputs": array(description),
            }
        ),
    }


def _catalogue() -> dict[str, Schema]:
    file = record({"sha256": STRING | {"pattern": "^[0-9a-f]{64}$"}, "bytes": COUNT})
    digest = STRING | {"pattern": "^sha256:[0-9a-f]{64}$"}
    confidence = {"type": "number", "minimum": 0.5, "maximum": 1}
    thresholds = record(
        {
            "confidence": confidence,
            "unknown_rate": PROBABILITY,
            "lengths": array(record({"max_tokens": COUNT, "confidence": confidence})),
            "unread_rate": PROBABILITY,
        },
        required=["confidence", "unknown_rate"],
        description="The limits of a certain prediction, by length of text if `lengths` is there.",
    )
    model = {
        "name": STRING,
        "state": {"enum": ["loaded", "available", "unusable"]},
        "version": STRING,
        "digest": digest,
        "update": nullable(record({"version": STRING, "digest": digest})),
        "summary": nullable(STRING),
        "additive": FLAG,
        "precision": STRING,
        "precisions": array(STRING),
        "max_tokens": nullable(COUNT),
        "truncation": nullable({"enum": list(TRUNCATIONS)}),
        "uncertainty": nullable(thresholds),
        "neutral": record(
            {"cut_points": record({"negative": NUMBER, "positive": NUMBER}), "uncertainty": thresholds},
            required=["cut_points"],
            description="Left out for a model without cut points, which has no NEUTRAL label.",
        ),
        "files": {"type": "object", "additionalProperties": file},
    }
    both = {"default": STRING, "models": array(reference("Model"))}
    return {
        "Model": record(model, required=["name", "state"]),
        "Models": record(both),
        "Info": record(
            {
                "service": {"const": "sentiline"},
                "version": STRING,
                "ready": FLAG,
                "precision": nullable(STRING),
                "threads": COUNT,
                "workers": COUNT,
                "limits": record(dict.fromkeys(LIMITS, COUNT)),
                **both,
            }
        ),
    }
