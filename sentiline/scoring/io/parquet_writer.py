"""Turns scored chunks into Arrow streams, and a file of such streams into Parquet; imported where pyarrow is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.code_points import has_lone_surrogates, replace_lone_surrogates
from sentiline.errors import DataFileError
from sentiline.scoring.chunk import Batch, Chunk, Records, strings
from sentiline.scoring.io.writers import check_columns
from sentiline.scoring.scorer import COLUMNS, SENTENCES, TIMESTEPS, Scored, check_clash

ROW_GROUP_BYTES = 16 * 2**20
"""Of Arrow columns in memory, after which a row group is written."""

_NESTED_ROWS = 16

_STEP = pa.struct(
    [
        ("token", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("unknown", pa.bool_()),
        ("positive", pa.float32()),
        ("contribution", pa.float32()),
        ("running", pa.float32()),
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
) | {TIMESTEPS: pa.list_(_STEP), SENTENCES: pa.list_(_SENTENCE)}


class ParquetEncoder:
    """Writes Parquet. Until all chunks are there they lie side by side, each an Arrow stream of its own."""

    def __init__(self, names: dict[str, str]) -> None:
        self._added = names
        self._schema: Any = None
        self._untyped: frozenset[str] = frozenset()
        self._assembly: _Assembly | None = None

    def prepare(self, first: Chunk) -> None:
        """Take the columns and types of the first chunk for those of the output."""
        check_clash(first, self._added)
        if isinstance(first.data, Batch):
            carried = first.data.batch.schema
        else:
            found = {name: _array(first, name, None).type for name in first.data.names}
            types = {name: _typed(kind) for name, kind in found.items()}
            _check_keys(first)
            self._untyped = frozenset(name for name in found if found[name] != types[name])
            carried = pa.schema(list(types.items()))
        for field in carried:
            _check_kind(first.file, field)
        fields = [pa.field(written, TYPES[name]) for name, written in self._added.items()]
        self._schema = pa.schema([*carried, *fields], metadata=carried.metadata)

    def encode(self, scored: Scored, *, first: bool) -> Iterable[bytes]:
        """Encode a chunk as one Arrow stream."""
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
        except pa.ArrowException as error:  # as of values nested in 64 others
            raise DataFileError(
                f"{chunk.file}: its columns cannot be held in Parquet: {error}; write .jsonl, or leave the column out",
                field="columns",
            ) from None
        return [sink.getvalue().to_pybytes()]

    def _carried(self, chunk: Chunk, name: str) -> Any:
        kind = self._schema.field(name).type
        if isinstance(chunk.data, Records):
            return _array(chunk, name, kind, untyped=name in self._untyped)
        column = chunk.data.batch.column(name)
        if column.type != kind:
            raise DataFileError(
                f"{chunk.file}: column {name!r} is of type {column.type}, and {kind} in the file before; score the "
                "files one by one",
                field="columns",
            )
        return _sound(name, column)

    def follow(self, data: Path, target: Path) -> None:
        """Write the row groups that are full."""
        self._assembly = self._assembly or _Assembly(data, target, self._schema)
        self._assembly.follow()

    def assemble(self, data: Path, target: Path) -> Path:
        """Write what is left of the Parquet file."""
        self.follow(data, target)
        self.close()
        return target

    def close(self) -> None:
        """Let go of the files."""
        if self._assembly:
            self._assembly.close()
        self._assembly = None


class _Assembly:
    """A Parquet file that is being written from a file of Arrow streams that grows."""

    def __init__(self, data: Path, target: Path, schema: Any) -> None:
        self._data = data
        self._schema = schema
        self._source = pa.OSFile(str(data))
        self._writer = pq.ParquetWriter(target, schema, compression="zstd")
        self._waiting: list[Any] = []

    def follow(self) -> None:
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


def added_arrays(scored: Scored, names: dict[str, str]) -> list[Any]:
    """The added columns of a chunk as Arrow arrays, in the order of their names in the output."""
    types = {written: TYPES[name] for name, written in names.items()}
    return [_built(values, types[name]) for name, values in scored.columns(names).items()]


def _built(values: Iterable[Any], kind: Any) -> Any:
    if not pa.types.is_list(kind):
        return pa.array(values, kind)
    # a few rows at once: the Python values of all tokens of a chunk would take hundreds of megabytes
    parts = [pa.array(some, kind) for some in _batched(values)]
    return pa.concat_arrays(parts) if parts else pa.array([], kind)


def _batched(values: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(values)
    while some := list(islice(rest, _NESTED_ROWS)):
        yield some


def _typed(kind: Any) -> Any:
    """A type with text for null: what has been null so far may be anything, and text is what it is most often."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_typed(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _typed(field.type)) for field in kind])
    return kind


def _array(chunk: Chunk, name: str, kind: Any, *, untyped: bool = False) -> Any:
    """Values of a column of Python values as an Arrow array.

    Args:
        chunk: the rows.
        name: of the column.
        kind: its type; None for the one that the values suggest.
        untyped: whether `kind` is a guess, as no row of the first chunk had a value.
    """
    values = chunk.data.column(name)
    if kind is None and isinstance(chunk.data, Records) and chunk.data.sources is None:
        kind = pa.string()  # CSV has no types: what looks like a number may be a postcode
    try:
        try:
            array = pa.array(values, kind)
        except UnicodeEncodeError:
            values = [_valid(value) for value in values]
            array = pa.array(values, kind)
        if array.type != pa.string() and not _same(
            values, array.to_pylist()
        ):  # Arrow cuts 1.5 down to a column of integers
            raise pa.ArrowInvalid(f"not all values are of type {array.type}")
    except (pa.ArrowException, OverflowError) as error:
        where = f"{chunk.place(0)} and after" if len(chunk) else chunk.file
        cause = f" ({kind} was taken, as the first rows have no value there or in a part of it)" if untyped else ""
        raise DataFileError(
            f"{where}: column {name!r} does not fit one type, as Parquet wants it: {error}{cause}; write .jsonl, which "
            "carries every value as it is",
            field="columns",
        ) from None
    return array


def _valid(value: object) -> object:
    """Values with U+FFFD for lone surrogates, which Arrow's strings cannot hold."""
    match value:
        case str():
            return replace_lone_surrogates(value)
        case dict():
            return {_valid(key): _valid(one) for key, one in value.items()}
        case list():
            return [_valid(one) for one in value]
    return value


def _sound(name: str, column: Any) -> Any:
    """A column with U+FFFD for what is not UTF-8 in its strings, which nobody checked."""
    kind = column.type
    if "string" not in str(kind):
        return column
    try:
        column.validate(full=True)
        return column
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            return column
    values = [_valid(value) for value in strings(name, column)]
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def _check_kind(file: str, field: Any) -> None:
    """Raise unless Parquet has a column's type, as it has not for an object without keys."""
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
                f"{chunk.file}: column {name!r} has a name that is no text, which Parquet cannot hold; rename it, or "
                "write .jsonl",
                field="columns",
            )


def _same(given: object, held: object) -> bool:
    """Whether a type holds a value as it is; a key that an object lacks is null."""
    match given, held:
        case dict(), dict():
            return given.keys() <= held.keys() and all(_same(given.get(key), value) for key, value in held.items())
        case list(), list():
            return len(given) == len(held) and all(map(_same, given, held))
    if isinstance(given, bool) != isinstance(held, bool):
        return False
    return given == held or (given != given and held != held)  # NaN
