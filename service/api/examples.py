"""Example requests for the OpenAPI document, by the name of their schema; each one is a valid request."""

from __future__ import annotations

from typing import Any

_ONE = "The plot drags, but the acting is wonderful."
_OTHER = "So boring that I left before the end."

EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {
    "PredictRequest": {
        "one": {"summary": "One text", "value": {"inputs": _ONE}},
        "several": {
            "summary": "Several texts, with the sentences of each",
            "value": {"inputs": [_ONE, _OTHER], "detail": "sentences"},
        },
    },
    "ClassificationRequest": {
        "one": {"summary": "One text, both labels", "value": {"inputs": _ONE}},
        "several": {
            "summary": "Several texts, the likelier label of each",
            "value": {"inputs": [_ONE, _OTHER], "parameters": {"top_k": 1}},
        },
    },
    "InferRequest": {
        "texts": {
            "summary": "Two texts in one tensor",
            "value": {
                "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": [_ONE, _OTHER]}],
                "outputs": [{"name": "label"}, {"name": "score"}],
            },
        },
    },
}
