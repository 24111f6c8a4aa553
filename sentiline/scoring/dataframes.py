"""Tables of pyarrow, pandas and polars behind one interface, and their scoring."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from sentiline.errors import OptionError
from sentiline.predictor import Predictor
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.batch import Batch, arrow_column, column_values
from sentiline.scoring.chunk import CHUNK_ROWS, Chunk, Records, check_names, find_text_column
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.scorer import check_name_clash

_HEAD_ROWS = 1000  # rows from which the text column is detected


class Table(Protocol):
    """A table of one of the libraries."""

    names: tuple[str, ...]
    rows: int

    def head(self, count: int) -> Records | Batch:
        """Return the first rows, from which the text column is detected."""

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        """Return the values of a column in some rows, with None for missing ones."""

    def with_columns(self, added: Any) -> Any:
        """Return a table of the library with the columns of a `pyarrow.Table` behind its own."""


class _ArrowTable:
    def __init__(self, data: Any) -> None:
        self._data = data
        pa = require_pyarrow("Scoring a table")
        self._table = pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data
        self.names = check_names(data.schema.names, "the table")
        self.rows = data.num_rows

    def head(self, count: int) -> Records | Batch:
        pa = require_pyarrow("Scoring a table")
        batches = self._table.slice(0, count).combine_chunks().to_batches()
        empty = [pa.array([], field.type) for field in self._table.schema]
        return Batch(batches[0] if batches else pa.RecordBatch.from_arrays(empty, schema=self._table.schema))

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        return column_values(name, arrow_column(self._table, name).slice(start, count))

    def with_columns(self, added: Any) -> Any:
        table = self._table
        for name in added.schema.names:
            table = table.append_column(name, added.column(name))
        if table.num_columns and self._data is not self._table:
            pa = require_pyarrow("Scoring a table")
            columns = [column.combine_chunks() for column in table.columns]
            return pa.RecordBatch.from_arrays(columns, schema=table.schema)
        return table


class _PandasTable:
    def __init__(self, data: Any, pandas: Any) -> None:
        self._data = data
        self._pandas = pandas
        self.names = check_names(filter(lambda name: isinstance(name, str), data.columns), "the table")
        self.rows = len(data)

    def head(self, count: int) -> Records | Batch:
        api = self._pandas.api.types
        types = {name: self._data[name].dtype for name in self.names}
        names = [name for name, one in types.items() if api.is_object_dtype(one) or api.is_string_dtype(one)]
        names += [name for name, one in types.items() if isinstance(one, self._pandas.CategoricalDtype)]
        return _head(self, names, count)

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        values = self._data[name].iloc[start : start + count]
        missing = values.isna().tolist()  # pandas writes null as NaN, NaT or NA
        return [None if is_missing else value for is_missing, value in zip(missing, values.tolist(), strict=True)]

    def with_columns(self, added: Any) -> Any:
        pa, pandas = require_pyarrow("Scoring a table"), self._pandas
        # nullable types: by default pandas would turn integers with nulls into floats
        types = {pa.int64(): pandas.Int64Dtype(), pa.bool_(): pandas.BooleanDtype()}
        columns = added.to_pandas(types_mapper=types.get)
        columns.index = self._data.index
        return pandas.concat([self._data, columns], axis=1)


class _PolarsTable:
    def __init__(self, data: Any, polars: Any) -> None:
        self._data = data
        self._polars = polars
        self.names = tuple(data.columns)
        self.rows = data.height

    def head(self, count: int) -> Records | Batch:
        text_types = tuple(getattr(self._polars, name) for name in ("String", "Categorical", "Enum", "Object"))
        return _head(self, [name for name, one in self._data.schema.items() if isinstance(one, text_types)], count)

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        return list(self._data[name].slice(start, count).to_list())

    def with_columns(self, added: Any) -> Any:
        return self._data.hstack(self._polars.from_arrow(added))


def _head(table: Table, names: Sequence[str], count: int) -> Records:
    """Return the first rows of the columns that may hold text: Python may be unable to represent the others."""
    columns = {name: table.texts(name, 0, count) for name in names}
    rows = [{name: values[index] for name, values in columns.items()} for index in range(min(count, table.rows))]
    return Records(table.names, rows)


def wrap_table(data: Any) -> Table | None:
    """Wrap a table of pyarrow, pandas or polars, or an Arrow C stream, which is read into a pyarrow table.

    The libraries are looked up rather than imported: whoever holds a table has imported its library.

    Returns:
        The wrapped table; None if the data is not a table.

    Raises:
        DataFileError: Two columns share a name.
        OptionError: The data is a polars `LazyFrame`, or a stream of something else than rows.
    """
    pandas, polars, pyarrow = map(sys.modules.get, ("pandas", "polars", "pyarrow"))
    if pyarrow and isinstance(data, pyarrow.Table | pyarrow.RecordBatch):
        return _ArrowTable(data)
    if pandas and isinstance(data, pandas.DataFrame):
        return _PandasTable(data, pandas)
    if polars and isinstance(data, polars.DataFrame):
        return _PolarsTable(data, polars)
    if polars and isinstance(data, polars.LazyFrame):
        raise OptionError("data is a LazyFrame, which has no rows yet; score data.collect()", field="data")
    return _ArrowTable(_read_stream(data)) if hasattr(data, "__arrow_c_stream__") else None


def _read_stream(data: Any) -> Any:
    pa = require_pyarrow("Scoring an Arrow stream")
    try:
        reader = pa.RecordBatchReader.from_stream(data)
    except pa.ArrowException as error:
        raise OptionError(
            f"data is of type {type(data).__name__}, a stream without rows: {error}", field="data"
        ) from None
    return reader.read_all()


def score_table(predictor: Predictor, table: Table, options: ScoreOptions) -> Any:
    """Score a table chunk by chunk.

    Returns:
        A table of the same library with the added columns behind its own.

    Raises:
        DataFileError: There is no text column, or a row cannot be scored and `options.strict` is set.
        OptionError: An added column has the name of a column of the table, or the model cannot do what is asked.
        SettingError: pyarrow is not installed.
    """
    pa = require_pyarrow("Scoring a table")
    from sentiline.scoring.io.parquet_writer import TYPES, added_arrays

    options.check_model(predictor)
    names = options.added_columns
    head = Chunk("the table", "row", [], table.head(_HEAD_ROWS), 0)
    column = find_text_column(head, options.text_column)
    check_name_clash(replace(head, data=Records(table.names, [])), names)
    scorer = options.scorer(predictor, column)
    schema = pa.schema([(written, TYPES[name]) for name, written in names.items()])
    batches = []
    for start in range(0, table.rows, CHUNK_ROWS):
        texts = table.texts(column, start, CHUNK_ROWS)
        rows = Records((column,), [{column: text} for text in texts])
        scored = scorer.score(Chunk("the table", "row", range(start + 1, start + 1 + len(texts)), rows, 0))
        batches.append(pa.RecordBatch.from_arrays(added_arrays(scored, names), schema=schema))
    return table.with_columns(pa.Table.from_batches(batches, schema))
