"""Rows of CSV, TSV, JSON Lines and Parquet files with their line numbers; knows columns, not what is in them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from training.errors import DataError

ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

Quoting = Literal["csv", "none"]
Kind: TypeAlias = Literal[
    "missing text",
    "unreadable text",
    "text without a token",
    "missing label",
    "unreadable label",
    "neutral label",
    "missing group",
    "ragged row",
    "malformed row",
]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read.

    Attributes:
        line: where it begins: physical line, from 1, of a text file; row, from 1, of a Parquet file.
        values: of the wanted columns; None where there is none.
    """

    line: int
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that is not used.

    Attributes:
        line: where it begins, as in `Row`.
        kind: why it is not used.
        value: what stood there, shortened.
    """

    line: int
    kind: Kind
    value: str


def read_rows(
    path: Path,
    columns: Sequence[str],
    *,
    format: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: Quoting = "csv",
) -> list[Row | Problem]:
    """Read the wanted columns of a file, in file order.

    Args:
        path: the file.
        columns: names of the columns, or JSON keys.
        format: csv, tsv, jsonl or parquet; None goes by the file's ending.
        encoding: of a text file; a byte order mark is dropped.
        delimiter: one character between the columns of CSV or TSV, if not a comma or a tab.
        quoting: "csv" for fields in double quotes, a quote in them written twice; "none" if quotes mean nothing.

    Returns:
        A row or a problem for each row of the file. Blank lines of a text file are no rows.

    Raises:
        DataError: the file cannot be read, is of an unknown format, or lacks a column; lists the columns there are.
    """
    format = format or ENDINGS.get(path.suffix.lower())
    if format not in ENDINGS.values():
        raise DataError(
            f"{path}: the format is {format or path.suffix!r}; it must be csv, tsv, jsonl or parquet (endings "
            f"{', '.join(ENDINGS)}, or --format)",
            field="format",
        )
    if quoting not in get_args(Quoting):
        raise DataError(f"quoting is {quoting!r}; it must be csv or none", field="quoting")
    if delimiter is not None and format not in ("csv", "tsv"):
        raise DataError(f"{path}: a {format} file has no delimiter", field="delimiter")
    try:
        if format == "parquet":
            return list(_parquet(path, columns))
        text = _decode(path, encoding)
        if format == "jsonl":
            return list(_jsonl(path, text, columns))
        return list(
            _csv(path, text, columns, ("\t" if format == "tsv" else ",") if delimiter is None else delimiter, quoting)
        )
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _decode(path: Path, encoding: str) -> str:
    content = path.read_bytes()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        likely = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252"
        raise DataError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not {encoding}; name the file's encoding, for "
            f"example --encoding {likely}",
            field="encoding",
        ) from None
    except (LookupError, ValueError) as error:
        raise DataError(f"{path}: the encoding is {encoding!r}: {error}", field="encoding") from None
    return text.removeprefix("\ufeff")


def _csv(path: Path, text: str, columns: Sequence[str], delimiter: str, quoting: Quoting) -> Iterator[Row | Problem]:
    if len(delimiter) != 1 or delimiter in '"\r\n ':
        raise DataError(
            f"the delimiter is {delimiter!r}; it must be one character, no quote or blank", field="delimiter"
        )
    # The limit is the module's, for all readers; a text of any length is a text.
    limit = csv.field_size_limit(max(len(text), 1 << 17))
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=delimiter,
            quoting=csv.QUOTE_NONE if quoting == "none" else csv.QUOTE_MINIMAL,
            strict=True,
        )
        header: list[str] | None = None
        places: list[int] = []
        while True:
            line = reader.line_num + 1  # the record's first physical line, whatever newlines it quotes
            try:
                record = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                if header is None:
                    raise DataError(f"{path}, line {line}: the header is malformed: {error}") from None
                yield Problem(
                    line,
                    "malformed row",
                    f"{error} (lines {line} to {reader.line_num}; do quotes mean anything here? See --quoting)",
                )
                continue
            if not record:
                continue
            if header is None:
                header = [name.strip() for name in record]
                places = _places(path, header, columns, delimiter)
            elif len(record) != len(header):
                yield Problem(line, "ragged row", f"{len(record)} columns, the header has {len(header)}")
            else:
                yield Row(line, tuple(record[place] for place in places))
    finally:
        csv.field_size_limit(limit)
    if header is None:
        raise DataError(f"{path} is empty; its first line must name the columns")


def _jsonl(path: Path, text: str, columns: Sequence[str]) -> Iterator[Row | Problem]:
    keys: dict[str, None] = {}
    rows: list[Row | Problem] = []
    for line, source in enumerate(text.split("\n"), start=1):  # not splitlines(): JSON strings may hold U+2028
        if not source.strip():
            continue
        try:
            value = json.loads(source)
        except (ValueError, RecursionError) as error:
            rows.append(Problem(line, "malformed row", f"{error}: {shorten(source)}"))
            continue
        if isinstance(value, dict):
            keys.update(dict.fromkeys(value))
            rows.append(Row(line, tuple(value.get(name) for name in columns)))
        else:
            rows.append(Problem(line, "malformed row", f"not a JSON object: {shorten(source)}"))
    if not keys and text.lstrip().startswith("["):
        raise DataError(f"{path} is a JSON array; write one object on each line instead")
    if not rows:
        raise DataError(f"{path} is empty; write one JSON object on each line")
    if keys:
        _places(path, list(keys), columns)
    return iter(rows)


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    try:
        with pq.ParquetFile(path) as file:
            _places(path, file.schema_arrow.names, columns)
            line = 0
            for batch in file.iter_batches(columns=list(columns)):
                for values in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                    line += 1
                    yield Row(line, values)
    except pa.ArrowException as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error


def _places(path: Path, header: list[str], columns: Sequence[str], delimiter: str = "") -> list[int]:
    for name in columns:
        if header.count(name) == 1:
            continue
        found = f"{path} has {'more than one' if name in header else 'no'} column {name!r}; its columns are "
        found += ", ".join(repr(shorten(column)) for column in header)
        others = [char for char in ",;\t|" if delimiter and len(header) == 1 and char in header[0]]
        hint = f"; are they separated by {others[0]!r}? Then give --delimiter" if others else ""
        raise DataError(found + hint, field="columns")
    return [header.index(name) for name in columns]


def shorten(value: object, limit: int = 60) -> str:
    """A value for a message: on one line and at most `limit` characters long.

    Example:
        >>> shorten("a long story", 6), shorten(3.5)
        ('a lon…', '3.5')
    """
    text = " ".join(str(value).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
