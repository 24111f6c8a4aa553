"""The reader of Parquet. Import this module only where pyarrow is installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa

from sentiline.errors import DataFileError
from sentiline.scoring.arrow_types import conform, widen_dictionaries
from sentiline.scoring.batch import Batch
from sentiline.scoring.chunk import CHUNK_CHARACTERS, CHUNK_ROWS, Chunk, check_names
from sentiline.scoring.io.content_check import describe_signature
from sentiline.scoring.io.hive import matches_partition, partition_conflict
from sentiline.scoring.io.int96 import find_int96_unit, open_parquet
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.storage import Location
from sentiline.scoring.io.text_stream import InterruptedReadError, read_error

# Rows decoded at a time. They are few because the lengths of their texts are unknown before, and fewer where the memory
# budget asks for short chunks.
_BATCH_ROWS = 64


def read_parquet(source: Source, characters: int) -> Iterator[Chunk]:
    """Read the rows of a Parquet file.

    Args:
        source: The file, and the row groups to read.
        characters: The size in bytes at which a chunk ends early.

    Yields:
        The rows, as `read_chunks` does.

    Raises:
        DataFileError: The file cannot be read.
    """
    location = source.location
    if location is None:
        raise DataFileError("Parquet cannot be read from standard input; save it to a file", field="input")
    try:
        with open_parquet(location, source.int96_unit or find_int96_unit(source.name, location)) as file:
            schema = file.schema_arrow
            check_names(schema.names, source.name)
            total = file.metadata.num_rows
            groups = range(file.num_row_groups) if source.row_groups is None else source.row_groups
            done = sum(file.metadata.row_group(index).num_rows for index in range(groups.start))
            if not total:
                empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
                yield Chunk(source.name, "row", [], _to_batch(_widen(empty), source), source.size)
            rows = max(1, _BATCH_ROWS * characters // CHUNK_CHARACTERS)
            for batch in _regroup(_batches(file, groups, rows), characters):
                lines = range(done + 1, done + 1 + batch.num_rows)
                done += batch.num_rows
                yield Chunk(source.name, "row", lines, _to_batch(batch, source), source.size * done // total)
    except (pa.ArrowException, OSError) as error:
        interrupted = read_error(source, error)
        if isinstance(interrupted, InterruptedReadError):
            raise interrupted from error
        raise not_parquet(source.name, location, error) from None


def not_parquet(name: str, location: Location, error: Exception) -> DataFileError:
    """Return the error for a file that pyarrow cannot read, with what the file is if its first bytes tell."""
    with suppress(OSError), location.open() as file:
        if found := describe_signature(file.read(1024)):
            return DataFileError(f"{name} is {found}", field="input")
    return DataFileError(f"{name} is not a readable Parquet file: {error}", field="input")


def _batches(file: Any, groups: Iterable[int], rows: int) -> Iterator[Any]:
    for group in groups:  # one by one: pyarrow cannot read nested dictionaries across row groups
        yield from map(_widen, file.iter_batches(batch_size=rows, row_groups=[group]))


def _widen(batch: Any) -> Any:
    """Return a batch with types that are the same in all files of a data set."""
    schema = pa.schema(
        [field.with_type(widen_dictionaries(field.type)) for field in batch.schema], batch.schema.metadata
    )
    return batch if schema.equals(batch.schema) else batch.cast(schema)


def _to_batch(batch: Any, source: Source) -> Batch:
    """Add the columns that are encoded in folder names, and take on the schema of the data set."""
    for name, partition in source.partitions.items():
        if name not in batch.schema.names:
            value = pa.scalar(partition.value, pa.int64() if partition.whole else pa.string())
            batch = batch.append_column(name, pa.repeat(value, batch.num_rows))
        elif not all(matches_partition(value, partition.value) for value in batch.column(name).unique().to_pylist()):
            raise partition_conflict(name, source.name, partition)
    return Batch(conform(batch, source.name, source.schema))


def _regroup(batches: Iterable[Any], characters: int) -> Iterator[Any]:
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
