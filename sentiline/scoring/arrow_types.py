"""Transformations of Arrow types. Import this module only where pyarrow is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa


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
