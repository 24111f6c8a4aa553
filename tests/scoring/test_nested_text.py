"""Texts in nested columns, named by their path."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiline
from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from tests.scoring.files import read

ROWS = [
    {"id": 1, "meta": {"text": "good film", "more": {"body": "a bad film"}}},
    {"id": 2, "meta": {"text": None, "more": None}},
    {"id": 3, "meta": None},
]


@pytest.mark.parametrize(("path", "text"), [("meta.text", "good film"), ("meta.more.body", "a bad film")])
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet", "out.csv"])
def test_a_path_names_a_nested_text(
    predictor: Predictor, tmp_path: Path, name: str, output: str, path: str, text: str
) -> None:
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    else:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    score_files(predictor, [str(tmp_path / name)], tmp_path / output, ScoreOptions(text_column=path))
    rows = read(tmp_path / output)
    assert [row["error"] or None for row in rows] == [None, "missing_text", "missing_text"]
    assert float(rows[0]["positive"]) == predictor.predict([text])[0].positive
    if output != "out.csv":
        assert [row["meta"] for row in rows] == [row["meta"] for row in ROWS]


def test_a_column_whose_name_has_a_dot_comes_first(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"meta.text": "good", "meta": {"text": 5}}\n')
    options = ScoreOptions(text_column="meta.text")
    assert score_files(predictor, [str(tmp_path / "a.jsonl")], tmp_path / "out.jsonl", options).scored == 1


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("path", ["meta.none", "none.text", "meta.", ".", "id.text"])
def test_a_path_that_leads_nowhere_raises_an_error(predictor: Predictor, tmp_path: Path, name: str, path: str) -> None:
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    else:
        lines = "id,meta\n1,good\n" if name == "a.csv" else "".join(json.dumps(row) + "\n" for row in ROWS)
        (tmp_path / name).write_text(lines)
    with pytest.raises(DataFileError, match=f"has no column '{path}'; its columns: 'id', 'meta'"):
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl", ScoreOptions(text_column=path))


def test_a_nested_column_of_a_table(predictor: Predictor) -> None:
    table = pa.Table.from_pylist(ROWS)
    scored = sentiline.score(table, model=predictor, text_column="meta.text")
    assert scored["error"].to_pylist() == [None, "missing_text", "missing_text"]
