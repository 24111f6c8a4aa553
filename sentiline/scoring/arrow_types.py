"""Transformations of Arrow types, and casts to them. Import this module only where pyarrow is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from sentiline.errors import DataFileError

_UTC = {"UTC", "Etc/UTC", "GMT", "Z", "+00:00"}  # the names that writers have for one time zone


def map_leaves(data_type: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to every leaf of a possibly nested type; fields keep their names.

    Args:
        data_type: A `pyarrow.DataType`.
        function: Called with each type that is not a struct, map or list; dictionary types count as leaves.

    Returns:
        The type with the results in place of its leaves.
    """

    def mapped(field: Any) -> Any:
        return field.with_type(map_leaves(field.type, function))

    types = pa.types
    if types.is_struct(data_type):
        return pa.struct([mapped(field) for field in data_type])
    if types.is_map(data_type):
        return pa.map_(mapped(data_type.key_field), mapped(data_type.item_field), keys_sorted=data_type.keys_sorted)
    if types.is_fixed_size_list(data_type):
        return pa.list_(mapped(data_type.value_field), data_type.list_size)
    if types.is_large_list(data_type):
        return pa.large_list(mapped(data_type.value_field))
    return pa.list_(mapped(data_type.value_field)) if types.is_list(data_type) else function(data_type)


def widen_dictionaries(data_type: Any) -> Any:
    """Return a type into which the dictionary-encoded values of every file fit.

    A top-level dictionary gets 32-bit indices: pandas writes 8-bit ones where a file has few categories, and those
    overflow once several files are joined. A nested dictionary is replaced by its value type, because pyarrow cannot
    concatenate nested dictionaries.
    """
    if pa.types.is_dictionary(data_type):
        return pa.dictionary(pa.int32(), data_type.value_type, data_type.ordered)
    return map_leaves(data_type, lambda leaf: leaf.value_type if pa.types.is_dictionary(leaf) else leaf)


def common_type(first: Any, second: Any) -> Any:
    """Return the type into which the values of two types can be widened without loss; None if there is none.

    Whole numbers become floating-point ones where they meet, and naive timestamps take in dates. Casts to such types
    must be safe ones, because not every value of 64 bits fits.

    Args:
        first: A `pyarrow.DataType`.
        second: Another one.

    Example:
        >>> common_type(pa.int32(), pa.int64())
        DataType(int64)
        >>> common_type(pa.int32(), pa.string()) is None
        True
    """
    types = pa.types
    if first == second:
        return first
    if types.is_null(first) or types.is_null(second):
        return second if types.is_null(first) else first
    if types.is_dictionary(first) or types.is_dictionary(second):
        return common_type(*(one.value_type if types.is_dictionary(one) else one for one in (first, second)))
    if types.is_struct(first) and types.is_struct(second):
        return _common_struct(first, second)
    if types.is_map(first) and types.is_map(second):
        key, item = common_type(first.key_type, second.key_type), common_type(first.item_type, second.item_type)
        return None if key is None or item is None else pa.map_(key, item)
    if _is_list(first) and _is_list(second):
        return _common_list(first, second)
    first, second = _without_view(first), _without_view(second)
    for one, other in ((first, second), (second, first)):
        if types.is_date(one) and types.is_timestamp(other) and other.tz is None:
            return other
        if types.is_decimal(one) and types.is_floating(other):
            return None
        if types.is_decimal(one) and types.is_integer(other):
            return common_type(one, pa.decimal128(len(str(2**other.bit_width)), 0))  # as many digits as a cast needs
    if types.is_timestamp(first) and types.is_timestamp(second) and {first.tz, second.tz} <= _UTC:
        first, second = (pa.timestamp(one.unit, "UTC") for one in (first, second))
    try:
        return pa.unify_schemas(
            [pa.schema([("", first)]), pa.schema([("", second)])], promote_options="permissive"
        ).types[0]
    except pa.ArrowException:
        return None


def conform(batch: Any, file: str, schema: Any) -> Any:
    """Return a record batch with the columns and types of a schema; columns that it lacks are null.

    Args:
        batch: A `pyarrow.RecordBatch`.
        file: The name of its file, for messages.
        schema: The schema, whose types are common types of the columns; None to return the batch as it is.

    Raises:
        DataFileError: A value does not fit the common type, such as a whole number beyond 2**53 where the column holds
            floating-point numbers in other files.
    """
    if schema is None or batch.schema.equals(schema):
        return batch
    columns = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        column = None if index < 0 else batch.column(index)
        if column is None or column.null_count == len(column):
            column = pa.nulls(len(batch), field.type)
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowException as error:
            raise DataFileError(
                f"{file}: column {field.name!r} of type {column.type} holds a value that {field.type}, the type which "
                f"the files have in common, cannot hold: {error}; write .jsonl, which carries every value as it is, or "
                "leave the column out with --drop",
                field="columns",
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _common_struct(first: Any, second: Any) -> Any:
    """Return a struct with the fields of both; those that one of them lacks may be null."""
    names = dict.fromkeys((*first.names, *second.names))
    fields = []
    for name in names:
        indices = first.get_field_index(name), second.get_field_index(name)
        found = [one.field(index) for one, index in zip((first, second), indices, strict=True) if index >= 0]
        data_type = common_type(found[0].type, found[-1].type)
        if data_type is None or first.names.count(name) > 1 or second.names.count(name) > 1:
            return None
        nullable = len(found) == 1 or any(field.nullable for field in found)
        fields.append(found[0].with_type(data_type).with_nullable(nullable))
    return pa.struct(fields)


def _common_list(first: Any, second: Any) -> Any:
    fields = first.value_field, second.value_field
    data_type = common_type(*(field.type for field in fields))
    if data_type is None:
        return None
    field = fields[0].with_type(data_type).with_nullable(any(field.nullable for field in fields))
    both = (first, second)
    if all(map(pa.types.is_fixed_size_list, both)) and first.list_size == second.list_size:
        return pa.list_(field, first.list_size)
    return (pa.large_list if any(map(pa.types.is_large_list, both)) else pa.list_)(field)


def _is_list(data_type: Any) -> bool:
    types = pa.types
    return bool(types.is_list(data_type) or types.is_large_list(data_type) or types.is_fixed_size_list(data_type))


def _without_view(data_type: Any) -> Any:
    """Return the plain type of a view, which Arrow merges with no other type."""
    if pa.types.is_string_view(data_type):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(data_type) else data_type
