"""`POST /predict` as values: a JSON document becomes a request, readings become the answer; knows no HTTP headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sentiline.code_points import replace_lone_surrogates
from sentiline.prediction import DETAILS, Detail
from sentiline.reading import Reading
from sentiline.tokenizer import TRUNCATIONS, Truncation

from ..outcome import Outcome, details
from ..settings import Settings
from .validation import check_object, take_choice, take_inputs, take_string

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

KEYS = ("inputs", "model", "truncation", "detail")
EXAMPLE = '{"inputs": "A film to remember."}'


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A checked request.

    Attributes:
        texts: what to score, at least one; items of a list that are no strings are still here, to be answered in
            their slots.
        listed: whether the client sent a list.
        model: name of the model; None for the default.
        truncation: policy for long texts; None for the model's own.
        detail: whether to answer with timesteps, with sentences, or with neither.
    """

    texts: Sequence[Any]
    listed: bool
    model: str | None
    truncation: Truncation | None
    detail: Detail


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
    """Check a parsed JSON body; null counts as left out.

    Raises:
        ServiceError: 422, naming the field; 413 for more texts than `max_items`.
    """
    fields = check_object(document, KEYS, EXAMPLE)
    texts, listed = take_inputs(fields, EXAMPLE, settings)
    return PredictRequest(
        texts=texts,
        listed=listed,
        model=take_string(fields, "model"),
        truncation=cast("Truncation | None", take_choice(fields, "truncation", TRUNCATIONS)),
        detail=cast("Detail", take_choice(fields, "detail", DETAILS) or "timesteps"),
    )


def render(outcome: Outcome, index: int, request: PredictRequest) -> dict[str, Any]:
    """One text's slot of `predictions`: what was read, or the error object that stands in for it."""
    if isinstance(outcome, Reading):
        document = outcome.as_dict(request.detail)
        for sentence in document.get("sentences", ()):  # a lone surrogate, which no token holds, has no UTF-8
            sentence["sentence"] = replace_lone_surrogates(sentence["sentence"])
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
