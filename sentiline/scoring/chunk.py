"""Chunks: consecutive rows of a file with their line numbers, as Python values or as a batch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.batch import Batch
from sentiline.scoring.io.formats import is_text_name

# A chunk ends at whichever limit it reaches first. The limits bound memory, and the work that a killed run repeats.
CHUNK_ROWS = 1024
CHUNK_CHARACTERS = 4_000_000


class BadRowError(DataFileError):
    """A row cannot be scored; those before and after it may be sound."""


class MalformedRowError(BadRowError):
    """A row cannot be read."""


class UnwritableRowsError(DataFileError):
    """The output cannot hold columns or values of some rows, because those before them differ.

    Attributes:
        fault: The error code of the rows if they are kept without these columns.
        columns: The names of the columns.
        rows: The indices of the rows in their chunk; empty if the chunk as a whole does not fit.
    """

    def __init__(self, message: str, fault: str, columns: Container[str], rows: Sequence[int] = ()) -> None:
        super().__init__(message, field="columns")
        self.fault = fault
        self.columns = columns
        self.rows = rows

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to restore the error from a worker of a cluster."""
        return type(self), (str(self), self.fault, self.columns, self.rows)


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
        """Return the values of a column, or of a path such as "meta.text", with None where a row lacks it."""
        if name in self.names or "." not in name:
            return [row.get(name) for row in self.rows]
        return [_nested_value(row, name) for row in self.rows]

    def has_column(self, name: str) -> bool:
        """Return whether there is a column of this name, or a value at this path in an object."""
        return name in self.names or ("." in name and any(value is not None for value in self.column(name)))

    def take(self, indices: Sequence[int]) -> Records:
        """Return the rows at these indices."""
        rows = [self.rows[index] for index in indices]
        if self.sources is None:
            return Records(self.names, rows)
        names = tuple(name for name in self.names if any(name in row for row in rows))
        return Records(names, rows, [self.sources[index] for index in indices])

    def without_columns(self, dropped: Container[str], indices: Container[int] | None = None) -> Records:
        """Return the rows without some columns, which those of JSON Lines lack only at `indices` if these are given."""
        names = tuple(name for name in self.names if name not in dropped)
        if self.sources is None:
            return Records(names, [{name: row[name] for name in names} for row in self.rows])
        rows, sources = list(self.rows), list(self.sources)
        for index, row in enumerate(self.rows):
            if (indices is None or index in indices) and any(name in dropped for name in row):
                rows[index] = {name: value for name, value in row.items() if name not in dropped}
                sources[index] = json.dumps(rows[index], ensure_ascii=False)
        if indices is not None:
            names = tuple(name for name in self.names if name not in dropped or any(name in row for row in rows))
        return Records(names, rows, sources)

    def text_columns(self) -> list[str]:
        """Return the names of the columns that hold a text which is not a number."""
        return [name for name in self.names if not self.rows or any(map(_is_prose, self.column(name)))]


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
        raw_rows: The text in the file of those that `Source.keep_malformed` keeps, by their index.
    """

    file: str
    unit: str
    lines: Sequence[int]
    data: Records | Batch
    position: int
    faults: Mapping[int, str] = field(default_factory=dict)
    joined: Mapping[int, int] = field(default_factory=dict)
    raw_rows: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, index: int) -> str:
        """Return the place of a row for a message, such as "a.csv, line 3"."""
        return f"{self.file}, {self.unit} {self.lines[index]}"

    def place_of(self, name: str) -> str:
        """Return the place where a column appears: a row for the key of an object, otherwise the file."""
        if isinstance(self.data, Records) and self.data.sources is not None:
            return next((self.place(index) for index, row in enumerate(self.data.rows) if name in row), self.file)
        return self.file

    def with_raw_rows(self, column: str) -> Chunk:
        """Return the chunk with the rows that could not be read as they are in the file, in the text column."""
        if not self.raw_rows or not isinstance(self.data, Records):
            return self
        rows = list(self.data.rows)
        sources = None if self.data.sources is None else list(self.data.sources)
        for index, raw in self.raw_rows.items():
            value: Any = raw
            path = [column] if column in self.data.names or sources is None else column.split(".")
            for name in reversed(path):
                value = {name: value}
            rows[index] = rows[index] | value
            if sources is not None:
                sources[index] = json.dumps(rows[index], ensure_ascii=False)
        return replace(self, data=Records(self.data.names, rows, sources))


def _nested_value(value: object, path: str) -> object:
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    first, dot, rest = path.partition(".")
    return _nested_value(value.get(first), rest) if dot else None


def find_text_column(chunk: Chunk, wanted: str | None) -> str:
    """Find the column with the texts.

    Args:
        chunk: The first rows.
        wanted: The name of the column, or the path of a nested one such as "meta.text"; None to detect it. The
            candidates are the columns named like one of `TEXT_NAMES` or, if there is none, those that hold text.

    Raises:
        DataFileError: There is no such column, or not exactly one candidate.
    """
    names = chunk.data.names
    listed = ", ".join(repr(name) for name in names) or "none"
    if wanted is not None:
        if not chunk.data.has_column(wanted):
            raise DataFileError(f"{chunk.file} has no column {wanted!r}; its columns: {listed}", field="text_column")
        return wanted
    named, texts = [name for name in names if is_text_name(name)], chunk.data.text_columns()
    candidates = [name for name in named if name in texts] or named or texts  # "comments" may be a number of comments
    if len(candidates) != 1:
        found = f"{len(candidates)} columns may be" if candidates else "no column seems to be"
        raise DataFileError(
            f"{chunk.file}: {found} the text; name it with --text-column; the columns: {listed}{_list_hint(chunk)}",
            field="text_column",
        )
    return candidates[0]


def _list_hint(chunk: Chunk) -> str:
    """Return the advice for an object that holds the rows in a list; empty if there is none."""
    if not isinstance(chunk.data, Records) or len(chunk) != 1:
        return ""
    for name, value in chunk.data.rows[0].items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return f"; if the list {name!r} holds the rows, take them out with jq -c '.[\"{name}\"][]' > rows.jsonl"
    return ""


def missing_text_column(file: str, names: Iterable[str], wanted: str) -> DataFileError:
    """Return the error for a file that lacks the column in which the first file has the texts."""
    listed = ", ".join(map(repr, names)) or "none"
    return DataFileError(
        f"{file} has no column {wanted!r}, where the first file has the texts; its columns: {listed}; rename one, or "
        "score the files one by one",
        field="text_column",
    )


def check_names(names: Iterable[str], place: str) -> tuple[str, ...]:
    """Return the column names of a file after checking that they are unique.

    Raises:
        DataFileError: Two columns share a name.
    """
    listed = tuple(names)
    name, count = Counter(listed).most_common(1)[0] if listed else ("", 0)
    if count > 1:
        numbers = [str(number) for number, one in enumerate(listed, 1) if one == name]
        numbered = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
        raise DataFileError(
            f"{place}: columns {numbered} have no name; name them, or remove them if they are empty"
            if not name.strip()
            else f"{place}: two columns are named {name!r}, columns {numbered}; rename one of them",
            field="columns",
        )
    return listed


def _is_prose(value: object) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False
