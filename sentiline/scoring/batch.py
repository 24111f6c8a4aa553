"""Batches: rows of Parquet as Arrow columns."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import require_pyarrow


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of Parquet.

    Attributes:
        batch: The rows as a `pyarrow.RecordBatch`.
    """

    batch: Any

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(self.batch.schema.names)

    @property
    def rows(self) -> Sequence[dict[str, Any]]:
        """The rows as Python values by column name."""
        columns = [self.column(name) for name in self.names]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]

    def column(self, name: str) -> list[Any]:
        """Return the values of a column, or of the field of a struct at a path such as "meta.text".

        Raises:
            DataFileError: Python cannot represent a value, such as a date after the year 9999.
        """
        pa = require_pyarrow("Parquet")
        array = arrow_column(self.batch, name)
        try:
            return column_values(name, _with_exact_times(array))
        except (pa.ArrowException, ArithmeticError, LookupError, ValueError) as error:
            raise DataFileError(
                f"column {name!r} of type {array.type} holds a value that Python cannot represent: {error}; write "
                ".parquet, which carries columns as they are, or leave the column out",
                field="columns",
            ) from None

    def has_column(self, name: str) -> bool:
        """Return whether there is a column of this name, or a field at this path in a struct."""
        return struct_path(self.batch.schema, name) is not None

    def take(self, indices: Sequence[int]) -> Batch:
        """Return the rows at these indices."""
        return Batch(self.batch.take(require_pyarrow("Parquet").array(indices, "int64")))

    def without_columns(self, dropped: Container[str]) -> Batch:
        """Return the rows without some columns."""
        return Batch(self.batch.select([name for name in self.names if name not in dropped]))

    def text_columns(self) -> list[str]:
        """Return the names of the columns of a string type."""
        types = require_pyarrow("Parquet").types

        def is_text(data_type: Any) -> bool:
            if types.is_dictionary(data_type):
                data_type = data_type.value_type
            return bool(
                types.is_string(data_type) or types.is_large_string(data_type) or types.is_string_view(data_type)
            )

        return [field.name for field in self.batch.schema if is_text(field.type)]


def arrow_column(table: Any, name: str) -> Any:
    """Return a column of a `pyarrow` table or record batch, or the field of a struct at a path such as "meta.text"."""
    path = struct_path(table.schema, name)
    if path is None:
        raise KeyError(name)
    column = table.column(path[0])
    return require_pyarrow("Parquet", "compute").struct_field(column, path[1:]) if len(path) > 1 else column


def struct_path(schema: Any, name: str) -> list[str] | None:
    """Return the names of a column and of the fields that lead to a path; None if there is no such field."""
    if name in schema.names:
        return [name]
    types = require_pyarrow("Parquet").types
    first, _, rest = name.partition(".")
    path = [first]
    if not rest or first not in schema.names:
        return None
    data_type = schema.field(first).type
    for part in rest.split("."):
        if not types.is_struct(data_type) or data_type.get_field_index(part) < 0:
            return None
        data_type = data_type.field(part).type
        path.append(part)
    return path


def column_values(name: str, column: Any) -> list[Any]:
    """Return the values of a `pyarrow` array; bytes of strings that are not UTF-8 become lone surrogates.

    Raises:
        DataFileError: There are such bytes in nested values.
    """
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError as error:
        pa = require_pyarrow("Parquet")
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if column.type not in (pa.string(), pa.large_string(), pa.string_view()):
            raise DataFileError(
                f"column {name!r} holds nested text that is not UTF-8: {error}; repair it, or leave the column out",
                field="columns",
            ) from None
        values = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", "surrogateescape") for value in values]


def _with_exact_times(array: Any) -> Any:
    """Cast times of day to text where they have nanoseconds, which Python's `time` would cut off, nested ones too."""
    pa = require_pyarrow("Parquet")
    if str(pa.time64("ns")) not in str(array.type):
        return array
    try:
        array.cast(_replace_times(array.type, pa.time64("us")))
    except pa.ArrowInvalid:
        return array.cast(_replace_times(array.type, pa.string()))
    return array


def _replace_times(data_type: Any, times: Any) -> Any:
    """Return a type with `times` in place of each time of day in nanoseconds."""
    from sentiline.scoring.arrow_types import map_leaves  # which needs pyarrow

    pa = require_pyarrow("Parquet")

    def replaced(leaf: Any) -> Any:
        if pa.types.is_dictionary(leaf):
            return _replace_times(leaf.value_type, times)
        if leaf == pa.time64("ns"):
            return times
        if str(pa.time64("ns")) in str(leaf):
            raise pa.ArrowNotImplementedError(f"times of nanoseconds within {leaf}")
        return leaf

    return map_leaves(data_type, replaced)
