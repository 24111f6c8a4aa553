"""Cuts inputs into splits, each read by one task, and splits into parts, each of which becomes an output file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.chunk import CHUNK_ROWS, Chunk
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.source import Source

PART_ROWS = 16 * CHUNK_ROWS
SPLITS = 4096  # about the most splits of Parquet files, since each takes some of the driver's memory
_FOOTERS = 16  # Parquet footers read at the same time


@dataclass(frozen=True, slots=True)
class Split:
    """The input of one task: a file, or some row groups of a Parquet file.

    Attributes:
        index: Its index in the input.
        source: The file.
        begin: The number of the file's bytes before it, as `Chunk.position` counts them.
    """

    index: int
    source: Source
    begin: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive chunks of a split, which become one output file.

    Attributes:
        split: The index of the split.
        number: The part's index in the split.
        chunks: Its rows.
        read: The number of input bytes that they were read from.
    """

    split: int
    number: int
    chunks: Sequence[Chunk]
    read: int


def part_name(split: int, number: int) -> str:
    """Return the file name of a part; files sorted by name hold the rows in the order of the input.

    Example:
        >>> part_name(3, 12)
        'part-000003-000012.parquet'
    """
    return f"part-{split:06}-{number:06}.parquet"


def find_splits(sources: Sequence[Source], part_rows: int) -> list[Split]:
    """Cut files into splits, always in the same way.

    A Parquet file is cut between row groups. Any other file is one split, because only a reader of all earlier rows
    knows whether a line break ends a row, and the row's number.

    Raises:
        DataFileError: A Parquet file cannot be read.
    """
    with ThreadPoolExecutor(_FOOTERS, "footer") as pool:
        groups = list(pool.map(_group_rows, sources))
        # Once per file, since all splits of a file must have the same types.
        units = list(pool.map(_int96_unit, sources))
    wanted = max(part_rows, sum(map(sum, groups)) // SPLITS)
    pieces: list[tuple[Source, int]] = []
    for source, rows, unit in zip(sources, groups, units, strict=True):
        if len(rows) < 2:
            pieces.append((replace(source, int96_unit=unit), 0))
            continue
        total, before = sum(rows), 0
        for some in _gathered(rows, wanted):
            pieces.append((replace(source, row_groups=some, int96_unit=unit), source.size * before // max(total, 1)))
            before += sum(rows[some.start : some.stop])
    return [Split(index, source, begin) for index, (source, begin) in enumerate(pieces)]


def _group_rows(source: Source) -> list[int]:
    """Return the number of rows of each row group; an empty list for other formats."""
    location = source.location
    if source.format.kind != "parquet" or location is None:
        return []
    pa, parquet = require_pyarrow("Parquet"), require_pyarrow("Parquet", "parquet")
    from sentiline.scoring.io.parquet_reader import not_parquet

    try:
        metadata: Any = parquet.read_metadata(location.path, filesystem=location.store)
    except (pa.ArrowException, OSError) as error:
        raise not_parquet(source.name, location, error) from None
    return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]


def _int96_unit(source: Source) -> Literal["ns", "us"] | None:
    """Return the unit of a Parquet file's INT96 timestamps; None for other formats."""
    if source.format.kind != "parquet" or source.location is None:
        return None
    pa = require_pyarrow("Parquet")
    from sentiline.scoring.io.int96 import find_int96_unit
    from sentiline.scoring.io.parquet_reader import not_parquet

    try:
        return find_int96_unit(source.name, source.location)
    except (pa.ArrowException, OSError) as error:
        raise not_parquet(source.name, source.location, error) from None


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
        split: The split.
        encoding: The encoding of a text file.
        characters: The number of characters after which a chunk ends.
        part_rows: The number of rows of a part. A part with long texts ends after the number of chunks that would hold
            as many rows of short texts.

    Yields:
        The split's parts, the same whenever and wherever it is read.

    Raises:
        DataFileError: The file cannot be read or is malformed.
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
