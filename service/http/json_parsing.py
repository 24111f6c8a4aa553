"""Bytes to JSON values: what is refused and where it is wrong; knows nothing of HTTP bodies nor of what JSON means."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import orjson

from ..errors import ServiceError
from ..headers import JSON
from ..settings import variable

REMEDY = f"""send JSON with the header "content-type: {JSON}" """.strip()

_BLOCK = 64 * 1024
"""Bytes looked at together: enough for numpy to be fast, few enough to take little memory."""

_STEPS = np.zeros(256, np.int8)
"""What each byte outside of strings adds to the depth."""
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


class _ConstantError(ValueError):
    """NaN or an infinity, which JavaScript and Python write and JSON does not have."""


def parse_json(body: bytes, max_depth: int, max_containers: int) -> Any:
    """Parse UTF-8 JSON.

    Args:
        body: the bytes.
        max_depth: deepest nesting of lists and objects that is taken.
        max_containers: most lists and objects together. To make a million takes the parser a quarter of a second in
            which no other thread runs.

    Returns:
        The value. Strings may hold lone surrogates, which clients send as escapes.

    Raises:
        ServiceError: 400, 422 for what is nested too deeply, or 413 for too many lists and objects; the message says
            where parsing stopped and quotes nothing of the body.
    """
    # there are no more levels, lists and objects than opening brackets: counting bytes is all that most bodies need
    if body.count(b"[") + body.count(b"{") > min(max_depth, max_containers):
        _check_structure(body, max_depth, max_containers)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _parse_again(body, error, max_depth)


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


def _check_structure(body: bytes, max_depth: int, max_containers: int) -> None:
    """Count levels, and lists and objects, without making them; what is no JSON is left to the parser.

    Raises:
        ServiceError: 422 or 413.
    """
    plain = body.replace(b"\\\\", b"__").replace(b'\\"', b"__")  # now every quote begins or ends a string
    quoted = np.bool_(False)
    depth = count = 0
    for start in range(0, len(plain), _BLOCK):
        block = np.frombuffer(plain, np.uint8, min(_BLOCK, len(plain) - start), start)
        inside = np.logical_xor.accumulate(block == ord('"')) ^ quoted
        quoted = inside[-1]
        steps = _STEPS[block[~inside]]
        steps = steps[steps != 0]
        if not len(steps):
            continue
        depths = depth + np.cumsum(steps, dtype=np.int64)
        if depths.max() > max_depth:
            raise _too_deep(max_depth)
        depth = int(depths[-1])
        count += int(np.count_nonzero(steps > 0))
        if count > max_containers:
            raise _too_many(count, max_containers)


def _too_deep(max_depth: int) -> ServiceError:
    setting = variable("max_json_depth")
    message = (
        f"the body nests lists and objects at least {max_depth + 1} deep and the limit is {max_depth}; "
        f"send it flatter, or raise {setting}"
    )
    return ServiceError(422, "nesting_too_deep", message, limit=max_depth, setting=setting)


def _too_many(seen: int, max_containers: int) -> ServiceError:
    # no one setting has this limit, so none stands beside it
    message = (
        f"the body has at least {seen} lists and objects and the limit is {max_containers}, "
        f"{variable('max_json_depth')} times {variable('max_items')}; send fewer texts a request, or raise either"
    )
    return ServiceError(413, "too_many_items", message, limit=max_containers)


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
