"""The writer of Parquet. Import this module only where pyarrow is installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.code_points import has_lone_surrogates
from sentiline.errors import DataFileError
from sentiline.scoring.arrow_types import common_type, map_leaves
from sentiline.scoring.arrow_values import inferred_type, to_column, with_valid_utf8
from sentiline.scoring.batch import Batch
from sentiline.scoring.chunk import Chunk, Records
from sentiline.scoring.io.columns import check_columns
from sentiline.scoring.scorer import COLUMNS, PROBABILITIES, SENTENCES, TIMESTEPS, ScoredChunk, check_name_clash

ROW_GROUP_BYTES = 16 * 2**20  # size of the Arrow columns in memory at which a row group is written
_NESTED_ROWS = 16  # rows whose nested Python values exist at once

_STEP = pa.struct(
    [
        ("token", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("unknown", pa.bool_()),
        ("positive", pa.float32()),
        ("contribution", pa.float32()),
        ("running", pa.float32()),
        ("read_as", pa.string()),
    ]
)
_SENTENCE = pa.struct(
    [
        ("sentence", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("label", pa.string()),
        ("score", pa.float64()),
        ("positive", pa.float64()),
        ("contribution", pa.float64()),
        ("tokens_total", pa.int32()),
        ("tokens_used", pa.int32()),
    ]
)
TYPES = dict(
    zip(
        COLUMNS,
        (pa.string(), pa.float64(), pa.float64(), pa.int64(), pa.int64(), pa.bool_(), pa.bool_(), pa.string()),
        strict=True,
    )
) | {TIMESTEPS: pa.list_(_STEP), SENTENCES: pa.list_(_SENTENCE), **dict.fromkeys(PROBABILITIES, pa.float64())}


class ParquetOutput:
    """Writes Parquet. The chunks are encoded as Arrow streams, from which the Parquet file is assembled."""

    def __init__(self, names: dict[str, str]) -> None:
        self._added = names
        self._schema: Any = None
        self._untyped: frozenset[str] = frozenset()
        self._assembly: _Assembly | None = None

    def prepare(self, first: Chunk) -> None:
        """Take the columns and types of the output from the first chunk."""
        check_name_clash(first, self._added)
        if isinstance(first.data, Batch):
            schema = first.data.batch.schema
            carried = pa.schema([field.with_type(_without_nulls(field.type)) for field in schema], schema.metadata)
        else:
            found = {name: inferred_type(first, name) for name in first.data.names}
            types = {name: _without_nulls(data_type) for name, data_type in found.items()}
            _check_keys(first)
            self._untyped = frozenset(name for name in found if found[name] != types[name])
            carried = pa.schema(list(types.items()))
        for field in carried:
            _check_type(first.file, field)
        fields = [pa.field(written, TYPES[name]) for name, written in self._added.items()]
        self._schema = pa.schema([*carried, *fields], metadata=carried.metadata)

    def encode(self, scored: ScoredChunk, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk as an Arrow stream."""
        chunk, schema = scored.chunk, self._schema
        carried = schema.names[: len(schema.names) - len(self._added)]
        check_columns(chunk, tuple(carried))
        columns = [self._carried(chunk, name) for name in carried]
        columns += added_arrays(scored, self._added)
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        try:
            with pa.ipc.new_stream(sink, schema, options=options) as stream:
                stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        except pa.ArrowException as error:  # for example values nested 64 levels deep
            raise DataFileError(
                f"{chunk.file}: its columns cannot be held in Parquet: {error}; write .jsonl, or leave the column out",
                field="columns",
            ) from None
        return [sink.getvalue().to_pybytes()]

    def _carried(self, chunk: Chunk, name: str) -> Any:
        data_type = self._schema.field(name).type
        if isinstance(chunk.data, Records):
            return to_column(chunk, name, data_type, untyped=name in self._untyped)
        column = chunk.data.batch.column(name)
        found = column.type
        if column.type != data_type and (column := _cast(column, data_type)) is None:
            raise DataFileError(
                f"{chunk.file}: column {name!r} is of type {found}, and {data_type} in the file before; score "
                "the files one by one",
                field="columns",
            )
        return with_valid_utf8(name, column)

    def advance(self, data: Path, target: Path) -> None:
        """Write the row groups that are complete."""
        self._assembly = self._assembly or _Assembly(data, target, self._schema)
        self._assembly.advance()

    def assemble(self, data: Path, target: Path) -> Path:
        """Write the rest of the Parquet file and return its path."""
        self.advance(data, target)
        self.close()
        return target

    def close(self) -> None:
        """Close the files."""
        if self._assembly:
            self._assembly.close()
        self._assembly = None


