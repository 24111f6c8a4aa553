"""Turns scored chunks into bytes of CSV, TSV or JSON Lines, each chunk by itself; knows nothing of files."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
import re
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from sentiline.code_points import replace_lone_surrogates
from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import arrow
from sentiline.scoring.chunk import Batch, Chunk, Records
from sentiline.scoring.io.formats import Compression, Format
from sentiline.scoring.scorer import NESTED, Scored, check_clash

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(u[dD][89a-fA-F]\w\w)|.)")
"""Escapes of JSON; the group is one of a lone surrogate."""


class Encoder(Protocol):
    """Writes one output. The bytes of its chunks, one after another, are what `assemble` makes the output of."""

    def prepare(self, first: Chunk) -> None:
        """Settle the columns by the first chunk of the run; called once, before all else."""

    def encode(self, scored: Scored, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk; `first` if it begins the output.

        Pieces are made one by one, to be written as they come: all of them at once may take much memory.
        """

    def follow(self, data: Path, target: Path) -> None:
        """Make what can be made of the bytes that `data` holds so far, so that less is left for `assemble`."""

    def assemble(self, data: Path, target: Path) -> Path:
        """Make the output of all bytes, which `data` holds; return where it is, `data` or `target`."""

    def close(self) -> None:
        """Let go of what `follow` opened."""


def encoder_for(format: Format, names: dict[str, str]) -> Encoder:
    """Choose an encoder.

    Args:
        format: of the output.
        names: of the added columns, as `output_names` gives them.

    Raises:
        OptionError: the format cannot hold them.
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
        arrow("Writing Parquet")
        from sentiline.scoring.io.parquet_writer import ParquetEncoder

        return ParquetEncoder(names)
    if format.compression == "zstd":
        arrow("Writing zstd")
    return JsonEncoder(format, names) if format.kind == "jsonl" else TableEncoder(format, names)


class _Stream:
    """What is common to outputs that are the bytes of their chunks, one after another."""

    def follow(self, data: Path, target: Path) -> None:
        """Nothing has to be made of them."""

    def assemble(self, data: Path, target: Path) -> Path:
        """The bytes are the output."""
        return data

    def close(self) -> None:
        """Nothing is open."""


class TableEncoder(_Stream):
    """Writes CSV or TSV."""

    def __init__(self, format: Format, names: dict[str, str]) -> None:
        self._format = format
        self._added = names
        self._names: tuple[str, ...] = ()

    def prepare(self, first: Chunk) -> None:
        """Take the first chunk's columns for those of the output."""
        check_clash(first, self._added)
        self._names = first.data.names

    def encode(self, scored: Scored, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk, with the header if it is the first."""
        chunk = scored.chunk
        check_columns(chunk, self._names)
        text = io.StringIO(newline="")
        writer = csv.writer(_Rows(text), delimiter=self._format.delimiter)
        if first:
            writer.writerow((*self._names, *self._added.values()))
        added = scored.columns(self._added)
        columns: list[Iterable[Any]] = [chunk.data.column(name) for name in self._names]
        if isinstance(chunk.data, Batch) or chunk.data.sources is not None:  # else there are strings and nothing else
            columns = [map(_cell, column) for column in columns]
        columns += [map(_cell, column) for column in added.values()]
        writer.writerows(zip(*columns, strict=True))
        return compress([replace_lone_surrogates(text.getvalue()).encode()], self._format.compression)


class JsonEncoder(_Stream):
    """Writes JSON Lines. An object that came as JSON keeps its own text, and the added keys follow.

    One with NaN or an infinity, which Python reads and JSON lacks, is written anew.
    """

    def __init__(self, format: Format, names: dict[str, str]) -> None:
        self._format = format
        self._added = names

    def prepare(self, first: Chunk) -> None:
        """Nothing to settle: every line has its own keys."""

    def encode(self, scored: Scored, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk."""
        check_clash(scored.chunk, self._added)
        return compress(self._lines(scored), self._format.compression)

    def _lines(self, scored: Scored) -> Iterator[bytes]:
        chunk = scored.chunk
        added = scored.columns(self._added)
        results = (dict(zip(added, values, strict=True)) for values in zip(*added.values(), strict=True))
        sources = chunk.data.sources if isinstance(chunk.data, Records) else None
        for index, (row, result) in enumerate(zip(chunk.data.rows, results, strict=True)):
            if sources is not None and row and _is_json(sources[index]):
                yield f"{_spelt(sources[index])[:-1].rstrip()}, {_json(result)[1:]}\n".encode()
            else:
                yield f"{_json(row | result)}\n".encode()


class _Rows:
    """Ends rows with a newline alone. The csv module itself leaves a carriage return unquoted where it does so."""

    def __init__(self, text: io.StringIO) -> None:
        self._text = text

    def write(self, row: str) -> int:
        return self._text.write(row.removesuffix("\r\n") + "\n")


def check_columns(chunk: Chunk, names: tuple[str, ...]) -> None:
    """Raise if a chunk has columns that the output, settled by the first chunk, lacks.

    Raises:
        DataFileError: it has.
    """
    new = [name for name in chunk.data.names if name not in names]
    missing = [] if isinstance(chunk.data, Records) and chunk.data.sources else set(names) - set(chunk.data.names)
    if new or missing:
        problem = f"has a column {new[0]!r} that the rows before lack" if new else f"lacks the column {min(missing)!r}"
        place = chunk.place(0) if len(chunk) else chunk.file
        raise DataFileError(
            f"{place}: {problem}; the rows of a table have the same columns: write .jsonl, or score files one by one",
            field="columns",
        )


def compress(pieces: Iterable[bytes], compression: Compression | None) -> Iterable[bytes]:
    """Compress one chunk, piece by piece; compressed chunks one after another are a compressed file."""
    if compression == "gzip":
        return _gzipped(pieces)
    return _zstd(pieces) if compression == "zstd" else pieces


def _gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    stream = zlib.compressobj(6, zlib.DEFLATED, wbits=31)  # a header without a time: the same rows, the same bytes
    for piece in pieces:
        yield stream.compress(piece)
    yield stream.flush()


def _zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    pa = arrow("zstd")
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for piece in pieces:
            stream.write(piece)
    yield sink.getvalue().to_pybytes()


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
    return _plain(value)


def _json(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=_plain)
    return replace_lone_surrogates(text)


def _spelt(line: str) -> str:
    """A line of JSON to the letter, but for lone surrogates: as they are or escaped, others cannot read the line."""
    if r"\ud" in line or r"\uD" in line:
        line = _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], line)
    return replace_lone_surrogates(line)


def _is_json(line: str) -> bool:
    """Whether a line that Python can read is JSON for others too: without NaN and infinities."""
    if "NaN" not in line and "Infinity" not in line:
        return True
    constants: list[str] = []
    json.loads(line, parse_constant=constants.append)
    return not constants


def _finite(value: object) -> object:
    """Values with null for NaN and infinities, which JSON lacks."""
    match value:
        case dict():
            return {key: _finite(one) for key, one in value.items()}
        case list() | tuple():  # Arrow's maps are lists of tuples
            return [_finite(one) for one in value]
        case float():
            return value if value - value == 0 else None
    return value


def _plain(value: object) -> str:
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta | uuid.UUID):
        return str(value)
    raise DataFileError(
        f"a column holds {type(value).__name__}, which only Parquet can hold; write .parquet", field="columns"
    )
