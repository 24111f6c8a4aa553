"""Texts as clients send them to readings or errors, within the limits; knows no wire format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sentiline.errors import InputError, TextTooLongError, TextTypeError
from sentiline.reading import Reading
from sentiline.tokenizer import Truncation

from .errors import ServiceError
from .fields import kind
from .settings import Settings, variable

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

Outcome = Reading | InputError


def score(
    predictor: Predictor, texts: Sequence[Any], truncation: Truncation | None, settings: Settings
) -> list[Outcome]:
    """Score texts, in the calling thread and the predictor's own.

    Returns:
        A reading or an error for each text, in order; what is no string, or too long to be looked at, is an error.
    """
    refused = [_refusal(text, settings) for text in texts]
    accepted = [text for text, error in zip(texts, refused, strict=True) if error is None]
    readings = iter(predictor.read(accepted, truncation=truncation, errors="return"))
    return [next(readings) if error is None else error for error in refused]


def all_readings(outcomes: Sequence[Outcome], field: str, *, listed: bool) -> list[Reading]:
    """The readings, for an answer that has no room for errors beside them.

    Raises:
        ServiceError: 422, that of the first text that could not be scored.
    """
    readings = []
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, InputError):
            raise ServiceError(422, outcome.code, describe(outcome), **place(field, index, listed=listed))
        readings.append(outcome)
    return readings


def describe(error: InputError) -> str:
    """What is wrong with a text, without the number that the library gave it: it counts only those it was given."""
    return str(error).removeprefix(f"{error.field}: ")


def place(field: str, index: int, *, listed: bool) -> dict[str, Any]:
    """The keys of an error object that say which text it is about."""
    return {"field": f"{field}[{index}]", "index": index} if listed else {"field": field}


def _refusal(text: Any, settings: Settings) -> InputError | None:
    if not isinstance(text, str):
        return TextTypeError(f"a text must be a string; it is {kind(text)}")
    limit = settings.max_text_characters
    if len(text) > limit:
        return TextTooLongError(
            f"the text has {len(text)} characters and the limit is {limit}; send a part of it, or raise "
            f"{variable('max_text_characters')}"
        )
    return None
