"""Reads the rows of one file, of any format, chunk by chunk; scores nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import arrow
from sentiline.scoring.chunk import CHUNK_CHARACTERS, Chunk
from sentiline.scoring.io.chunk_builder import LINE_LIMIT, Gatherer
from sentiline.scoring.io.csv_reader import read_table
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import Lines, open_text


def read_chunks(source: Source, encoding: str = "utf-8", characters: int = CHUNK_CHARACTERS) -> Iterator[Chunk]:
    """Read a file.

    Args:
        source: the file.
        encoding: of a text file. What does not fit it becomes lone surrogates.
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
        arrow("Parquet")
        from sentiline.scoring.io.parquet_reader import read_parquet

        yield from read_parquet(source, characters)
        return
    with open_text(source, encoding, newline="" if source.format.kind in ("csv", "tsv") else "\n") as lines:
        gatherer = Gatherer(source, lines, characters)
        rows = {"csv": read_table, "tsv": read_table, "jsonl": _objects, "text": _plain}[source.format.kind]
        try:
            yield from rows(source, lines, gatherer)
        except UnicodeError as error:  # there are codecs that take no handler of errors
            raise DataFileError(f"{source.name} is not {encoding}: {error}; see --encoding", field="encoding") from None


def _numbered(lines: Lines) -> Iterator[tuple[int, str, bool]]:
    """Yield the lines with their numbers, and whether each is whole; what is too long is read past."""
    number = 0
    while line := lines.readline(LINE_LIMIT + 1):
        number += 1
        whole = len(line) <= LINE_LIMIT or line.endswith("\n")
        yield number, line.removesuffix("\n").removesuffix("\r"), whole
        while not whole and line and not line.endswith("\n"):
            line = lines.readline(LINE_LIMIT)


def _objects(source: Source, lines: Lines, gatherer: Gatherer) -> Iterator[Chunk]:
    names: dict[str, None] = {}
    for number, line, whole in _numbered(lines):
        if whole and not line.strip():
            continue
        try:
            row = json.loads(line) if whole else {}
        except (ValueError, RecursionError) as error:
            raise _not_json(source, number, line, str(error)) from None
        if not whole and number == 1 and line.lstrip().startswith("["):
            raise _not_json(source, number, line, f"longer than {LINE_LIMIT} characters")
        if not isinstance(row, dict):
            raise DataFileError(
                f"{source.name}, line {number}: holds {type(row).__name__}, not an object; write one object on each "
                "line",
                field="input",
            )
        names.update(dict.fromkeys(row))
        gatherer.sources.append(line.strip() if whole else "{}")
        if gatherer.add(number, row, len(line)) if whole else gatherer.skip(number, row):
            yield gatherer.chunk(tuple(names))
            names = {}
    if gatherer.rows:
        yield gatherer.chunk(tuple(names))


def _not_json(source: Source, number: int, line: str, error: str) -> DataFileError:
    whole = " (an array of objects is not JSON Lines)" if number == 1 and line.lstrip().startswith("[") else ""
    return DataFileError(
        f"{source.name}, line {number}: not JSON: {error}; write one object on each line{whole}", field="input"
    )


def _plain(source: Source, lines: Lines, gatherer: Gatherer) -> Iterator[Chunk]:
    for number, line, whole in _numbered(lines):
        if gatherer.add(number, {"text": line}, len(line)) if whole else gatherer.skip(number, {"text": None}):
            yield gatherer.chunk(("text",))
    if gatherer.rows:
        yield gatherer.chunk(("text",))
