"""Chunks: consecutive rows of a file with their line numbers, as Python values or as Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.io.formats import TEXT_NAMES

# A chunk ends at whichever limit it reaches first. The limits bound memory, and the work that a killed run repeats.
CHUNK_ROWS = 1024
CHUNK_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Rows of CSV, TSV, JSON Lines or plain text.

    Attributes:
        names: The column names in order; for JSON objects, all keys that occur.
        rows: The values of each row by column name; a JSON object may lack some.
        sources: For JSON Lines, the source text of each row, which the output reproduces unchanged.
    """

    names: tuple[str, ...]
    rows: Sequence[dict[str, Any]]
    sources: Sequence[str] | None = None

    def column(self, name: str) -> list[Any]:
        """Return the values of a column, with None where a row lacks it."""
        return [row.get(name) for row in self.rows]

    def text_columns(self) -> list[str]:
        """Return the names of the columns that hold a text which is not a number."""
        return [name for name in self.names if not self.rows or any(map(_is_prose, self.column(name)))]


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
        """Return the values of a column.

        Raises:
            DataFileError: Python cannot represent a value, such as a date after the year 9999.
        """
        pa = require_pyarrow("Parquet")
        array = self.batch.column(name)
        try:
            return column_values(name, _with_exact_times(array))
        except (pa.ArrowException, ArithmeticError, LookupError, ValueError) as error:
            raise DataFileError(
                f"column {name!r} of type {array.type} holds a value that Python cannot represent: {error}; write "
                ".parquet, which carries columns as they are, or leave the column out",
                field="columns",
            ) from None

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


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive rows of a file.

    Attributes:
        file: The name of the file, for messages.
        unit: The unit of `lines`: "line" or "row".
        lines: The number of the line or row where each row begins, counted from 1.
        data: The rows.
        position: The number of bytes of the file read so far.
        faults: The error codes of rows that could not be read, by their index in the chunk.
        joined: The last line of each row of a table that may be several rows which stray quotes join, by its index.
    """

    file: str
    unit: str
    lines: Sequence[int]
    data: Records | Batch
    position: int
    faults: Mapping[int, str] = field(default_factory=dict)
    joined: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, index: int) -> str:
        """Return the place of a row for a message, such as "a.csv, line 3"."""
        return f"{self.file}, {self.unit} {self.lines[index]}"


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


def find_text_column(chunk: Chunk, wanted: str | None) -> str:
    """Find the column with the texts.

    Args:
        chunk: The first rows.
        wanted: The name of the column; None to detect it. The candidates are the columns named like one of
            `TEXT_NAMES` or, if there is none, those that hold text.

    Raises:
        DataFileError: There is no such column, or not exactly one candidate.
    """
    names = chunk.data.names
    listed = ", ".join(repr(name) for name in names) or "none"
    if wanted is not None:
        if wanted not in names:
            raise DataFileError(f"{chunk.file} has no column {wanted!r}; its columns: {listed}", field="text_column")
        return wanted
    candidates = [name for name in names if name.strip().lower() in TEXT_NAMES] or chunk.data.text_columns()
    if len(candidates) != 1:
        found = f"{len(candidates)} columns may be" if candidates else "no column seems to be"
        raise DataFileError(
            f"{chunk.file}: {found} the text; name it with --text-column; the columns: {listed}", field="text_column"
        )
    return candidates[0]


def check_names(names: Iterable[str], place: str) -> tuple[str, ...]:
    """Return the column names of a file after checking that they are unique.

    Raises:
        DataFileError: Two columns share a name.
    """
    unique: dict[str, None] = {}
    for name in names:
        if name in unique:
            raise DataFileError(f"{place}: two columns are named {name!r}; rename one of them", field="columns")
        unique[name] = None
    return tuple(unique)


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
    from sentiline.scoring.arrow_types import map_leaves

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


def _is_prose(value: object) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False
