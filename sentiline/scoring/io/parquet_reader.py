"""Reads the rows of a Parquet file, chunk by chunk; imported where pyarrow is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.errors import DataFileError
from sentiline.scoring.arrow_types import widened
from sentiline.scoring.chunk import CHUNK_CHARACTERS, CHUNK_ROWS, Batch, Chunk, check_names
from sentiline.scoring.io.hive import agrees, clash
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import InterruptedReadError, unreadable

_BUFFER = 2**20
_BATCH_ROWS = 64
"""Rows decoded at once, of which chunks are made: few, since nothing tells beforehand how long their texts are; fewer
yet where chunks are to be short."""


def read_parquet(source: Source, characters: int) -> Iterator[Chunk]:
    """Read a file.

    Args:
        source: the file; of its row groups those that it names.
        characters: after which a chunk ends.

    Yields:
        Its rows, as `read_chunks` does.

    Raises:
        DataFileError: the file cannot be read.
    """
    location = source.location
    if location is None:
        raise DataFileError("Parquet cannot be read from standard input; save it to a file", field="input")
    try:
        # read in small pieces: a row group as a whole may be as large as the file
        with pq.ParquetFile(location.path, filesystem=location.store, buffer_size=_BUFFER, pre_buffer=False) as file:
            schema = file.schema_arrow
            check_names(schema.names, source.name)
            total = file.metadata.num_rows
            groups = range(file.num_row_groups) if source.row_groups is None else source.row_groups
            done = sum(file.metadata.row_group(index).num_rows for index in range(groups.start))
            if not total:
                empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
                yield Chunk(source.name, "row", [], _columns(_settled(empty), source), source.size)
            rows = max(1, _BATCH_ROWS * characters // CHUNK_CHARACTERS)
            for batch in _gathered(_batches(file, groups, rows), characters):
                lines = range(done + 1, done + 1 + batch.num_rows)
                done += batch.num_rows
                yield Chunk(source.name, "row", lines, _columns(batch, source), source.size * done // total)
    except (pa.ArrowException, OSError) as error:
        interrupted = unreadable(source, error)
        if isinstance(interrupted, InterruptedReadError):
            raise interrupted from error
        raise DataFileError(f"{source.name} is not a readable Parquet file: {error}", field="input") from None


def _batches(file: Any, groups: Iterable[int], rows: int) -> Iterator[Any]:
    for group in groups:  # one by one: pyarrow cannot read nested dictionaries across them
        yield from map(_settled, file.iter_batches(batch_size=rows, row_groups=[group]))


def _settled(batch: Any) -> Any:
    """A batch whose types are the same wherever in the data set it stands."""
    schema = pa.schema([field.with_type(widened(field.type)) for field in batch.schema], batch.schema.metadata)
    return batch if schema.equals(batch.schema) else batch.cast(schema)


def _columns(batch: Any, source: Source) -> Batch:
    """The rows of a batch with the columns that the names of the folders keep."""
    for name, partition in source.partitions.items():
        if name not in batch.schema.names:
            kind = pa.int64() if partition.whole else pa.string()
            batch = batch.append_column(name, pa.repeat(pa.scalar(partition.value, kind), batch.num_rows))
        elif not all(agrees(one, partition.value) for one in batch.column(name).unique().to_pylist()):
            raise clash(name, source.name, partition)
    return Batch(batch)


def _gathered(batches: Iterable[Any], characters: int) -> Iterator[Any]:
    """Join small batches into chunks, which end early where texts are long."""
    waiting: list[Any] = []
    rows = size = 0
    for batch in batches:
        while batch.num_rows:
            taken = batch.slice(0, CHUNK_ROWS - rows)
            batch = batch.slice(taken.num_rows)
            waiting.append(taken)
            rows, size = rows + taken.num_rows, size + taken.nbytes
            if rows >= CHUNK_ROWS or size >= characters:
                yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
                waiting, rows, size = [], 0, 0
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
