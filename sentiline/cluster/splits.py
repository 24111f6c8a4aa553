"""Cuts inputs into splits, which tasks read side by side, and a split into parts, each of which becomes a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.chunk import CHUNK_ROWS, Chunk
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.source import Source

PART_ROWS = 16 * CHUNK_ROWS
SPLITS = 4096
"""Of Parquet at most, about: each costs the driver some memory."""

_FOOTERS = 16
"""Files whose footers are read side by side."""


@dataclass(frozen=True, slots=True)
class Split:
    """What one task reads: a file, or some row groups of a Parquet file.

    Attributes:
        index: its place in the input.
        source: the file.
        begin: bytes of the file before it, as `Chunk.position` counts them.
    """

    index: int
    source: Source
    begin: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Some consecutive chunks of a split, which become one file.

    Attributes:
        split: index of the split.
        number: its place in the split.
        chunks: the rows.
        read: bytes of the input that they were.
    """

    split: int
    number: int
    chunks: Sequence[Chunk]
    read: int

    @property
    def name(self) -> str:
        """Its file; in the order of names the rows are in the order of the input."""
        return part_name(self.split, self.number)


def part_name(split: int, number: int) -> str:
    """The file of a part.

    Example:
        >>> part_name(3, 12)
        'part-000003-000012.parquet'
    """
    return f"part-{split:06}-{number:06}.parquet"


def find_splits(sources: Sequence[Source], part_rows: int) -> list[Split]:
    """Cut files into splits: the same for the same files.

    A file of Parquet is cut between row groups. Any other is one split, since only who has read the rows before
    knows whether a line break ends a row, and what its number is.

    Raises:
        DataFileError: a file of Parquet cannot be read.
    """
    with ThreadPoolExecutor(_FOOTERS, "footer") as pool:
        groups = list(pool.map(_group_rows, sources))
    wanted = max(part_rows, sum(map(sum, groups)) // SPLITS)
    pieces: list[tuple[Source, int]] = []
    for source, rows in zip(sources, groups, strict=True):
        if len(rows) < 2:
            pieces.append((source, 0))
            continue
        total, before = sum(rows), 0
        for some in _gathered(rows, wanted):
            pieces.append((replace(source, row_groups=some), source.size * before // max(total, 1)))
            before += sum(rows[some.start : some.stop])
    return [Split(index, source, begin) for index, (source, begin) in enumerate(pieces)]


def _group_rows(source: Source) -> list[int]:
    """Rows of each row group; nothing for what is not Parquet."""
    location = source.location
    if source.format.kind != "parquet" or location is None:
        return []
    pa, parquet = require_pyarrow("Parquet"), require_pyarrow("Parquet", "parquet")
    try:
        metadata: Any = parquet.read_metadata(location.path, filesystem=location.store)
    except (pa.ArrowException, OSError) as error:
        raise DataFileError(f"{source.name} is not a readable Parquet file: {error}", field="input") from None
    return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]


def _gathered(rows: Sequence[int], wanted: int) -> Iterator[range]:
    first = count = 0
    for index, size in enumerate(rows):
        count += size
        if count >= wanted:
            yield range(first, index + 1)
            first, count = index + 1, 0
    if first < len(rows):
        yield range(first, len(rows))


def read_parts(split: Split, encoding: str, characters: int, part_rows: int) -> Iterator[Part]:
    """Read a split.

    Args:
        split: what to read.
        encoding: of a text file.
        characters: after which a chunk ends.
        part_rows: of a part; long texts make it end after as many full chunks as hold that many rows.

    Yields:
        Its parts: the same ones whenever and wherever it is read.

    Raises:
        DataFileError: the file cannot be read or is malformed.
    """
    chunks: list[Chunk] = []
    number, rows, begin = 0, 0, split.begin
    for chunk in read_chunks(split.source, encoding, characters):
        chunks.append(chunk)
        rows += len(chunk)
        if rows >= part_rows or len(chunks) * CHUNK_ROWS >= part_rows:
            yield Part(split.index, number, chunks, chunk.position - begin)
            number, chunks, rows, begin = number + 1, [], 0, chunk.position
    if chunks:
        yield Part(split.index, number, chunks, chunks[-1].position - begin)
