"""`sentiline.score`: tables of three libraries, and files, get the numbers that the command writes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiline
from sentiline.errors import DataFileError, OptionError, SettingError
from sentiline.predictor import Predictor
from sentiline.scoring.scorer import COLUMNS
from tests.scoring.conftest import ROOT
from tests.scoring.files import REVIEWS, read

TEXTS = [*REVIEWS, None, "", "good " * 100]
TABLE = pa.table({"id": [f"{n:03}" for n in range(len(TEXTS))], "review": TEXTS})


@pytest.fixture(scope="module")
def scored(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pa.Table]:
    """Score the table with the command, from Parquet to Parquet."""
    folder = tmp_path_factory.mktemp("command")
    pq.write_table(TABLE, folder / "in.parquet")

    def run(*options: str) -> pa.Table:
        command = [sys.executable, "-m", "sentiline", "score", "in.parquet", "-o", "out.parquet", "--overwrite"]
        command += ["--model", str(bundle), *options]
        done = subprocess.run(
            command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return pq.read_table(folder / "out.parquet")

    return run


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, []),
        ({"prefix": "s_", "text_column": "review"}, ["--prefix", "s_", "--text-column", "review"]),
        ({"truncation": "error", "max_characters": 400}, ["--truncation", "error", "--max-characters", "400"]),
        ({"timesteps": True, "sentences": True}, ["--timesteps", "--sentences"]),
    ],
)
def test_tables_get_the_same_numbers_as_the_command_writes(
    predictor: Predictor, scored: Callable[..., pa.Table], options: dict[str, Any], flags: list[str]
) -> None:
    expected = scored(*flags)
    table = sentiline.score(TABLE, model=predictor, **options)
    assert table.equals(expected)
    batch = sentiline.score(TABLE.to_batches()[0], model=predictor, **options)
    assert isinstance(batch, pa.RecordBatch)
    assert pa.Table.from_batches([batch]).equals(expected)
    frame = sentiline.score(pl.from_arrow(TABLE), model=predictor, **options)
    assert frame.equals(pl.from_arrow(expected))
    pandas = sentiline.score(TABLE.to_pandas(), model=predictor, **options)
    assert isinstance(pandas, pd.DataFrame)
    assert list(pandas.columns) == expected.schema.names
    prefix = options.get("prefix", "")
    for name in ("label", "positive", "tokens_total", "truncated", "uncertain", "error"):
        values = [None if pd.isna(one) else one for one in pandas[prefix + name]]
        assert values == expected[prefix + name].to_pylist(), name


def test_every_kind_of_table_gets_the_column_uncertain(unsure: Predictor) -> None:
    table = pa.table({"review": ["zzz qqq good xxx", "So boring: the worst plot.", None]})
    assert sentiline.score(table, model=unsure)["uncertain"].to_pylist() == [True, False, None]
    assert sentiline.score(pl.from_arrow(table), model=unsure)["uncertain"].to_list() == [True, False, None]
    pandas = sentiline.score(table.to_pandas(), model=unsure)["uncertain"]
    assert str(pandas.dtype) == "boolean"
    assert [None if pd.isna(one) else one for one in pandas] == [True, False, None]


@pytest.mark.parametrize("name", ["uncertain", "error"])
def test_a_column_with_the_name_of_an_added_one_needs_a_prefix(unsure: Predictor, name: str) -> None:
    table = pa.table({"review": ["good"], name: ["own"]})
    with pytest.raises(OptionError, match=f"has a column '{name}' already.*--prefix"):
        sentiline.score(table, model=unsure, text_column="review")
    scored = sentiline.score(table, model=unsure, text_column="review", prefix="s_")
    assert (scored[name].to_pylist(), scored["s_uncertain"].type) == (["own"], pa.bool_())


def test_pandas_keeps_index_and_columns(predictor: Predictor) -> None:
    frame = pd.DataFrame(
        {"review": ["good", np.nan, 5, "bad"], 7: [1.5, 2, 3, 4], "kind": pd.Categorical(["x", "y", "x", "x"])},
        index=[10, 10, 30, 40],
    )
    before = frame.copy(deep=True)
    result = sentiline.score(frame, model=predictor)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(result[["review", 7, "kind"]], before)
    assert [None if pd.isna(one) else one for one in result["error"]] == [None, "missing_text", "invalid_type", None]
    assert str(result["tokens_total"].dtype) == "Int64"
    assert str(result["truncated"].dtype) == "boolean"


def test_long_and_empty_tables_are_scored(predictor: Predictor) -> None:
    table = pa.concat_tables([TABLE] * 300)
    parts = sentiline.score(TABLE, model=predictor)["positive"].to_pylist()
    assert sentiline.score(table, model=predictor)["positive"].to_pylist() == parts * 300
    for empty in (TABLE.slice(0, 0), TABLE.to_pandas().iloc[:0], pl.from_arrow(TABLE).head(0)):
        result = sentiline.score(empty, model=predictor)
        assert type(result) is type(empty)
        assert result.shape == (0, 2 + len(COLUMNS))


def test_scoring_files_returns_the_counts(predictor: Predictor, bundle: Path, tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    summary = sentiline.score(tmp_path / "a.parquet", tmp_path / "out.csv", model=str(bundle), threads=1)
    assert (summary.rows, summary.scored) == (len(TEXTS), len(TEXTS) - 2)
    with pytest.raises(DataFileError, match="no interrupted run found"):
        sentiline.score([tmp_path / "a.parquet"], tmp_path / "out.csv", model=bundle, resume=True)
    with pytest.raises(DataFileError, match="replace it with --overwrite"):
        sentiline.score(str(tmp_path / "a.parquet"), str(tmp_path / "out.csv"), model=predictor)
    sentiline.score(str(tmp_path / "a.parquet"), str(tmp_path / "out.csv"), model=predictor, overwrite=True)
    assert predictor.predict(["good"]), "the predictor stays open"


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (3, {}, "data is of type int; give a path"),
        ([], {}, "data is of type list"),
        ({"text": ["good"]}, {}, "data is of type dict"),
        (pl.DataFrame({"text": ["good"]}).lazy(), {}, r"score data\.collect\(\)"),
        ("a.csv", {}, "files are scored into a file: name it"),
        (TABLE, {"output": "out.csv"}, "a scored table is returned, not written"),
        (TABLE, {"threads": 2}, "a predictor has its precision and threads already"),
        (TABLE, {"text_column": 3}, "text_column is 3; it must be a string or None"),
        (TABLE, {"prefix": None}, "prefix is None; it must be a string"),
        (TABLE, {"truncation": ["head"]}, r"truncation is \['head'\]; it must be a string or None"),
        (TABLE, {"max_characters": "9"}, "max_characters is '9'; it must be a whole number of at least 1"),
        (TABLE, {"max_characters": 0}, "max_characters is 0; it must be a whole number of at least 1"),
        (TABLE, {"memory": 600}, "memory is 600; it must be a string"),
        ("a.csv", {"output": 3}, "output is 3; it must be a path or None"),
        (TABLE, {"model": None}, "the model is None, of type NoneType; give a name or a path"),
        (TABLE, {"format": "csv"}, "format is for files, and data is a table"),
        (TABLE, {"to": "csv"}, "to is for files"),
        (TABLE, {"encoding": "cp1252"}, "encoding is for files"),
        (TABLE, {"quoting": "none"}, "quoting is for files"),
        (TABLE, {"bad_rows": "keep"}, "bad_rows is for files"),
        (TABLE, {"drop": ["id"]}, "drop is for files"),
        (TABLE, {"keep": ["id"]}, "keep is for files"),
        ("a.csv", {"output": "b.csv", "quoting": "no"}, "--quoting is 'no'; it must be one of csv, none"),
        (TABLE, {"memory": "700MB"}, "memory is for files"),
        (TABLE, {"resume": True}, "resume is for files"),
        (TABLE, {"overwrite": True}, "overwrite is for files"),
        (TABLE, {"scratch": "."}, "scratch is for files"),
        (TABLE, {"report": print}, "report is for files"),
        ("a.csv", {"output": "b.csv", "memory": "600"}, r"--memory is 0\.0006 MB; at least 330MB.*unit is in bytes"),
        (TABLE, {"memory": "much"}, "--memory is 'much'; write a size such as 600MB"),
        ("a.csv", {"output": "b.csv", "memory": "100MB"}, "--memory is 100 MB; at least 330MB are needed"),
        (TABLE, {"text_column": "none"}, "the table has no column 'none'; its columns: 'id', 'review'"),
        (TABLE.append_column("label", TABLE["id"]), {}, "the table has a column 'label' already"),
        (TABLE, {"strict": True}, "the table, row 7: missing_text"),
        (pa.table({"a": ["x"], "b": ["y"]}), {}, "2 columns may be the text"),
    ],
)
def test_invalid_data_and_options_raise_an_error(
    predictor: Predictor, data: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((OptionError, DataFileError), match=message):
        sentiline.score(data, **{"model": predictor} | options)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_strings_of_arrow_that_are_not_utf8_are_rows_with_an_error(
    predictor: Predictor, tmp_path: Path, kind: pa.DataType, name: str
) -> None:
    raw = pa.array([b"good film", b"caf\xe9 good", None], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 3, raw.buffers())  # which checks nothing, as files are not checked
    if pa.types.is_dictionary(kind):
        texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int32()), texts.slice(0, 2))
    else:
        texts = texts.cast(kind)
    table = pa.table({"text": texts, "id": [1, 2, 3]})
    expected = [None, "undecodable_text", "missing_text"]
    assert sentiline.score(table, model=predictor)["error"].to_pylist() == expected
    pq.write_table(table, tmp_path / "a.parquet")
    sentiline.score(tmp_path / "a.parquet", tmp_path / name, model=predictor)
    rows = read(tmp_path / name)
    assert [row["error"] or None for row in rows] == expected
    assert [row["text"] or None for row in rows] == ["good film", "caf\ufffd good", None]


def test_values_that_python_cannot_represent_are_kept_in_other_columns(predictor: Predictor) -> None:
    far = pa.array([2**62], pa.timestamp("us"))
    table = pa.table({"words": ["good film"], "when": far})
    frames = (table, pl.from_arrow(table), table.to_pandas(types_mapper=pd.ArrowDtype))
    for frame in frames:
        scored = sentiline.score(frame, model=predictor)
        assert type(scored) is type(frame)
        assert scored.shape == (1, 2 + len(COLUMNS))
    kinds = pl.DataFrame(
        {
            "n": [1],
            "words": pl.Series(["good film"], dtype=pl.Categorical),
            "at": pl.Series([2**62], dtype=pl.Int64).cast(pl.Datetime("us")),
        }
    )
    assert sentiline.score(kinds, model=predictor)["label"].len() == 1
    with pytest.raises(DataFileError, match="no column seems to be the text; name it with --text-column"):
        sentiline.score(kinds.drop("words"), model=predictor)


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("pandas", "polars"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import pyarrow, sentiline
print(sentiline.score(pyarrow.table({"text": ["good"]}), model=sys.argv[1]).num_rows)
"""


def test_neither_pandas_nor_polars_is_needed(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(bundle)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "1\n", done.stderr


def test_the_error_for_missing_pyarrow_names_the_extra(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingError, match=r"Scoring a table needs pyarrow: pip install 'sentiline\[batch\]'"):
        sentiline.score(pd.DataFrame({"text": ["good"]}), model=predictor)
    with pytest.raises(SettingError, match="s3:// needs pyarrow"):
        sentiline.score("s3://bucket/a.csv", tmp_path / "out.csv", model=predictor)


def test_arrow_streams_are_read_into_tables(predictor: Predictor) -> None:
    expected = sentiline.score(TABLE, model=predictor)
    assert sentiline.score(TABLE.to_reader(max_chunksize=2), model=predictor).equals(expected)
    with duckdb.connect() as database:
        relation = database.from_arrow(TABLE)
        assert sentiline.score(relation, model=predictor).to_pylist() == expected.to_pylist()
    with pytest.raises(OptionError, match="data is of type ChunkedArray, a stream without rows"):
        sentiline.score(TABLE["review"], model=predictor)
