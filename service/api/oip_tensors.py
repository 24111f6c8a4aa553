"""Tensors of the Open Inference Protocol: from JSON or binary data to texts, and from values to binary data."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ServiceError, invalid_request

MAX_RANK = 8  # dimensions of a shape; without a limit, a hostile client could make multiplying them slow

_LENGTH = struct.Struct("<I")


def check_shape(value: list[Any], field: str) -> list[int]:
    """Return a shape: at most `MAX_RANK` integers of at least 1.

    Raises:
        ServiceError: 422.
    """
    if not all(isinstance(size, int) and not isinstance(size, bool) for size in value):
        raise invalid_request("invalid_type", f"{field} must be a list of whole numbers such as [2]", field)
    if len(value) > MAX_RANK:
        message = f"{field} has {len(value)} dimensions and the limit is {MAX_RANK}"
        raise invalid_request("invalid_shape", message, field)
    if any(size < 0 for size in value):
        raise invalid_request("invalid_shape", f"{field} is {value}; its numbers must be at least 0", field)
    if 0 in value:
        raise invalid_request("empty_list", f"{field} is {value}, which holds no text; send at least one", field)
    return value


def check_size(count: int, shape: Sequence[int], field: str) -> None:
    """Check that a tensor has as many elements as its shape says.

    Raises:
        ServiceError: 422.
    """
    wanted = math.prod(shape)
    if count != wanted:
        message = f"{field} has {count} elements and the shape {list(shape)} has {wanted}; they must agree"
        raise invalid_request("invalid_shape", message, field)


def flatten(data: list[Any], shape: Sequence[int], field: str) -> list[Any]:
    """The elements of flat or nested JSON lists, in row-major order.

    The running time is bounded by the shape, not by the data.

    Raises:
        ServiceError: 422 if an inner list is empty or there are more elements than the shape says.
    """
    wanted = math.prod(shape)
    elements: list[Any] = []
    stack: list[Any] = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            if not value and value is not data:
                message = f"{field} holds an empty list; send one text for each element"
                raise invalid_request("invalid_shape", message, field)
            if (
                len(elements) + len(stack) + len(value) > wanted
            ):  # every list still on the stack holds at least one element
                raise _too_many(shape, field)
            stack.extend(reversed(value))
        else:
            elements.append(value)
    return elements


def decode_texts(data: bytes, shape: Sequence[int], field: str) -> list[str]:
    """Decode binary data: per text, its length in bytes as a little-endian uint32, then its UTF-8.

    Raises:
        ServiceError: 422 if the lengths do not fit the data or there are more texts than the shape says; 400 for a
            text that is not UTF-8.
    """
    wanted = math.prod(shape)
    texts: list[str] = []
    position = 0
    while position < len(data):
        if len(texts) == wanted:
            raise _too_many(shape, field)
        start = position + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, position)[0] if start <= len(data) else start
        if end > len(data):
            message = f"{field}: the binary data ends inside text {len(texts)}, after {len(data)} bytes"
            raise invalid_request("invalid_shape", message, field)
        try:
            texts.append(data[start:end].decode("utf-8"))
        except UnicodeDecodeError as error:
            message = f"{field}: text {len(texts)} is not UTF-8: its byte {error.start} is invalid; send UTF-8"
            raise ServiceError(400, "invalid_encoding", message, field=field) from None
        position = end
    return texts


def _too_many(shape: Sequence[int], field: str) -> ServiceError:
    wanted = math.prod(shape)
    message = f"{field} has more than {wanted} elements and the shape {list(shape)} has {wanted}; they must agree"
    return invalid_request("invalid_shape", message, field)


def encode(values: Sequence[str] | Sequence[float] | Sequence[bool]) -> bytes:
    """Encode strings as `decode_texts` reads them, booleans as one byte each, or numbers as little-endian float32."""
    if isinstance(values[0], str):
        texts = [str(value).encode("utf-8") for value in values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    if isinstance(values[0], bool):
        return np.array(values, np.bool_).tobytes()
    return np.array(values, "<f4").tobytes()
