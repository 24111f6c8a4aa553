"""The writers of the output formats; CSV, TSV and JSON Lines are here, Parquet is in `parquet_writer`."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from sentiline.code_points import replace_lone_surrogates
from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.batch import Batch
from sentiline.scoring.chunk import Chunk, Records
from sentiline.scoring.io.columns import check_columns, compress, unexpected_columns
from sentiline.scoring.io.formats import Format
from sentiline.scoring.scorer import NESTED, ScoredChunk, check_name_clash

# Escape sequences of JSON strings; the group matches that of a lone surrogate.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(u[dD][89a-fA-F]\w\w)|.)")

_BOOLEAN_CELLS = {True: "true", False: "false", None: ""}


class OutputWriter(Protocol):
    """Writes one output: encodes each chunk by itself, then assembles the output from the bytes of all chunks."""

    def prepare(self, first: Chunk) -> None:
        """Take the columns of the output from the first chunk of the run; called once, before everything else."""

    def encode(self, scored: ScoredChunk, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk.

        Args:
            scored: The chunk.
            first: Whether it begins the output.

        Returns:
            The bytes in pieces, to be written as they come: all of them together may take much memory.
        """

    def advance(self, data: Path, target: Path) -> None:
        """Assemble what is possible from the bytes that `data` holds so far, to leave less to `assemble`."""

    def assemble(self, data: Path, target: Path) -> Path:
        """Assemble the output from the bytes of all chunks in `data`; return its path, `data` or `target`."""

    def close(self) -> None:
        """Close the files that `advance` opened."""


def writer_for(format: Format, names: dict[str, str]) -> OutputWriter:
    """Return the writer of a format.

    Args:
        format: The format of the output.
        names: The added columns, as `ScoreOptions.added_columns` gives them.

    Raises:
        OptionError: The format cannot hold these columns.
        SettingError: pyarrow is needed and not installed.
    """
    if format.kind == "text":
        raise OptionError(
            "plain text has no columns for the sentiment; write .csv, .tsv, .jsonl or .parquet", field="--to"
        )
    if format.kind in ("csv", "tsv"):
        for name in NESTED:
            if name in names:
                raise OptionError(
                    f"{format.kind.upper()} has no nested columns for --{name}; write .jsonl or .parquet",
                    field=f"--{name}",
                )
    if format.kind == "parquet":
        require_pyarrow("Writing Parquet")
        from sentiline.scoring.io.parquet_writer import ParquetOutput

        return ParquetOutput(names)
    if format.compression == "zstd":
        require_pyarrow("Writing zstd")
    return JsonLinesOutput(format, names) if format.kind == "jsonl" else CsvOutput(format, names)


class _ConcatenatedOutput:
    """The common part of outputs that are the bytes of their chunks, concatenated."""

    def __init__(self, format: Format, names: dict[str, str]) -> None:
        self._format = format
        self._added = names

    def advance(self, data: Path, target: Path) -> None:
        """Do nothing: there is nothing to assemble."""

    def assemble(self, data: Path, target: Path) -> Path:
        """Return the file with the bytes, which is the output."""
        return data

    def close(self) -> None:
        """Do nothing: no file is open."""


class CsvOutput(_ConcatenatedOutput):
    """Writes CSV or TSV."""

    _names: tuple[str, ...] = ()

    def prepare(self, first: Chunk) -> None:
        """Take the columns of the output from the first chunk."""
        check_name_clash(first, self._added)
        self._names = first.data.names

    def encode(self, scored: ScoredChunk, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk, with the header if it is the first."""
        chunk = scored.chunk
        check_columns(chunk, self._names)
        text = io.StringIO(newline="")
        writer = csv.writer(_NewlineRows(text), delimiter=self._format.delimiter)
        if first:
            writer.writerow((*self._names, *self._added.values()))
        columns: list[Iterable[Any]] = [chunk.data.column(name) for name in self._names]
        if isinstance(chunk.data, Batch) or chunk.data.sources is not None:  # otherwise all values are strings
            columns = [map(_cell, column) for column in columns]
        for name, column in scored.columns(self._added).items():
            booleans = name in (self._added["truncated"], self._added["uncertain"])
            columns.append(map(_BOOLEAN_CELLS.__getitem__, column) if booleans else column)
        writer.writerows(zip(*columns, strict=True))
        return compress([replace_lone_surrogates(text.getvalue()).encode()], self._format.compression)


class JsonLinesOutput(_ConcatenatedOutput):
    """Writes JSON Lines. An object that was read as JSON keeps its own text, and the added keys follow.

    An object with NaN or an infinity, which Python reads although JSON lacks them, is serialized again with null.
    """

    def prepare(self, first: Chunk) -> None:
        """Check the names of the added columns; every line has its own keys."""
        check_name_clash(first, self._added)

    def encode(self, scored: ScoredChunk, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk."""
        chunk, added = scored.chunk, set(map(str.casefold, self._added.values()))  # as in `check_name_clash`
        clashing = [name for name in chunk.data.names if name.casefold() in added]
        if clashing and isinstance(chunk.data, Records) and chunk.data.sources:
            raise unexpected_columns(
                chunk,
                clashing,
                "already; give the added columns another name, for example with --prefix sentiment_, or leave that "
                "one out with --drop",
            )
        check_name_clash(chunk, self._added)
        return compress(self._lines(scored), self._format.compression)

    def _lines(self, scored: ScoredChunk) -> Iterator[bytes]:
        chunk = scored.chunk
        added = scored.columns(self._added)
        results = (dict(zip(added, values, strict=True)) for values in zip(*added.values(), strict=True))
        sources = chunk.data.sources if isinstance(chunk.data, Records) else None
        for index, (row, result) in enumerate(zip(chunk.data.rows, results, strict=True)):
            if sources is not None and row and _is_standard_json(sources[index]):
                yield f"{_clean_json(sources[index])[:-1].rstrip()}, {_json(result)[1:]}\n".encode()
            else:
                yield f"{_json(row | result)}\n".encode()


class _NewlineRows:
    r"""Ends rows with "\n". With that as its line terminator, the csv module would not quote a carriage return."""

    def __init__(self, text: io.StringIO) -> None:
        self._text = text

    def write(self, row: str) -> int:
        return self._text.write(row.removesuffix("\r\n") + "\n")


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return value
        case dict() | list() | tuple():
            return _json(value)
    return _as_text(value)


def _json(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_text)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=_as_text)
    return replace_lone_surrogates(text)


def _clean_json(line: str) -> str:
    """Return a line of JSON as it is, except for lone surrogates, escaped or not, which other parsers reject."""
    if r"\ud" in line or r"\uD" in line:
        line = _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], line)
    return replace_lone_surrogates(line)


def _is_standard_json(line: str) -> bool:
    """Return whether a line that Python can parse is free of NaN and infinities, which the standard lacks."""
    if "NaN" not in line and "Infinity" not in line:
        return True
    constants: list[str] = []
    json.loads(line, parse_constant=constants.append)
    return not constants


def _finite(value: object) -> object:
    """Return a value with null for NaN and infinities."""
    match value:
        case dict():
            return {key: _finite(one) for key, one in value.items()}
        case list() | tuple():  # Arrow's maps are lists of tuples
            return [_finite(one) for one in value]
        case float():
            return value if value - value == 0 else None
    return value


def _as_text(value: object) -> str:
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta | uuid.UUID):
        return str(value)
    if isinstance(value, bytes):  # Impala, Hive and old Spark store strings as bytes
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    raise DataFileError(
        f"a column holds {type(value).__name__}, which only Parquet can hold; write .parquet", field="columns"
    )
