"""The reader of input files: yields the rows of a file of any format, chunk by chunk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.chunk import CHUNK_CHARACTERS, Chunk, MalformedRowError
from sentiline.scoring.io.chunk_builder import LINE_LIMIT, ChunkBuilder
from sentiline.scoring.io.csv_reader import read_csv_rows
from sentiline.scoring.io.json_array import read_json_array
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import TextStream, open_text

_ARRAY = re.compile(r"\s*\[\s*([{\]]|$)")  # the first line of an array of objects


def read_chunks(source: Source, encoding: str = "utf-8", characters: int = CHUNK_CHARACTERS) -> Iterator[Chunk]:
    """Read the rows of a file in bounded memory, whatever its format and compression.

    This is the entry point for every part of the project that reads files of texts. The sources come from
    `sentiline.scoring.io.discovery.find_sources`:

        for source in find_sources(["reviews/", "s3://bucket/more.parquet"]):
            for chunk in read_chunks(source):
                texts = chunk.data.column(find_text_column(chunk, None))

    Args:
        source: The file.
        encoding: The encoding of a text file. Bytes that do not fit it become lone surrogates.
        characters: The number of characters at which a chunk ends early.

    Yields:
        Chunks of at most `CHUNK_ROWS` rows, which include the columns encoded in folder names. A file with columns but
        without rows yields one empty chunk. Lines that are too long to be read have a code in `Chunk.faults`.

    Raises:
        DataFileError: The file cannot be read or is malformed; the message names the line.
        OptionError: There is no such encoding.
        SettingError: pyarrow is needed and not installed.
    """
    if source.format.kind == "parquet":
        require_pyarrow("Parquet")
        from sentiline.scoring.io.parquet_reader import read_parquet

        yield from read_parquet(source, characters)
        return
    with open_text(source, encoding, newline="" if source.format.kind in ("csv", "tsv") else "\n") as lines:
        builder = ChunkBuilder(source, lines, characters)
        read_rows = {"jsonl": _read_objects, "text": _read_plain_text}.get(source.format.kind, read_csv_rows)
        try:
            yield from read_rows(source, lines, builder)
        except UnicodeError as error:  # some codecs ignore the error handler
            raise DataFileError(f"{source.name} is not {encoding}: {error}; see --encoding", field="encoding") from None


def _numbered(lines: TextStream) -> Iterator[tuple[int, str, bool]]:
    """Yield the number and text of each line, and whether it is complete; the rest of a line too long is skipped."""
    number = 0
    while line := lines.readline(LINE_LIMIT + 1):
        number += 1
        complete = len(line) <= LINE_LIMIT or line.endswith("\n")
        yield number, line.removesuffix("\n").removesuffix("\r"), complete
        while not complete and line and not line.endswith("\n"):
            line = lines.readline(LINE_LIMIT)


def _read_objects(source: Source, lines: TextStream, builder: ChunkBuilder) -> Iterator[Chunk]:
    names: dict[str, None] = {}
    begun = False
    for number, line, complete in _numbered(lines):
        if complete and not line.strip():
            continue
        if not begun and _ARRAY.match(line):
            yield from read_json_array(source, lines, builder, number, line + "\n" * complete)
            return
        begun = True
        problem: DataFileError | None = None
        row: Any = {}
        try:
            row = json.loads(line) if complete else {}
        except (ValueError, RecursionError) as error:
            problem = _not_json(source, number, str(error))
        if not isinstance(row, dict):
            texts = isinstance(row, list) and row and isinstance(row[0], str)
            problem = MalformedRowError(
                f"{source.name}, line {number}: holds {type(row).__name__}, not an object; write one object per line"
                + ", of an array of texts with jq -c '.[] | {text: .}' texts.json > texts.jsonl" * bool(texts),
                field="input",
            )
        if problem and not (source.keep_malformed and isinstance(problem, MalformedRowError)):
            raise problem
        row = {} if problem else row
        names.update(dict.fromkeys(row))
        builder.sources.append(line.strip() if complete and not problem else "{}")
        if problem:
            full = builder.add_malformed(number, row, line)
        else:
            full = builder.add(number, row, len(line)) if complete else builder.add_too_long(number, row)
        if full:
            yield builder.build(tuple(names))
            names = {}
    if builder.rows:
        yield builder.build(tuple(names))


def _not_json(source: Source, number: int, error: str) -> DataFileError:
    return MalformedRowError(
        f"{source.name}, line {number}: not JSON: {error}; write one object per line"
        + ", for example with jq -c . reviews.json > reviews.jsonl" * (number == 1),
        field="input",
    )


def _read_plain_text(source: Source, lines: TextStream, builder: ChunkBuilder) -> Iterator[Chunk]:
    for number, line, complete in _numbered(lines):
        if complete:
            full = builder.add(number, {"text": line}, len(line))
        else:
            full = builder.add_too_long(number, {"text": None})
        if full:
            yield builder.build(("text",))
    if builder.rows:
        yield builder.build(("text",))
