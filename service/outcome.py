"""The outcome of one text, a reading or an error, and how its error is reported to a client."""

from __future__ import annotations

from typing import Any

from sentiline.errors import InputError, TextTooLongError, TextTypeError
from sentiline.reading import Reading

from .errors import json_type
from .settings import Settings, variable

Outcome = Reading | InputError


def error_details(error: InputError, field: str, index: int, *, listed: bool) -> dict[str, Any]:
    """Return the keys of an error object that name the text in question and the limit that it exceeds."""
    location: dict[str, Any] = {"field": f"{field}[{index}]", "index": index} if listed else {"field": field}
    limits = {"limit": error.limit, "setting": error.setting} if isinstance(error, TextTooLongError) else {}
    return location | {key: value for key, value in limits.items() if value is not None}


def input_error(text: Any, settings: Settings) -> InputError | None:
    """Return the error of an item that must not be tokenized: not a string, or too long; None if it is acceptable."""
    if not isinstance(text, str):
        return TextTypeError(f"a text must be a string; it is {json_type(text)}")
    limit = settings.max_text_characters
    if len(text) > limit:
        setting = variable("max_text_characters")
        return TextTooLongError(
            f"the text has {len(text)} characters and the limit is {limit}; send a part of it, or raise {setting}",
            limit=limit,
            setting=setting,
        )
    return None
