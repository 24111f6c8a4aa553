"""The builder of chunks from the rows of a text file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sentiline.scoring.chunk import CHUNK_ROWS, Chunk, Records
from sentiline.scoring.io.hive import matches_partition, partition_conflict
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import TextStream

LINE_LIMIT = 8 * 2**20  # characters; a longer line is skipped and its row has the error TOO_LONG, which bounds memory
TOO_LONG, MALFORMED = "line_too_long", "malformed_row"


class ChunkBuilder:
    """Collects rows until they fill a chunk.

    Attributes:
        rows: The rows since the last chunk.
        sources: The source texts of these rows, which readers of JSON Lines append.
    """

    def __init__(self, source: Source, lines: TextStream, limit: int) -> None:
        """Start with no rows.

        Args:
            source: The file.
            lines: The open file.
            limit: The number of characters that fill a chunk.
        """
        self._source = source
        self._lines = lines
        self._limit = limit
        self._clear()

    def _clear(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.sources: list[str] = []
        self._numbers: list[int] = []
        self._faults: dict[int, str] = {}
        self._joined: dict[int, int] = {}
        self._raw_rows: dict[int, str] = {}
        self._characters = 0

    def add(self, number: int, row: dict[str, Any], characters: int) -> bool:
        """Add a row that begins at a line; return whether the chunk is full."""
        self._numbers.append(number)
        self.rows.append(row)
        self._characters += characters
        return len(self.rows) >= CHUNK_ROWS or self._characters >= self._limit

    def mark_joined(self, last: int) -> None:
        """Mark the next row, which ends at a line, as one that may be several rows which stray quotes join."""
        self._joined[len(self.rows)] = last

    def add_too_long(self, number: int, row: dict[str, Any]) -> bool:
        """Add an empty row in place of a line that is too long; return whether the chunk is full."""
        self._faults[len(self.rows)] = TOO_LONG
        return self.add(number, row, 0)

    def add_malformed(self, number: int, row: dict[str, Any], raw: str) -> bool:
        """Add an empty row in place of one that cannot be read, with its text; return whether the chunk is full."""
        self._faults[len(self.rows)] = MALFORMED
        self._raw_rows[len(self.rows)] = raw
        return self.add(number, row, len(raw))

    def build(self, names: tuple[str, ...]) -> Chunk:
        """Return a chunk of the rows since the last one, with these columns."""
        records = Records(names, self.rows, self.sources or None)
        if self._source.partitions:
            records = _add_partitions(records, self._source, self._faults)
        position = self._lines.position()
        chunk = Chunk(
            self._source.name, "line", self._numbers, records, position, self._faults, self._joined, self._raw_rows
        )
        self._clear()
        return chunk


def _add_partitions(records: Records, source: Source, faults: Mapping[int, str]) -> Records:
    """Add the columns that are encoded in folder names."""
    columns = {name: partition.value for name, partition in source.partitions.items()}
    for name in columns.keys() & set(records.names):
        held = [row[name] for index, row in enumerate(records.rows) if name in row and index not in faults]
        if not all(matches_partition(value, columns[name]) for value in held):
            raise partition_conflict(name, source.name, source.partitions[name])
    names = (*records.names, *(name for name in columns if name not in records.names))
    if records.sources is None:  # CSV and plain text have no types
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
