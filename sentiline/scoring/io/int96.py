"""INT96 timestamps of Parquet, which Spark, Hive and Impala write. Import this module only where pyarrow is installed.

INT96 holds nanoseconds over millions of years. Arrow's nanoseconds only reach from 1677 to 2262, and pyarrow wraps
other values around without an error; its microseconds reach far enough, but cut off finer values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentiline.errors import DataFileError
from sentiline.scoring.io.storage import Location

TimestampUnit = Literal["ns", "us"]

_BUFFER = 2**20
_BATCH_ROWS = 65_536


def open_parquet(location: Location, int96_unit: TimestampUnit = "us") -> Any:
    """Open a Parquet file in small pieces: a single row group may be as large as the file.

    Args:
        location: The place of the file.
        int96_unit: The unit in which INT96 timestamps are read.

    Raises:
        OSError: The file cannot be opened.
        pyarrow.ArrowException: It is not a Parquet file.
    """
    return pq.ParquetFile(
        location.path,
        filesystem=location.store,
        buffer_size=_BUFFER,
        pre_buffer=False,
        coerce_int96_timestamp_unit=int96_unit,
    )


def find_int96_unit(name: str, location: Location) -> TimestampUnit:
    """Find the unit that holds all INT96 timestamps of a file; only their columns are read.

    Args:
        name: The name of the file, for messages.
        location: The place of the file.

    Returns:
        "us"; "ns" if microseconds would cut off a value, and no value lies outside 1677 to 2262.

    Raises:
        DataFileError: Neither unit holds all values.
        OSError: The file cannot be read.
        pyarrow.ArrowException: It is not a readable Parquet file.
    """
    with open_parquet(location, "us") as wide:
        leaves = [wide.schema.column(index) for index in range(len(wide.schema))]
        columns = [leaf.path for leaf in leaves if leaf.physical_type == "INT96"]
    if not columns:
        return "us"
    fine = far = ""
    with open_parquet(location, "ns") as exact, open_parquet(location, "us") as wide:
        for (column, nanoseconds), (_, microseconds) in zip(
            _leaves_by_column(exact, columns), _leaves_by_column(wide, columns), strict=True
        ):
            # The unchecked product wraps around exactly like the nanoseconds, so only finer digits make a difference.
            if pc.any(pc.not_equal(nanoseconds, pc.multiply(microseconds, 1000))).as_py():
                fine = fine or column
            if pc.any(pc.not_equal(pc.divide(pc.multiply(microseconds, 1000), 1000), microseconds)).as_py():
                far = far or column
            if fine and far:
                break
    if fine and far:
        raise DataFileError(
            f"{name}: INT96 timestamps of column {fine!r} are finer than a microsecond, and some of column {far!r} lie "
            "outside the years 1677 to 2262; no type of timestamp holds both: write these columns as INT64 timestamps, "
            "or leave one out",
            field="columns",
        )
    return "ns" if fine else "us"


def _leaves_by_column(file: Any, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the timestamps as arrays of integers, each with the name of its column."""
    for group in range(file.num_row_groups):  # one by one, as in the reader of rows
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group], columns=columns):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                for leaf in filter(lambda leaf: pa.types.is_timestamp(leaf.type), _leaves(column)):
                    yield name, leaf.cast(pa.int64())


def _leaves(array: Any) -> Iterator[Any]:
    """Yield the arrays of a possibly nested array that hold values."""
    if pa.types.is_map(array.type):
        children = [array.keys, array.items]
    elif pa.types.is_nested(array.type):
        flat = array.flatten()
        children = flat if pa.types.is_struct(array.type) else [flat]
    else:
        yield array
        return
    for child in children:
        yield from _leaves(child)