class _Assembly:
    """A Parquet file that is written from a growing file of Arrow streams."""

    def __init__(self, data: Path, target: Path, schema: Any) -> None:
        self._data = data
        self._schema = schema
        self._source = pa.OSFile(str(data))
        self._writer = pq.ParquetWriter(target, schema, compression="zstd")
        self._waiting: list[Any] = []

    def advance(self) -> None:
        size = self._data.stat().st_size
        while self._source.tell() < size:
            with pa.ipc.open_stream(self._source) as stream:
                self._waiting += stream
            if sum(batch.nbytes for batch in self._waiting) >= ROW_GROUP_BYTES:
                self._write()

    def close(self) -> None:
        if self._waiting:
            self._write()
        self._writer.close()
        self._source.close()

    def _write(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting = []


def added_arrays(scored: ScoredChunk, names: dict[str, str]) -> list[Any]:
    """Return the added columns of a chunk as Arrow arrays, in the order of `names`."""
    count, mask = len(scored.values), ~scored.scored
    errors = [scored.faults.get(index) for index in range(count)] if scored.faults else [None] * count
    found = {
        name: pa.nulls(count, TYPES[name]) if array is None else pa.array(array, TYPES[name], mask=mask)
        for name, array in scored.arrays().items()
    } | {"error": pa.array(errors, TYPES["error"])}
    nested = scored.nested()
    return [found[name] if name in found else _nested_array(nested[name], TYPES[name]) for name in names]


def _nested_array(values: Iterable[Any], data_type: Any) -> Any:
    # A few rows at a time: the Python values of all tokens of a chunk would take hundreds of megabytes.
    parts = [pa.array(some, data_type) for some in _batched(values)]
    return pa.concat_arrays(parts) if parts else pa.array([], data_type)


def _batched(values: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(values)
    while some := list(islice(rest, _NESTED_ROWS)):
        yield some


def _cast(column: Any, data_type: Any) -> Any:
    """Cast a column to the type of the output if the two types are alike and no value changes; None otherwise."""
    common = common_type(column.type, data_type)
    if common is None:
        return None
    try:
        cast = column.cast(data_type)
        return cast if common == data_type or cast.cast(column.type).equals(column) else None
    except pa.ArrowException:
        return None


def _without_nulls(data_type: Any) -> Any:
    """Return a type with string in place of null: a column that is empty in the first chunk most often holds text."""
    return map_leaves(data_type, lambda leaf: pa.string() if pa.types.is_null(leaf) else leaf)


def _check_type(file: str, field: Any) -> None:
    """Raise unless Parquet can hold a type; it cannot hold objects without keys."""
    try:
        pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
    except pa.ArrowException as error:
        raise DataFileError(
            f"{file}: column {field.name!r} is of type {field.type}, which Parquet cannot hold: {error} Write .jsonl, "
            "which carries every value as it is, or leave the column out",
            field="columns",
        ) from None


def _check_keys(chunk: Chunk) -> None:
    for name in chunk.data.names:
        if has_lone_surrogates(name):
            raise DataFileError(
                f"{chunk.file}: column {name!r} has a name that is not valid Unicode, which Parquet cannot hold; "
                "rename it, or write .jsonl",
                field="columns",
            )
