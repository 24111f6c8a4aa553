"""Parses JSON strictly, within limits on its nesting and size, with errors that locate what is wrong."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import orjson

from ..errors import ServiceError, quote
from ..headers import JSON
from ..settings import variable

REMEDY = f"""send JSON with the header "content-type: {JSON}" """.strip()

_BLOCK = 64 * 1024
"""Bytes scanned at a time: enough for numpy to be fast, few enough to need little memory."""

_STEPS = np.zeros(256, np.int8)
"""The change of depth at each byte outside strings."""
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


_KEY_END = re.compile(rb'"[ \t\r\n]*:')


class _ConstantError(ValueError):
    """NaN or an infinity, which JavaScript and Python write and JSON does not allow."""


def parse_json(body: bytes, max_depth: int, max_containers: int) -> Any:
    """Parse UTF-8 JSON.

    Args:
        body: The bytes.
        max_depth: The deepest nesting of lists and objects that is accepted.
        max_containers: The most lists and objects in total. The parser takes a quarter of a second to create a million
            of them, holding the GIL all the while.

    Returns:
        The value. Strings may contain lone surrogates, which clients send as escapes.

    Raises:
        ServiceError: 400 for invalid JSON or a key that appears twice in an object, 422 for too deep nesting, or 413
            for too many lists and objects; the message says where parsing stopped and quotes no value from the body.
    """
    # levels, lists and objects cannot outnumber the opening brackets, so counting those suffices for most bodies
    if body.count(b"[") + body.count(b"{") > min(max_depth, max_containers):
        _check_structure(body, max_depth, max_containers)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        value = _parse_with_surrogates(body, error, max_depth)
    if not _keys_are_unique(value, body):
        _check_keys(body, max_depth)
    return value


def _keys_are_unique(value: Any, body: bytes) -> bool:
    """Return whether all keys of the body are certainly in the parsed value; cheap, because every request pays for it.

    Every key in the body is followed by a quote and a colon, and so may be other text, which only `_check_keys` tells
    apart.
    """
    most = len(_KEY_END.findall(body))
    pending = [value]
    while most and pending:
        container = pending.pop()
        if isinstance(container, dict):
            most -= len(container)
            pending.extend(item for item in container.values() if isinstance(item, dict | list))
        elif most:
            pending.extend(item for item in container if isinstance(item, dict | list))
    return most == 0


def _check_keys(body: bytes, max_depth: int) -> None:
    """Check that no object has a key twice: parsers disagree about which of the two values counts.

    Raises:
        ServiceError: 400 if one has.
    """

    def unique(pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                message = (
                    f'the body is not valid JSON (the key "{quote(key)}" appears twice in an object); send it once'
                )
                raise ServiceError(400, "invalid_json", message, field=quote(key))
            seen.add(key)

    try:
        json.loads(body, object_pairs_hook=unique, parse_int=len, parse_float=len)
    except RecursionError:
        raise _too_deep(max_depth) from None


def _parse_with_surrogates(body: bytes, error: orjson.JSONDecodeError, max_depth: int) -> Any:
    """Parse JSON that orjson rejects with the standard library.

    orjson rejects the escape of a lone surrogate, which JavaScript sends for a text cut in the middle of an emoji. The
    standard library accepts it, and further extensions of JSON, which are rejected here.
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
        value = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_reject_constant)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except _ConstantError as constant:
        reason = str(constant)
    except json.JSONDecodeError as second:
        if "surrogate" in reason:  # which is accepted: something after it is wrong
            reason = f"{second.msg}: line {second.lineno} column {second.colno} (char {second.pos})"
    except ValueError:  # raised by `_float`
        reason = "a number is too large"
    else:
        if "surrogate" in reason:
            return value
    raise ServiceError(400, "invalid_json", f"the body is not valid JSON ({reason}); {REMEDY}")


def _check_structure(body: bytes, max_depth: int, max_containers: int) -> None:
    """Check the nesting and the number of lists and objects without creating them; ignores invalid JSON.

    Raises:
        ServiceError: 422 for too deep nesting, 413 for too many lists and objects.
    """
    plain = body.replace(b"\\\\", b"__").replace(b'\\"', b"__")  # now every quote starts or ends a string
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
    # two settings determine this limit, so the error has no `setting`
    message = (
        f"the body has at least {seen} lists and objects and the limit is {max_containers}, "
        f"{variable('max_json_depth')} times {variable('max_items')}; send fewer texts per request, or raise either"
    )
    return ServiceError(413, "too_many_items", message, limit=max_containers)


def _integer(text: str) -> int | float:
    """Return a whole number as orjson does: as a float if it does not fit into 64 bits."""
    value = int(text) if len(text) <= 20 else None
    return value if value is not None and -(2**63) <= value < 2**64 else _float(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError
    return value


def _reject_constant(name: str) -> Any:
    raise _ConstantError(f"it contains {name}, which JSON does not allow; send null or a number")
