"""`POST /predict`: from a JSON document to a request, and from readings to the response body."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from sentiline.prediction import Detail
from sentiline.reading import Reading
from sentiline.tokenizer import Truncation

from ..outcome import Outcome, details
from ..settings import Settings
from .validation import TextRequest, validate

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

EXAMPLE = '{"inputs": "A film to remember."}'
TRUNCATION = "What to do with a text of more tokens than the model reads; by default, the model's own policy."

_SURROGATE = re.compile("[\ud800-\udfff]")


class PredictRequest(TextRequest):
    """The body of `POST /predict`."""

    model: str | None = Field(default=None, description="The name of a model; by default, the default model.")
    truncation: Truncation | None = Field(default=None, description=TRUNCATION)
    detail: Detail = Field(
        default="timesteps", description="What to return with each verdict; by default, `timesteps`."
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back.

    Attributes:
        status: 200 if at least one text was scored, else 422.
        document: the JSON object.
        outcomes: a reading or an error for each text, in order.
    """

    status: int
    document: dict[str, Any]
    outcomes: Sequence[Outcome]


def parse(document: Any, settings: Settings) -> PredictRequest:
    """Validate a parsed JSON body.

    Raises:
        ServiceError: 422 with the field that is wrong; 413 for more than `max_items` texts.
    """
    return validate(PredictRequest, document, settings, EXAMPLE)


def render(outcome: Outcome, index: int, request: PredictRequest) -> dict[str, Any]:
    """One text's slot of `predictions`: what was read, or the error object that stands in for it."""
    if isinstance(outcome, Reading):
        document = outcome.as_dict(request.detail)
        for sentence in document.get("sentences", ()):  # a lone surrogate, which no token holds, has no UTF-8
            sentence["sentence"] = _SURROGATE.sub("\ufffd", sentence["sentence"])
        return document
    return {
        "error": str(outcome),
        "error_type": outcome.code,
        **details(outcome, "inputs", index, listed=request.listed),
    }


def answer(manifest: Manifest, outcomes: Sequence[Outcome], slots: Sequence[Any], request: PredictRequest) -> Answer:
    """Put an answer together.

    A text that cannot be scored does not fail the others: its slot of `predictions` holds an error object.

    Args:
        manifest: of the model.
        outcomes: of the texts, in order.
        slots: what `render` made of them, or that as an `orjson.Fragment`.
        request: what was asked.
    """
    if any(isinstance(outcome, Reading) for outcome in outcomes):
        return Answer(200, {"model": manifest.name, "version": manifest.version, "predictions": slots}, outcomes)
    first = render(outcomes[0], 0, request)
    if not request.listed:
        return Answer(422, first, outcomes)
    reason = first["error"]
    summary = f"none of the {len(slots)} texts could be scored; inputs[0]: {reason}" if len(slots) > 1 else reason
    return Answer(422, {**first, "error": summary, "predictions": slots}, outcomes)
