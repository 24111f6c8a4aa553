"""Which texts are refused unread, and how outcomes become refusals; knows no wire format and no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentiline.errors import InputError, TextTooLongError, TextTypeError
from sentiline.reading import Reading

from .errors import ServiceError, json_type
from .settings import Settings, variable

Outcome = Reading | InputError


def all_readings(outcomes: Sequence[Outcome], field: str, *, listed: bool) -> list[Reading]:
    """The readings, for an answer that has no room for errors beside them.

    Raises:
        ServiceError: 422, that of the first text that could not be scored.
    """
    readings = []
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, InputError):
            raise ServiceError(422, outcome.code, str(outcome), **details(outcome, field, index, listed=listed))
        readings.append(outcome)
    return readings


def details(error: InputError, field: str, index: int, *, listed: bool) -> dict[str, Any]:
    """The keys of an error object that say which text it is about, and which limit that exceeds."""
    place: dict[str, Any] = {"field": f"{field}[{index}]", "index": index} if listed else {"field": field}
    limits = {"limit": error.limit, "setting": error.setting} if isinstance(error, TextTooLongError) else {}
    return place | {key: value for key, value in limits.items() if value is not None}


def refusal(text: Any, settings: Settings) -> InputError | None:
    """Why a text is not even tokenized: it is no string, or too long to be looked at; None if it is fit."""
    if not isinstance(text, str):
        return TextTypeError(f"a text must be a string; it is {json_type(text)}")
    limit, setting = settings.max_text_characters, variable("max_text_characters")
    if len(text) > limit:
        return TextTooLongError(
            f"the text has {len(text)} characters and the limit is {limit}; send a part of it, or raise {setting}",
            limit=limit,
            setting=setting,
        )
    return None
