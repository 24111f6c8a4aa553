"""Rows of a file of text on their way to becoming a chunk, those that are too long to be read included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sentiline.scoring.chunk import CHUNK_ROWS, Chunk, Records
from sentiline.scoring.io.hive import agrees, clash
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import Lines

LINE_LIMIT = 8 * 2**20
"""Characters: a longer line is not read, so that memory has a bound; its row has an error."""

TOO_LONG = "line_too_long"
"""That error."""


class Gatherer:
    """Takes rows until there are enough for a chunk."""

    def __init__(self, source: Source, lines: Lines, limit: int) -> None:
        self._source = source
        self._lines = lines
        self._limit = limit
        self._clear()

    def _clear(self) -> None:
        self.numbers: list[int] = []
        self.rows: list[dict[str, Any]] = []
        self.sources: list[str] = []
        self.faults: dict[int, str] = {}
        self.characters = 0

    def add(self, number: int, row: dict[str, Any], characters: int) -> bool:
        """Take a row; true if that fills the chunk."""
        self.numbers.append(number)
        self.rows.append(row)
        self.characters += characters
        return len(self.rows) >= CHUNK_ROWS or self.characters >= self._limit

    def skip(self, number: int, row: dict[str, Any]) -> bool:
        """Take a row in place of a line that is too long, likewise."""
        self.faults[len(self.rows)] = TOO_LONG
        return self.add(number, row, 0)

    def chunk(self, names: tuple[str, ...]) -> Chunk:
        """All rows taken since the last chunk."""
        records = Records(names, self.rows, self.sources or None)
        if self._source.partitions:
            records = _partitioned(records, self._source, self.faults)
        chunk = Chunk(self._source.name, "line", self.numbers, records, self._lines.position(), self.faults)
        self._clear()
        return chunk


def _partitioned(records: Records, source: Source, faults: Mapping[int, str]) -> Records:
    """The same rows with the columns that the names of the folders keep."""
    columns = {name: one.value for name, one in source.partitions.items()}
    for name in columns.keys() & set(records.names):
        held = [row[name] for index, row in enumerate(records.rows) if name in row and index not in faults]
        if not all(agrees(one, columns[name]) for one in held):
            raise clash(name, source.name, source.partitions[name])
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
