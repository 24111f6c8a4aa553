"""Types of Arrow columns: a type with others in place of those that are not nested; imported where pyarrow is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa


def mapped(kind: Any, leaf: Callable[[Any], Any]) -> Any:
    """A type with `leaf` of each type that is not nested in its place; fields keep their names.

    Args:
        kind: a `pyarrow.DataType`.
        leaf: given types that are neither structs, maps nor lists; dictionaries are among them.
    """
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([field.with_type(mapped(field.type, leaf)) for field in kind])
    if types.is_map(kind):
        key, item = (field.with_type(mapped(field.type, leaf)) for field in (kind.key_field, kind.item_field))
        return pa.map_(key, item, keys_sorted=kind.keys_sorted)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        value = kind.value_field.with_type(mapped(kind.value_type, leaf))
        if types.is_fixed_size_list(kind):
            return pa.list_(value, kind.list_size)
        return pa.large_list(value) if types.is_large_list(kind) else pa.list_(value)
    return leaf(kind)


def widened(kind: Any) -> Any:
    """A type that holds the values of any file, and that others can read.

    Dictionaries count their values with 32 bits: those of pandas, which count with 8 where one file has few, no longer
    fit once there are several files. Nested ones, which pyarrow cannot join, give way to their values.
    """
    if pa.types.is_dictionary(kind):
        return pa.dictionary(pa.int32(), kind.value_type, kind.ordered)
    return mapped(kind, lambda one: one.value_type if pa.types.is_dictionary(one) else one)
