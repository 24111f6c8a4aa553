"""Bytes to JSON values: what is refused and where it is wrong; knows nothing of HTTP bodies nor of what JSON means."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from .errors import JSON_TYPE, ServiceError
from .settings import variable

REMEDY = f"""send JSON with the header "content-type: {JSON_TYPE}" """.strip()

_CONTAINERS = (list, dict)


class _ConstantError(ValueError):
    """NaN or an infinity, which JavaScript and Python write and JSON does not have."""


def parse_json(body: bytes, max_depth: int) -> Any:
    """Parse UTF-8 JSON.

    Args:
        body: the bytes.
        max_depth: deepest nesting of lists and objects that is taken.

    Returns:
        The value. Strings may hold lone surrogates, which clients send as escapes.

    Raises:
        ServiceError: 400, or 422 for what is nested too deeply; the message says where parsing stopped and quotes
            nothing of the body.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        value = _parse_again(body, error, max_depth)
    # there cannot be more levels than opening brackets: counting bytes is all that most bodies need
    if body.count(b"[") + body.count(b"{") > max_depth and _is_deeper(value, max_depth):
        raise _too_deep(max_depth)
    return value


def _parse_again(body: bytes, error: orjson.JSONDecodeError, max_depth: int) -> Any:
    """Parse what orjson refuses.

    It refuses the escape of half a surrogate pair, which is what JavaScript sends for a text cut in the middle of an
    emoji; the standard library reads it. Everything else that it reads beyond the standard is refused here.
    """
    if "ecursion" in error.msg:
        raise _too_deep(max_depth)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as invalid:
        message = f"the body is not UTF-8: byte {invalid.start} is invalid; send UTF-8"
        raise ServiceError(400, "invalid_encoding", message) from None
    if not text.strip():
        raise ServiceError(400, "invalid_json", f"the body is empty; {REMEDY}")
    reason = error.msg
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except _ConstantError as constant:
        reason = str(constant)
    except json.JSONDecodeError as second:
        if "surrogate" in reason:  # which is fine: it is something after it that is wrong
            reason = f"{second.msg}: line {second.lineno} column {second.colno} (char {second.pos})"
    except ValueError:  # of `_float`
        reason = "a number is too large"
    else:
        if "surrogate" in reason:
            return value
    raise ServiceError(400, "invalid_json", f"the body is not valid JSON ({reason}); {REMEDY}")


def _is_deeper(value: Any, max_depth: int) -> bool:
    level = [value]
    for depth in range(max_depth + 1):
        level = [child for child in level if isinstance(child, _CONTAINERS)]
        if not level or depth == max_depth:
            break
        level = [
            child
            for container in level
            if container  # a body can be a million empty ones
            for child in (container.values() if isinstance(container, dict) else container)
        ]
    return bool(level)


def _too_deep(max_depth: int) -> ServiceError:
    setting = variable("max_json_depth")
    message = (
        f"the body nests lists and objects at least {max_depth + 1} deep and the limit is {max_depth}; "
        f"send it flatter, or raise {setting}"
    )
    return ServiceError(422, "nesting_too_deep", message, limit=max_depth, setting=setting)


def _integer(text: str) -> int | float:
    """A whole number as orjson reads it: as a float if it does not fit 64 bits."""
    value = int(text) if len(text) <= 20 else None
    return value if value is not None and -(2**63) <= value < 2**64 else _float(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError
    return value


def _refuse_constant(name: str) -> Any:
    raise _ConstantError(f"it holds {name}, which JSON does not have; send null or a number")
