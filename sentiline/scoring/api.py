"""`sentiline.score`: score tables in memory, or files, from Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from sentiline.errors import OptionError
from sentiline.predictor import Predictor, load
from sentiline.scoring.dataframes import score_table, wrap_table
from sentiline.scoring.io.dialect import Dialect
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import ProgressCallback, score_files

_FILE_OPTIONS = {"format", "to", "encoding", "delimiter", "quoting", "memory", "bad_rows", "drop", "keep"} | {
    field.name for field in fields(Dialect)
}


def score(
    data: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    model: str | os.PathLike[str] | Predictor = "bilstm",
    precision: str | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    scratch: str | os.PathLike[str] | None = None,
    report: ProgressCallback | None = None,
    **options: Any,
) -> Any:
    """Score a table or files, as the command `sentiline score` does.

    Args:
        data: A `pyarrow.Table` or `RecordBatch`, a pandas or polars `DataFrame`, or an Arrow C stream such as a
            `RecordBatchReader` or a relation of DuckDB; or the path, URL or glob of files, or a list of these.
        output: The path or URL of the file to write, in any format. Files need it, tables do not take it.
        model: The name of an installed model, the path of a bundle, or a predictor, which stays open.
        precision: "fp32" or "int8"; None for the model's own choice. Not allowed with a predictor.
        threads: The number of texts scored in parallel; None for the available CPUs. Not allowed with a predictor.
        resume: Whether to resume an interrupted run over files.
        overwrite: Whether to replace an existing output.
        scratch: The folder that holds the unfinished output of an object store; None for the current folder.
        report: Called with a `sentiline.scoring.pipeline.Progress` after each chunk of files.
        **options: The fields of `sentiline.scoring.options.ScoreOptions`: `text_column`, `format`, `to`, `encoding`,
            `delimiter`, `quoting`, `no_header`, `skip_lines`, `escape`, `skip_blanks`, `prefix`, `timesteps`,
            `sentences`, `neutral`, `truncation`, `max_characters`, `strict`, `bad_rows`, `drop`, `keep` and `memory`.

    Returns:
        For a table, a new table of the same library with the added columns behind its own (pandas keeps its index).
        For a stream, a `pyarrow.Table`.
        For files, their counts as a `sentiline.scoring.summary.Summary`.

    Raises:
        BundleError: The model cannot be loaded.
        DataFileError: A file or column is missing, a file is malformed, the output exists, or a row cannot be scored
            and `strict` is set.
        OptionError: An option has an invalid value, or does not apply to this data.
        SettingError: pyarrow is needed and not installed.
        TypeError: There is no such option.

    Example:
        >>> import pyarrow, sentiline
        >>> table = pyarrow.table({"review": ["I loved every minute of it.", None]})
        >>> sentiline.score(table)["label"].to_pylist()
        ['POSITIVE', None]
    """
    settings = ScoreOptions(**options)
    for name, path in (("output", output), ("scratch", scratch)):
        if not isinstance(path, str | os.PathLike | None):
            raise OptionError(f"{name} is {path!r}; it must be a path or None", field=name)
    table = wrap_table(data)
    inputs = _paths(data) if table is None else []
    if table is None and output is None:
        raise OptionError("files are scored into a file: name it, score(files, output)", field="output")
    if table is not None:
        if output is not None:
            raise OptionError("a scored table is returned, not written: leave output out", field="output")
        given = {
            field.name for field in fields(settings) if getattr(settings, field.name) != field.default
        } & _FILE_OPTIONS
        run = {"resume": resume, "overwrite": overwrite, "scratch": scratch is not None, "report": report is not None}
        for name in sorted(given | set(filter(run.get, run))):
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
        if table is not None:
            return score_table(predictor, table, settings)
        return score_files(
            predictor,
            inputs,
            os.fspath(output or ""),
            settings,
            resume=resume,
            overwrite=overwrite,
            scratch=None if scratch is None else Path(scratch),
            on_progress=report,
        )


def _paths(data: Any) -> list[str]:
    paths = [data] if isinstance(data, str | os.PathLike) else data
    if not isinstance(paths, Sequence) or not all(isinstance(path, str | os.PathLike) for path in paths) or not paths:
        raise OptionError(
            f"data is of type {type(data).__name__}; give a path or a list of paths, a pyarrow Table or RecordBatch, "
            "a pandas or polars DataFrame, or an object with __arrow_c_stream__",
            field="data",
        )
    return [os.fspath(path) for path in paths]
