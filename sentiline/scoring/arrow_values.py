"""Conversions of values to Arrow arrays, none of which changes. Import this module only where pyarrow is installed."""

from __future__ import annotations

from bisect import bisect
from typing import Any

import pyarrow as pa

from sentiline.code_points import replace_lone_surrogates
from sentiline.scoring.batch import column_values
from sentiline.scoring.chunk import Chunk, Records, UnwritableRowsError


def inferred_type(first: Chunk, name: str) -> Any:
    """Return the type of the values of a column up to the first one that is of another type."""
    if isinstance(first.data, Records) and first.data.sources is None:
        return pa.string()  # CSV has no types: what looks like a number may be a postcode
    values = first.data.column(name)
    error = _misfit(values, None)
    if not error:
        return _convert(values, None).type
    fitting = bisect(range(len(values)), False, key=lambda count: _misfit(values[: count + 1], None) is not None)
    if not fitting:
        raise UnwritableRowsError(
            f"{first.place(0)}: column {name!r} holds a value that Parquet cannot hold: {error}; write .jsonl, or "
            "leave it out with --drop",
            "unexpected_type",
            (name,),
        )
    return _convert(values[:fitting], None).type


def to_column(chunk: Chunk, name: str, data_type: Any, *, untyped: bool = False) -> Any:
    """Convert a column of Python values to an Arrow array.

    Args:
        chunk: The rows.
        name: The name of the column.
        data_type: The type of the array.
        untyped: Whether the type is a guess because no row of the first chunk had a value.

    Raises:
        UnwritableRowsError: Values of some rows do not fit the type.
    """
    values = chunk.data.column(name)
    try:
        return _convert(values, data_type)
    except (pa.ArrowException, OverflowError) as error:
        rows = [index for index, value in enumerate(values) if _misfit([value], data_type)]
        where = chunk.place(rows[0]) if rows else chunk.file
        reason = _misfit([values[rows[0]]], data_type) if rows else error
        cause = (
            f" ({data_type} was assumed, because the first rows have no value there or in a part of it)"
            if untyped
            else ""
        )
        raise UnwritableRowsError(
            f"{where}: column {name!r} does not fit one type, as Parquet requires: {reason}{cause}; write .jsonl, "
            "which carries every value as it is, or leave it out with --drop",
            "unexpected_type",
            (name,),
            rows,
        ) from None


def _convert(values: list[Any], data_type: Any) -> Any:
    """Convert Python values to an Arrow array of a type; None to infer it."""
    try:
        array = pa.array(values, data_type)
    except UnicodeEncodeError:
        values = [_valid(value) for value in values]
        array = pa.array(values, data_type)
    # Arrow truncates 1.5 without an error where the type is an integer.
    if array.type != pa.string() and not _same(values, array.to_pylist()):
        raise pa.ArrowInvalid(f"not all values are of type {array.type}")
    return array


def _misfit(values: list[Any], data_type: Any) -> Exception | None:
    """Return the error if values do not fit a type; None if they do."""
    try:
        _convert(values, data_type)
    except (pa.ArrowException, OverflowError) as error:
        return error
    return None


def _valid(value: object) -> object:
    """Return a value with U+FFFD for lone surrogates, which Arrow's strings cannot hold."""
    match value:
        case str():
            return replace_lone_surrogates(value)
        case dict():
            return {_valid(key): _valid(one) for key, one in value.items()}
        case list():
            return [_valid(one) for one in value]
    return value


def with_valid_utf8(name: str, column: Any) -> Any:
    """Return a column with U+FFFD for bytes that are not UTF-8, which pyarrow reads unchecked."""
    data_type = column.type
    if "string" not in str(data_type):
        return column
    try:
        column.validate(full=True)
        return column
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            return column
    values = [_valid(value) for value in column_values(name, column)]
    if pa.types.is_dictionary(data_type):
        return pa.array(values, data_type.value_type).dictionary_encode().cast(data_type)
    return pa.array(values, data_type)


def _same(given: object, held: object) -> bool:
    """Return whether Arrow kept a value unchanged; a key that an object lacks may be null."""
    match given, held:
        case dict(), dict():
            return given.keys() <= held.keys() and all(_same(given.get(key), value) for key, value in held.items())
        case list(), list():
            return len(given) == len(held) and all(map(_same, given, held))
    if isinstance(given, bool) != isinstance(held, bool):
        return False
    return given == held or (given != given and held != held)  # NaN
