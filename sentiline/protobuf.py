"""The wire format of Protocol Buffers, as far as ONNX files need it.

Serving does without the package `onnx`, whose import takes longer than loading a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}

Content: TypeAlias = bytes | memoryview
Field: TypeAlias = tuple[int, int, int | Content]
"""A field's number, its wire type, and its value: an int for a varint, else bytes."""


def parse_fields(message: Content) -> list[Field]:
    """Return the fields of a serialized message in their order, as views of a `memoryview`, which copy nothing.

    Raises:
        ValueError: The message is malformed.
    """
    fields: list[Field] = []
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(message, place)
            fields.append((number, wire, value))
            continue
        if wire == BYTES:
            size, place = _varint(message, place)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if place + size > len(message):
            raise ValueError("a field goes beyond the end of its message")
        fields.append((number, wire, message[place : place + size]))
        place += size
    return fields


def serialize_fields(fields: Iterable[Field]) -> bytes:
    """Return the message that `parse_fields` parses to these fields."""
    return b"".join(_serialized(fields))


def packed_varints(content: Content) -> list[int]:
    """Return the integers of a packed repeated field."""
    values, place = [], 0
    while place < len(content):
        value, place = _varint(content, place)
        values.append(value)
    return values


def _serialized(fields: Iterable[Field]) -> Iterator[Content]:
    for number, wire, value in fields:
        yield _to_varint(number << 3 | wire)
        if isinstance(value, int):
            yield _to_varint(value)
        else:
            if wire == BYTES:
                yield _to_varint(len(value))
            yield value


def _varint(message: Content, place: int) -> tuple[int, int]:
    """Return the integer at a place and the place behind it; a negative number reads as its 64-bit complement."""
    value = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise ValueError("a malformed integer")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _to_varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
