"""`sentiline.score`: tables in memory or files, scored from Python; what is done to rows is the other modules'."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from sentiline.errors import OptionError
from sentiline.predictor import Predictor, load
from sentiline.scoring.arrow import arrow
from sentiline.scoring.chunk import CHUNK_ROWS, Batch, Chunk, Records, check_names, find_text_column, strings
from sentiline.scoring.memory import DEFAULT, parse_size
from sentiline.scoring.pipeline import Options, Report, score_files
from sentiline.scoring.scorer import MAX_CHARACTERS, Scorer, check_clash, output_names
from sentiline.tokenizer import Truncation

_HEAD = 1000
"""Rows by which the column with the texts is guessed."""


def score(
    data: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    model: str | os.PathLike[str] | Predictor = "bilstm",
    precision: str | None = None,
    threads: int | None = None,
    text_column: str | None = None,
    format: str | None = None,
    to: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: str = "csv",
    prefix: str = "",
    timesteps: bool = False,
    sentences: bool = False,
    truncation: Truncation | None = None,
    max_characters: int = MAX_CHARACTERS,
    strict: bool = False,
    memory: str = DEFAULT,
    resume: bool = False,
    overwrite: bool = False,
    scratch: str | os.PathLike[str] | None = None,
    report: Report | None = None,
) -> Any:
    """Score a table, or files: what `sentiline score` does, with its options.

    Args:
        data: a `pyarrow.Table` or `RecordBatch`, a pandas or polars `DataFrame`; or a path, URL or glob of files, or a
            list of these.
        output: path or URL of the file to write, of any format; for files only, which need it.
        model: name of an installed model, path of a bundle, or a predictor, which stays open.
        precision: "fp32" or "int8"; default the model's own choice. Not with a predictor.
        threads: texts read side by side; default the available CPUs. Not with a predictor.
        text_column: name of the column with the texts; default the only one that may be it.
        format: of the files; default by ending or content.
        to: format of the output; default by its ending.
        encoding: of text files.
        delimiter: between the columns of CSV files; default a comma.
        quoting: of CSV and TSV files; "none" if double quotes are text in them.
        prefix: before the names of the added columns.
        timesteps: add the sentiment at every token, nested.
        sentences: add what every sentence adds to the verdict, nested.
        truncation: for long texts; default the model's own policy.
        max_characters: a longer text is not scored.
        strict: raise at the first row that cannot be scored; otherwise it has an `error`.
        memory: for files, peak resident memory to stay within, such as "2GB".
        resume: go on where a stopped run was.
        overwrite: replace the output if it exists.
        scratch: folder where an output in an object store grows; default the current one.
        report: for files, called after each chunk with a `sentiline.scoring.pipeline.Progress`.

    Returns:
        Of a table, a new one of the same kind, with the added columns after its own (pandas keeps its index). Of
        files, the counts, a `sentiline.scoring.summary.Tally`.

    Raises:
        BundleError: the model cannot be loaded.
        DataFileError: a file or column is not there, a file is malformed, the output exists, or a row has a fault
            under `strict`.
        OptionError: an option has no such value, or does not go with this data.
        SettingError: pyarrow is needed and not installed.

    Example:
        >>> import pyarrow, sentiline
        >>> table = pyarrow.table({"review": ["I loved every minute of it.", None]})
        >>> sentiline.score(table)["label"].to_pylist()
        ['POSITIVE', None]
    """
    _check(str | None, text_column=text_column, format=format, to=to, delimiter=delimiter)
    _check(str | None, truncation=truncation, precision=precision)
    _check(str, encoding=encoding, prefix=prefix, memory=memory, quoting=quoting)
    _check(str | os.PathLike | None, output=output, scratch=scratch)
    if not isinstance(max_characters, int) or isinstance(max_characters, bool) or max_characters < 1:
        raise OptionError(
            f"max_characters is {max_characters!r}; it must be a whole number of at least 1", field="max_characters"
        )
    options = Options(
        text_column=text_column,
        format=format,
        to=to,
        encoding=encoding,
        delimiter=delimiter,
        quoting=quoting,
        prefix=prefix,
        timesteps=timesteps,
        sentences=sentences,
        truncation=truncation,
        max_characters=max_characters,
        strict=strict,
        memory=parse_size(memory),
    )
    frame = _frame(data)
    inputs = _paths(data) if frame is None else []
    if frame is None and output is None:
        raise OptionError("files are scored into a file: name it, score(files, output)", field="output")
    if frame is not None and output is not None:
        raise OptionError("a scored table is returned, not written: leave output out", field="output")
    if frame is not None:
        given = {
            "format": format is not None,
            "to": to is not None,
            "encoding": encoding != "utf-8",
            "delimiter": delimiter is not None,
            "quoting": quoting != "csv",
            "memory": memory != DEFAULT,
            "resume": resume,
            "overwrite": overwrite,
            "scratch": scratch is not None,
            "report": report is not None,
        }
        for name in filter(given.get, given):
            raise OptionError(f"{name} is for files, and data is a table: leave it out", field=name)
    if isinstance(model, Predictor):
        if precision is not None or threads is not None:
            raise OptionError(
                "a predictor has its precision and threads already: give them to sentiline.load", field="precision"
            )
        context: Any = nullcontext(model)
    else:
        context = load(Path(model) if isinstance(model, os.PathLike) else model, precision=precision, threads=threads)
    with context as predictor:
        if frame is not None:
            return _score_frame(predictor, frame, options)
        return score_files(
            predictor,
            inputs,
            os.fspath(output) if output is not None else "",
            options,
            resume=resume,
            overwrite=overwrite,
            scratch=None if scratch is None else Path(scratch),
            report=report,
        )


def _check(kind: Any, **options: object) -> None:
    for name, value in options.items():
        if not isinstance(value, kind):
            wanted = "a string" if kind is str else "a string or None" if kind == str | None else "a path or None"
            raise OptionError(f"{name} is {value!r}; it must be {wanted}", field=name)


class _Frame(Protocol):
    """A table of some library."""

    names: tuple[str, ...]
    rows: int

    def head(self, count: int) -> Records | Batch:
        """The first rows, by which the column with the texts is guessed."""

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        """Values of a column in some rows; None for what is missing."""

    def joined(self, added: Any) -> Any:
        """The table with the columns of a `pyarrow.Table` after its own."""


class _ArrowFrame:
    def __init__(self, data: Any) -> None:
        self._data = data
        pa = arrow("Scoring a table")
        self._table = pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data
        self.names = check_names(data.schema.names, "the table")
        self.rows = data.num_rows

    def head(self, count: int) -> Records | Batch:
        pa = arrow("Scoring a table")
        batches = self._table.slice(0, count).combine_chunks().to_batches()
        empty = [pa.array([], field.type) for field in self._table.schema]
        return Batch(batches[0] if batches else pa.RecordBatch.from_arrays(empty, schema=self._table.schema))

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        return strings(name, self._table.column(name).slice(start, count))

    def joined(self, added: Any) -> Any:
        table = self._table
        for name in added.schema.names:
            table = table.append_column(name, added.column(name))
        if table.num_columns and self._data is not self._table:
            pa = arrow("Scoring a table")
            columns = [column.combine_chunks() for column in table.columns]
            return pa.RecordBatch.from_arrays(columns, schema=table.schema)
        return table


class _PandasFrame:
    def __init__(self, data: Any, pandas: Any) -> None:
        self._data = data
        self._pandas = pandas
        self.names = check_names(filter(lambda name: isinstance(name, str), data.columns), "the table")
        self.rows = len(data)

    def head(self, count: int) -> Records | Batch:
        api = self._pandas.api.types
        kinds = {name: self._data[name].dtype for name in self.names}
        names = [name for name, one in kinds.items() if api.is_object_dtype(one) or api.is_string_dtype(one)]
        names += [name for name, one in kinds.items() if isinstance(one, self._pandas.CategoricalDtype)]
        return _head(self, names, count)

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        values = self._data[name].iloc[start : start + count]
        missing = values.isna().tolist()  # NaN, NaT and NA are what pandas has for null
        return [None if gone else one for gone, one in zip(missing, values.tolist(), strict=True)]

    def joined(self, added: Any) -> Any:
        pa, pandas = arrow("Scoring a table"), self._pandas
        # types that know null, so that counts stay whole numbers
        types = {pa.int64(): pandas.Int64Dtype(), pa.bool_(): pandas.BooleanDtype()}
        columns = added.to_pandas(types_mapper=types.get)
        columns.index = self._data.index
        return pandas.concat([self._data, columns], axis=1)


class _PolarsFrame:
    def __init__(self, data: Any, polars: Any) -> None:
        self._data = data
        self._polars = polars
        self.names = tuple(data.columns)
        self.rows = data.height

    def head(self, count: int) -> Records | Batch:
        kinds = tuple(getattr(self._polars, name) for name in ("String", "Categorical", "Enum", "Object"))
        return _head(self, [name for name, one in self._data.schema.items() if isinstance(one, kinds)], count)

    def texts(self, name: str, start: int, count: int) -> list[Any]:
        return list(self._data[name].slice(start, count).to_list())

    def joined(self, added: Any) -> Any:
        return self._data.hstack(self._polars.from_arrow(added))


def _head(frame: _Frame, names: Sequence[str], count: int) -> Records:
    """The first rows, of the named columns, the ones that may hold text: Python may lack values of others."""
    columns = {name: frame.texts(name, 0, count) for name in names}
    rows = [{name: values[index] for name, values in columns.items()} for index in range(min(count, frame.rows))]
    return Records(frame.names, rows)


def _frame(data: Any) -> _Frame | None:
    """A table in its wrapper; None for what is no table. Imports no library: who has its table has imported it."""
    pandas, polars, pyarrow = map(sys.modules.get, ("pandas", "polars", "pyarrow"))
    if pyarrow and isinstance(data, pyarrow.Table | pyarrow.RecordBatch):
        return _ArrowFrame(data)
    if pandas and isinstance(data, pandas.DataFrame):
        return _PandasFrame(data, pandas)
    if polars and isinstance(data, polars.DataFrame):
        return _PolarsFrame(data, polars)
    if polars and isinstance(data, polars.LazyFrame):
        raise OptionError("data is a LazyFrame, which has no rows yet; score data.collect()", field="data")
    return None


def _paths(data: Any) -> list[str]:
    paths = [data] if isinstance(data, str | os.PathLike) else data
    if not isinstance(paths, Sequence) or not all(isinstance(path, str | os.PathLike) for path in paths) or not paths:
        raise OptionError(
            f"data is of type {type(data).__name__}; give a path or a list of paths, a pyarrow Table or RecordBatch, "
            "or a pandas or polars DataFrame",
            field="data",
        )
    return [os.fspath(path) for path in paths]


def _score_frame(predictor: Predictor, frame: _Frame, options: Options) -> Any:
    pa = arrow("Scoring a table")
    from sentiline.scoring.io.parquet_writer import TYPES, added_arrays

    names = output_names(options.prefix, timesteps=options.timesteps, sentences=options.sentences)
    chunk = Chunk("the table", "row", [], frame.head(_HEAD), 0)
    column = find_text_column(chunk, options.text_column)
    check_clash(replace(chunk, data=Records(frame.names, [])), names)
    scorer = Scorer(
        predictor,
        column,
        truncation=options.truncation,
        max_characters=options.max_characters,
        strict=options.strict,
        spans=options.spans,
    )
    schema = pa.schema([(written, TYPES[name]) for name, written in names.items()])
    batches = []
    for start in range(0, frame.rows, CHUNK_ROWS):
        texts = frame.texts(column, start, CHUNK_ROWS)
        rows = Records((column,), [{column: text} for text in texts])
        scored = scorer.score(Chunk("the table", "row", range(start + 1, start + 1 + len(texts)), rows, 0))
        batches.append(pa.RecordBatch.from_arrays(added_arrays(scored, names), schema=schema))
    return frame.joined(pa.Table.from_batches(batches, schema))
