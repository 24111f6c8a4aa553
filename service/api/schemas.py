"""JSON schemas of what the routes take and give, for the OpenAPI document; what they describe is coded elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentiline.prediction import DETAILS
from sentiline.tokenizer import TRUNCATIONS

from ..errors import CODES
from ..settings import Settings
from .huggingface import FUNCTIONS
from .model_info import LIMITS
from .oip import DATATYPES
from .oip_tensors import MAX_RANK

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}
LABEL: Schema = {"enum": ["POSITIVE", "NEGATIVE"]}
DATA = "Its texts are in `data`, or follow the JSON as so many bytes as `parameters.binary_data_size` says."
VERDICT: Schema = {"type": "number", "minimum": 0.5, "maximum": 1, "description": "Probability of the label."}


def reference(name: str) -> Schema:
    """The schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas(settings: Settings) -> dict[str, Schema]:
    """All schemas by name."""
    return {
        "Error": record(
            {
                "error": STRING | {"description": "A sentence for people."},
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
            description="Stands in a list for the prediction of a text that could not be scored.",
        ),
        **_predictions(),
        **_requests(settings),
        **_classification(settings),
        **_inference(),
        **_catalogue(),
        "Alive": record({"status": {"const": "alive"}}),
        "Ready": record({"status": {"const": "ready"}, "model": STRING}),
    }


def record(properties: dict[str, Schema], *, required: Sequence[str] | None = None, **more: Any) -> Schema:
    """An object with these keys and no others; all are there unless `required` says which."""
    names = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False, **more}


def array(items: Schema, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **more}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _predictions() -> dict[str, Schema]:
    span = {"start": COUNT | {"description": "In code points."}, "end": COUNT}
    return {
        "Timestep": record(
            {
                "token": STRING,
                **span,
                "unknown": FLAG,
                "positive": PROBABILITY,
                "contribution": nullable(NUMBER),
                "running": nullable(PROBABILITY),
            }
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
            },
            required=[key for key in summary if key not in ("timesteps", "sentences")],
        ),
        "PredictAnswer": record(
            {
                "model": STRING,
                "version": STRING,
                "predictions": array({"anyOf": [reference("Prediction"), reference("TextError")]}),
            }
        ),
    }


def _inputs(settings: Settings) -> Schema:
    # items of a list may be anything: one that is no usable text is answered in its slot
    texts = array({"description": "A text."}, minItems=1, maxItems=settings.max_items)
    one = STRING | {"maxLength": settings.max_text_characters}
    return {"anyOf": [one, texts], "description": "A text, or a list of texts."}


def _truncation() -> Schema:
    meaning = "What to do with a text of more tokens than the model reads; without it, the model's own way."
    return nullable({"enum": list(TRUNCATIONS)}) | {"description": meaning}


def _requests(settings: Settings) -> dict[str, Schema]:
    fields = {
        "inputs": _inputs(settings),
        "model": nullable(STRING) | {"description": "Name of a model; without it, the default model."},
        "truncation": _truncation(),
        "detail": nullable({"enum": list(DETAILS)})
        | {"description": "What is told beside each verdict; without it, `timesteps`."},
    }
    return {"PredictRequest": record(fields, required=["inputs"])}


def _classification(settings: Settings) -> dict[str, Schema]:
    parameters = {
        "function_to_apply": nullable({"enum": list(FUNCTIONS)}),
        "top_k": nullable({"type": "integer", "minimum": 1}),
        "truncation": _truncation(),
    }
    fields = {"inputs": _inputs(settings), "parameters": nullable(record(parameters, required=[])), "options": {}}
    label = record({"label": LABEL, "score": NUMBER})
    return {
        "ClassificationRequest": record(fields, required=["inputs"]),
        "ClassificationAnswer": array(array(label, minItems=1, maxItems=2), minItems=1),
    }


def _inference() -> dict[str, Schema]:
    options: Schema = {"type": ["object", "null"]}
    size: Schema = {"type": "integer", "minimum": 1}
    tensor = {
        "name": {"const": "text"},
        "shape": array(size, maxItems=MAX_RANK),
        "datatype": {"const": "BYTES"},
        "parameters": options,
        "data": nullable(array({}, minItems=1)),
    }
    filled = {"required": ["data"], "properties": {"data": {"type": "array"}}}
    size_given = {"required": ["binary_data_size"], "properties": {"binary_data_size": {"not": {"type": "null"}}}}
    binary = {"required": ["parameters"], "properties": {"parameters": {"type": "object", **size_given}}}
    one = record(tensor, required=["name", "shape", "datatype"], anyOf=[filled, binary], description=DATA)
    name = {"enum": list(DATATYPES)}
    wanted = record({"name": name, "parameters": options}, required=["name"])
    inputs = array(one, minItems=1, maxItems=1)
    output = {
        "name": name,
        "datatype": {"enum": list(DATATYPES.values())},
        "shape": array(size),
        "data": array({"anyOf": [LABEL, PROBABILITY, FLAG]}),
        "parameters": record({"binary_data_size": COUNT}),
    }
    description = record({"name": STRING, "datatype": STRING, "shape": array({"type": "integer"})})
    return {
        "InferRequest": record(
            {"id": nullable(STRING), "parameters": options, "inputs": inputs, "outputs": nullable(array(wanted))},
            required=["inputs"],
        ),
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
    model = {
        "name": STRING,
        "state": {"enum": ["loaded", "available", "unusable"]},
        "version": STRING,
        "digest": STRING | {"pattern": "^sha256:[0-9a-f]{64}$"},
        "summary": nullable(STRING),
        "additive": FLAG,
        "precision": STRING,
        "precisions": array(STRING),
        "max_tokens": nullable(COUNT),
        "truncation": nullable({"enum": list(TRUNCATIONS)}),
        "uncertainty": nullable(
            record({"confidence": {"type": "number", "minimum": 0.5, "maximum": 1}, "unknown_rate": PROBABILITY})
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
