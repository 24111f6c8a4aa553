"""Some consecutive rows of a file with their line numbers: as Python values, or as Arrow columns where they came so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import arrow
from sentiline.scoring.io.formats import TEXT_NAMES

CHUNK_ROWS = 1024
CHUNK_CHARACTERS = 4_000_000
"""A chunk ends where either is reached: it bounds memory, and what a killed run must do again."""


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Rows of CSV, TSV, JSON Lines or plain text.

    Attributes:
        names: of the columns, in order; of JSON objects all keys there are.
        rows: values by name; a JSON object may lack some.
        sources: of JSON Lines each row as it is written, so that it can be carried through to the letter.
    """

    names: tuple[str, ...]
    rows: Sequence[dict[str, Any]]
    sources: Sequence[str] | None = None

    def column(self, name: str) -> list[Any]:
        """Values of one column; None where a row lacks it."""
        return [row.get(name) for row in self.rows]

    def text_columns(self) -> list[str]:
        """Columns that hold text which is not a number."""
        return [name for name in self.names if not self.rows or any(map(_is_words, self.column(name)))]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of Parquet.

    Attributes:
        batch: a `pyarrow.RecordBatch`.
    """

    batch: Any

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self.batch.schema.names)

    @property
    def rows(self) -> Sequence[dict[str, Any]]:
        """The rows as Python values by name."""
        columns = [self.column(name) for name in self.names]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]

    def column(self, name: str) -> list[Any]:
        """Values of one column.

        Raises:
            DataFileError: one is beyond what Python can hold, as a date after the year 9999.
        """
        pa = arrow("Parquet")
        array = self.batch.column(name)
        try:
            return strings(name, _whole(array))
        except (pa.ArrowException, ArithmeticError, LookupError, ValueError) as error:
            raise DataFileError(
                f"column {name!r} of type {array.type} holds a value that Python cannot: {error}; write .parquet, "
                "which carries columns as they are, or leave the column out",
                field="columns",
            ) from None

    def text_columns(self) -> list[str]:
        """Columns of a string type."""
        types = arrow("Parquet").types

        def is_text(kind: Any) -> bool:
            if types.is_dictionary(kind):
                kind = kind.value_type
            return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

        return [field.name for field in self.batch.schema if is_text(field.type)]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some consecutive rows of a file.

    Attributes:
        file: its name, for messages.
        unit: what `lines` counts: "line" or "row".
        lines: where each row begins, from 1.
        data: the rows.
        position: bytes of the file that have been read.
        faults: of rows that could not be read, by index, the name of their fault.
    """

    file: str
    unit: str
    lines: Sequence[int]
    data: Records | Batch
    position: int
    faults: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, index: int) -> str:
        """Where a row stands, for a message."""
        return f"{self.file}, {self.unit} {self.lines[index]}"


def strings(name: str, column: Any) -> list[Any]:
    """Values of a `pyarrow` array; bytes of a string that are not UTF-8, as it should be, become lone surrogates.

    Raises:
        DataFileError: such bytes are inside nested values.
    """
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError as error:
        pa = arrow("Parquet")
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if column.type not in (pa.string(), pa.large_string(), pa.string_view()):
            raise DataFileError(
                f"column {name!r} holds nested text that is not UTF-8: {error}; mend it, or leave the column out",
                field="columns",
            ) from None
        values = column.cast(pa.large_binary()).to_pylist()
        return [None if one is None else one.decode("utf-8", "surrogateescape") for one in values]


def find_text_column(chunk: Chunk, wanted: str | None) -> str:
    """Name of the column with the texts: `wanted`, or the only candidate of a chunk.

    A column is a candidate if its name is one of `TEXT_NAMES`; where none is, if it holds text.

    Raises:
        DataFileError: there is no such column, or not exactly one candidate.
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
    """Return the names of a file's columns if no two are the same.

    Raises:
        DataFileError: two are.
    """
    unique: dict[str, None] = {}
    for name in names:
        if name in unique:
            raise DataFileError(f"{place}: two columns are named {name!r}; rename one of them", field="columns")
        unique[name] = None
    return tuple(unique)


def _whole(array: Any) -> Any:
    """The array, with times as text where Python's, which end at microseconds, would cut them, nested ones too."""
    pa = arrow("Parquet")
    if str(pa.time64("ns")) not in str(array.type):
        return array
    try:
        array.cast(_with_times(array.type, pa.time64("us")))
    except pa.ArrowInvalid:
        return array.cast(_with_times(array.type, pa.string()))
    return array


def _with_times(kind: Any, times: Any) -> Any:
    """A type with another in place of times of nanoseconds."""
    from sentiline.scoring.arrow_types import mapped

    pa = arrow("Parquet")

    def leaf(one: Any) -> Any:
        if pa.types.is_dictionary(one):
            return _with_times(one.value_type, times)
        if one == pa.time64("ns"):
            return times
        if str(pa.time64("ns")) in str(one):
            raise pa.ArrowNotImplementedError(f"times of nanoseconds within {one}")
        return one

    return mapped(kind, leaf)


def _is_words(value: object) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False
