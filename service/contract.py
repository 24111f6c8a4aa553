"""`POST /predict` as values: a JSON document becomes a request, readings become the answer; knows no HTTP headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sentiline.errors import InputError, TextTooLongError, TextTypeError
from sentiline.prediction import DETAILS, Detail
from sentiline.reading import Reading
from sentiline.tokenizer import TRUNCATIONS, Truncation

from .errors import ServiceError
from .settings import Settings, variable

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

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
    outcomes: Sequence[Reading | InputError]


def parse(document: Any, settings: Settings) -> PredictRequest:
    """Check a parsed JSON body; null counts as left out.

    Raises:
        ServiceError: 422, naming the field; 413 for more texts than `max_items`.
    """
    if not isinstance(document, dict):
        raise _refuse("invalid_type", f"the body must be an object such as {EXAMPLE}; it is {_kind(document)}", None)
    unknown = sorted(set(document) - set(KEYS))
    if unknown:
        known = ", ".join(KEYS)
        raise _refuse("unknown_field", f'there is no field "{_shown(unknown[0])}"; the fields are {known}', unknown[0])
    inputs = document.get("inputs")
    if inputs is None:
        raise _refuse("missing_field", f'the field "inputs" is missing; send an object such as {EXAMPLE}', "inputs")
    if isinstance(inputs, str):
        texts: Sequence[Any] = [inputs]
    elif isinstance(inputs, list):
        texts = inputs
        _check_count(len(texts), settings)
    else:
        raise _refuse("invalid_type", f"inputs must be a string or a list of strings; it is {_kind(inputs)}", "inputs")
    return PredictRequest(
        texts=texts,
        listed=isinstance(inputs, list),
        model=_string(document, "model"),
        truncation=cast("Truncation | None", _choice(document, "truncation", TRUNCATIONS)),
        detail=cast("Detail", _choice(document, "detail", DETAILS) or "timesteps"),
    )


def answer(predictor: Predictor, request: PredictRequest, settings: Settings) -> Answer:
    """Score the texts of a request, in the calling thread and the predictor's own.

    A text that cannot be scored does not fail the others: its slot of `predictions` holds an error object.
    """
    outcomes = _read(predictor, request, settings)
    slots = [
        outcome.as_dict(request.detail) if isinstance(outcome, Reading) else _slot(outcome, index, request)
        for index, outcome in enumerate(outcomes)
    ]
    document = {"model": predictor.manifest.name, "version": predictor.manifest.version, "predictions": slots}
    if any(isinstance(outcome, Reading) for outcome in outcomes):
        return Answer(200, document, outcomes)
    if not request.listed:
        return Answer(422, slots[0], outcomes)
    first = slots[0]["error"]
    summary = f"none of the {len(slots)} texts could be scored; inputs[0]: {first}" if len(slots) > 1 else first
    return Answer(422, {**slots[0], "error": summary, "predictions": slots}, outcomes)


def _read(predictor: Predictor, request: PredictRequest, settings: Settings) -> list[Reading | InputError]:
    refused = [_refusal(text, settings) for text in request.texts]
    accepted = [text for text, error in zip(request.texts, refused, strict=True) if error is None]
    readings = iter(predictor.read(accepted, truncation=request.truncation, errors="return"))
    return [next(readings) if error is None else error for error in refused]


def _refusal(text: Any, settings: Settings) -> InputError | None:
    if not isinstance(text, str):
        return TextTypeError(f"a text must be a string; it is {_kind(text)}")
    limit = settings.max_text_characters
    if len(text) > limit:
        return TextTooLongError(
            f"the text has {len(text)} characters and the limit is {limit}; send a part of it, or raise "
            f"{variable('max_text_characters')}"
        )
    return None


def _slot(error: InputError, index: int, request: PredictRequest) -> dict[str, Any]:
    """The error object that stands in for the prediction of one text."""
    message = str(error).removeprefix(f"{error.field}: ")  # the library numbers only the texts that reached it
    if not request.listed:
        return {"error": message, "error_type": error.code, "field": "inputs"}
    return {"error": message, "error_type": error.code, "field": f"inputs[{index}]", "index": index}


def _check_count(count: int, settings: Settings) -> None:
    if count == 0:
        raise _refuse("empty_list", "inputs is an empty list; send at least one text", "inputs")
    limit, setting = settings.max_items, variable("max_items")
    if count > limit:
        raise ServiceError(
            413,
            "too_many_items",
            f"inputs has {count} texts and the limit is {limit}; send several requests, or raise {setting}",
            field="inputs",
            limit=limit,
            setting=setting,
        )


def _string(document: dict[str, Any], key: str) -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise _refuse("invalid_type", f"{key} must be a string; it is {_kind(value)}", key)
    return value


def _choice(document: dict[str, Any], key: str, choices: Sequence[str]) -> str | None:
    value = _string(document, key)
    if value is not None and value not in choices:
        raise _refuse("invalid_option", f'{key} is "{_shown(value)}"; it must be one of {", ".join(choices)}', key)
    return value


def _refuse(code: str, message: str, field: str | None) -> ServiceError:
    return ServiceError(422, code, message, field=None if field is None else _shown(field))


def _shown(value: str) -> str:
    """A client's own string, fit to be quoted in an error: short, and encodable."""
    return value[:60].encode("utf-8", "replace").decode("utf-8")


def _kind(value: Any) -> str:
    """JSON's name of a value's type."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
