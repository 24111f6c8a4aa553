"""Typed values out of a client's JSON; each refusal names the field, what was found and what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ServiceError
from ..settings import Settings, variable


def check_object(value: Any, keys: Sequence[str], example: str, *, name: str | None = None) -> dict[str, Any]:
    """Return a JSON object that has no other keys than these.

    Args:
        value: the parsed JSON.
        keys: those it may have.
        example: shown where it is no object.
        name: what errors call it; None for the body itself.

    Raises:
        ServiceError: 422.
    """
    if not isinstance(value, dict):
        message = f"{name or 'the body'} must be an object such as {example}; it is {kind(value)}"
        raise refuse("invalid_type", message, name)
    unknown: str | None = next((key for key in value if key not in keys), None)
    if unknown is not None:
        where = f"{name} has" if name else "there is"
        message = f'{where} no field "{shown(unknown)}"; the fields are {", ".join(keys)}'
        raise refuse("unknown_field", message, unknown if name is None else f"{name}.{unknown}")
    return value


def take_inputs(document: dict[str, Any], example: str, settings: Settings) -> tuple[Sequence[Any], bool]:
    """Take the texts out of the field "inputs".

    Returns:
        `(texts, listed)`: at least one text, and whether they came as a list. Items of a list that are no strings
        are still there.

    Raises:
        ServiceError: 422, or 413 for more texts than `max_items`.
    """
    inputs = document.get("inputs")
    if inputs is None:
        raise refuse("missing_field", f'the field "inputs" is missing; send an object such as {example}', "inputs")
    if isinstance(inputs, str):
        return [inputs], False
    if not isinstance(inputs, list):
        raise refuse("invalid_type", f"inputs must be a string or a list of strings; it is {kind(inputs)}", "inputs")
    if not inputs:
        raise refuse("empty_list", "inputs is an empty list; send at least one text", "inputs")
    check_count(len(inputs), "inputs", settings)
    return inputs, True


def check_count(count: int, name: str, settings: Settings) -> None:
    """Refuse more texts than `max_items`.

    Raises:
        ServiceError: 413.
    """
    limit, setting = settings.max_items, variable("max_items")
    if count > limit:
        raise ServiceError(
            413,
            "too_many_items",
            f"{name} has {count} texts and the limit is {limit}; send several requests, or raise {setting}",
            field=name,
            limit=limit,
            setting=setting,
        )


def take_string(document: dict[str, Any], key: str, *, within: str = "") -> str | None:
    """Take a string; None if it is null or left out. `within` is the path of the object, such as "parameters.".

    Raises:
        ServiceError: 422.
    """
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise refuse("invalid_type", f"{within}{key} must be a string; it is {kind(value)}", within + key)
    return value


def take_choice(document: dict[str, Any], key: str, choices: Sequence[str], *, within: str = "") -> str | None:
    """Take a string that is one of `choices`; None if it is null or left out.

    Raises:
        ServiceError: 422.
    """
    value = take_string(document, key, within=within)
    if value is not None and value not in choices:
        message = f'{within}{key} is "{shown(value)}"; it must be one of {", ".join(choices)}'
        raise refuse("invalid_option", message, within + key)
    return value


def refuse(code: str, message: str, field: str | None) -> ServiceError:
    """A refusal with status 422."""
    return ServiceError(422, code, message, field=None if field is None else shown(field))


def shown(value: str, length: int = 60) -> str:
    """A client's own string, fit to be quoted: short, and encodable."""
    return value[:length].encode("utf-8", "replace").decode("utf-8")


def kind(value: Any) -> str:
    """JSON's name of a value's type."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
