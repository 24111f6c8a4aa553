"""Reads the rows of one file, of any format, chunk by chunk; scores nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import arrow
from sentiline.scoring.chunk import CHUNK_CHARACTERS, CHUNK_ROWS, Batch, Chunk, Records, check_names
from sentiline.scoring.partition import Value
from sentiline.scoring.source import InterruptedReadError, Lines, Source, open_text, unreadable

LINE_LIMIT = 8 * 2**20
"""Characters: a longer line or CSV field ends the reading, as what stands behind an unclosed quote must."""

_BUFFER = 2**20
_BATCH_ROWS = 64
"""Rows of Parquet decoded at once, of which chunks are made: few, since nothing tells beforehand how long their texts
are; fewer yet where chunks are to be short."""


def read_chunks(source: Source, encoding: str = "utf-8", characters: int = CHUNK_CHARACTERS) -> Iterator[Chunk]:
    """Read a file.

    Args:
        source: the file.
        encoding: of a text file. Bytes that do not fit it become lone surrogates.
        characters: after which a chunk ends.

    Yields:
        Its rows, at most `CHUNK_ROWS` at once, with the columns that the names of its folders keep; a chunk of none
        where a file has columns and no rows.

    Raises:
        DataFileError: the file cannot be read or is malformed; names the line.
        OptionError: no such encoding.
        SettingError: pyarrow is needed and not installed.
    """
    if source.format.kind == "parquet":
        yield from _parquet(source, characters)
        return
    with open_text(source, encoding, newline="" if source.format.kind in ("csv", "tsv") else "\n") as lines:
        gatherer = _Gatherer(source, lines, characters)
        rows = {"csv": _table, "tsv": _table, "jsonl": _objects, "text": _plain}[source.format.kind]
        try:
            yield from rows(source, lines, gatherer)
        except UnicodeError as error:  # codecs of more than one byte a unit have no lone surrogates for all
            raise DataFileError(f"{source.name} is not {encoding}: {error}; see --encoding", field="encoding") from None


class _Gatherer:
    """Rows on their way to becoming a chunk."""

    def __init__(self, source: Source, lines: Lines, limit: int) -> None:
        self._source = source
        self._lines = lines
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        self.numbers: list[int] = []
        self.rows: list[dict[str, Any]] = []
        self.sources: list[str] = []
        self.characters = 0

    def add(self, number: int, row: dict[str, Any], characters: int) -> bool:
        """Take a row; true if that fills the chunk."""
        self.numbers.append(number)
        self.rows.append(row)
        self.characters += characters
        return len(self.rows) >= CHUNK_ROWS or self.characters >= self._limit

    def chunk(self, names: tuple[str, ...]) -> Chunk:
        """All rows taken since the last chunk."""
        records = Records(names, self.rows, self.sources or None)
        if self._source.partitions:
            records = _partitioned(records, self._source)
        chunk = Chunk(self._source.name, "line", self.numbers, records, self._lines.position())
        self.clear()
        return chunk


def _table(source: Source, lines: Lines, gatherer: _Gatherer) -> Iterator[Chunk]:
    csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))  # one for the whole process
    reader = csv.reader(lines, delimiter=source.format.delimiter, strict=True)
    names: tuple[str, ...] = ()
    empty = True
    while True:
        number = reader.line_num + 1  # where the record begins, whatever newlines it quotes
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise DataFileError(
                f"{source.name}, line {number}: {error}; the record was read to line {reader.line_num}: is a quote "
                "left open or not doubled?",
                field="input",
            ) from None
        if not record:
            if len(names) != 1:
                continue
            record = [""]  # how many write an empty text where there is no other column
        if not names:
            names = check_names(record, f"{source.name}, line {number}")
            if any(map(_is_undecodable, names)):
                raise DataFileError(f"{source.name}, line {number}: not decodable; see --encoding", field="encoding")
            _check_delimiter(source, number, names)
            continue
        if len(record) != len(names):
            raise DataFileError(
                f"{source.name}, line {number}: {len(record)} columns, and the header has {len(names)}; is the text "
                "quoted, and is the file comma- or tab-separated as its format says (--format)?",
                field="input",
            )
        if gatherer.add(number, dict(zip(names, record, strict=True)), sum(map(len, record))):
            empty = False
            yield gatherer.chunk(names)
    if not names:
        raise DataFileError(f"{source.name} is empty; its first line must name the columns", field="input")
    if gatherer.rows or empty:
        yield gatherer.chunk(names)


def _check_delimiter(source: Source, number: int, names: tuple[str, ...]) -> None:
    """Raise where a single column is named as if it were several, with another delimiter between them."""
    found = [one for one in ",;\t|" if one != source.format.delimiter and len(names) == 1 and one in names[0]]
    if found:
        written = repr(found[0]) if found[0] != "\t" else r"'\t'"
        raise DataFileError(
            f"{source.name}, line {number}: the only column is named {names[0]!r}; are the columns separated by "
            f"{found[0]!r}? Then add --delimiter {written}; or rename the column",
            field="columns",
        )


def _numbered(source: Source, lines: Lines) -> Iterator[tuple[int, str]]:
    number = 0
    while line := lines.readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise DataFileError(
                f"{source.name}, line {number}: longer than {LINE_LIMIT} characters; is it {source.format.kind}?",
                field="input",
            )
        yield number, line.removesuffix("\n").removesuffix("\r")


def _objects(source: Source, lines: Lines, gatherer: _Gatherer) -> Iterator[Chunk]:
    names: dict[str, None] = {}
    for number, line in _numbered(source, lines):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            whole = " (an array of objects is not JSON Lines)" if number == 1 and line.lstrip().startswith("[") else ""
            raise DataFileError(
                f"{source.name}, line {number}: not JSON: {error}; write one object on each line{whole}", field="input"
            ) from None
        if not isinstance(row, dict):
            raise DataFileError(
                f"{source.name}, line {number}: holds {type(row).__name__}, not an object; write one object on each "
                "line",
                field="input",
            )
        names.update(dict.fromkeys(row))
        gatherer.sources.append(line.strip())
        if gatherer.add(number, row, len(line)):
            yield gatherer.chunk(tuple(names))
            names = {}
    if gatherer.rows:
        yield gatherer.chunk(tuple(names))


def _plain(source: Source, lines: Lines, gatherer: _Gatherer) -> Iterator[Chunk]:
    for number, line in _numbered(source, lines):
        if gatherer.add(number, {"text": line}, len(line)):
            yield gatherer.chunk(("text",))
    if gatherer.rows:
        yield gatherer.chunk(("text",))


def _partitioned(records: Records, source: Source) -> Records:
    """The same rows with the columns that the names of the folders keep."""
    columns = {name: one.value for name, one in source.partitions.items()}
    for name in columns.keys() & set(records.names):
        if any(name in row and not _agrees(row[name], columns[name]) for row in records.rows):
            raise _clash(name, source)
    names = (*records.names, *(name for name in columns if name not in records.names))
    if records.sources is None:  # nothing has a type here
        strings = {
            name: None if value is None else str(value) for name, value in columns.items() if name not in records.names
        }
        return Records(names, [row | strings for row in records.rows])
    rows, texts = [], []
    for row, text in zip(records.rows, records.sources, strict=True):
        added = {name: value for name, value in columns.items() if name not in row}
        inside = json.dumps(added, ensure_ascii=False)[1:]
        texts.append((f"{text[:-1].rstrip()}, {inside}" if row else f"{{{inside}") if added else text)
        rows.append(row | added)
    return Records(names, rows, texts)


def _agrees(held: object, named: Value) -> bool:
    return held == named or (named is not None and str(held) == str(named))


def _clash(name: str, source: Source) -> DataFileError:
    return DataFileError(
        f"{source.name}: column {name!r} is {source.partitions[name].value!r} in the name of its folder and something "
        "else in the file; rename one of them",
        field="columns",
    )


def _parquet(source: Source, characters: int) -> Iterator[Chunk]:
    pa, parquet = arrow("Parquet"), arrow("Parquet", "parquet")
    location = source.location
    if location is None:
        raise DataFileError("Parquet cannot be read from standard input; save it to a file", field="input")
    try:
        # read in small pieces: a row group as a whole may be as large as the file
        with parquet.ParquetFile(
            location.path, filesystem=location.store, buffer_size=_BUFFER, pre_buffer=False
        ) as file:
            check_names(file.schema_arrow.names, source.name)
            total = file.metadata.num_rows
            groups = range(file.num_row_groups) if source.row_groups is None else source.row_groups
            done = sum(file.metadata.row_group(index).num_rows for index in range(groups.start))
            if not total:
                yield Chunk(source.name, "row", [], _columns(_no_rows(file.schema_arrow), source), source.size)
            rows = max(1, _BATCH_ROWS * characters // CHUNK_CHARACTERS)
            batches = file.iter_batches(batch_size=rows, row_groups=list(groups))
            for batch in _gathered(batches, characters):
                lines = range(done + 1, done + 1 + batch.num_rows)
                done += batch.num_rows
                yield Chunk(source.name, "row", lines, _columns(batch, source), source.size * done // total)
    except (pa.ArrowException, OSError) as error:
        interrupted = unreadable(source, error)
        if isinstance(interrupted, InterruptedReadError):
            raise interrupted from error
        raise DataFileError(f"{source.name} is not a readable Parquet file: {error}", field="input") from None


def _columns(batch: Any, source: Source) -> Batch:
    """The rows of a batch with the columns that the names of the folders keep."""
    pa = arrow("Parquet")
    for name, (value, whole) in source.partitions.items():
        if name not in batch.schema.names:
            column = pa.repeat(pa.scalar(value, pa.int64() if whole else pa.string()), batch.num_rows)
            batch = batch.append_column(name, column)
        elif not all(_agrees(one, value) for one in batch.column(name).unique().to_pylist()):
            raise _clash(name, source)
    return Batch(batch)


def _no_rows(schema: Any) -> Any:
    pa = arrow("Parquet")
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _gathered(batches: Iterable[Any], characters: int) -> Iterator[Any]:
    """Join small batches into chunks, which end early where texts are long."""
    pa = arrow("Parquet")
    waiting: list[Any] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= CHUNK_ROWS or size >= characters:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting, rows, size = [], 0, 0
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def _is_undecodable(text: str) -> bool:
    """Whether bytes of a name did not fit the encoding, or are those of UTF-16 without its mark."""
    return any("\ud800" <= character <= "\udfff" or character == "\0" for character in text)
