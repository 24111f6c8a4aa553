"""Rows that cannot be read or written: the run stops there and can go on, or they are kept or skipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sentiline.errors import DataFileError, OptionError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from tests.scoring.files import read

SOUND = CHUNK_ROWS + 100
CSV = "id,text\n" + "".join(f"{number},good film\n" for number in range(SOUND))
JSON = "".join(json.dumps({"id": number, "text": "good film"}) + "\n" for number in range(SOUND))
AFTER_CSV, AFTER_JSON = "last,bad film\n", '{"id": -1, "text": "bad film"}\n'

# The name of the input, its bad line, the name of the output, the error code and the text column of the kept row.
CASES = [
    ("a.csv", "x,fine, but long", "out.csv", "malformed_row", "x,fine, but long"),
    ("a.csv", "x", "out.parquet", "malformed_row", "x"),
    ("a.csv", 'x,"good" film', "out.jsonl", "malformed_row", 'x,"good" film'),
    ("a.csv", 'x,"left open', "out.csv", "malformed_row", 'x,"left open'),
    ("a.jsonl", '{"id": 1, "text": "good"', "out.jsonl", "malformed_row", '{"id": 1, "text": "good"'),
    ("a.jsonl", "[1]", "out.csv", "malformed_row", "[1]"),
    ("a.jsonl", "nonsense", "out.parquet", "malformed_row", "nonsense"),
    ("a.jsonl", '{"id": 1, "text": "fine", "lang": "en"}', "out.csv", "unexpected_column", "fine"),
    ("a.jsonl", '{"id": 1, "text": "fine", "lang": "en", "n": 1}', "out.parquet", "unexpected_column", "fine"),
    ("a.jsonl", '{"id": 1, "text": "fine", "label": 1}', "out.jsonl", "unexpected_column", "fine"),
    ("a.jsonl", '{"id": "one", "text": "fine"}', "out.parquet", "unexpected_type", "fine"),
]


def write_input(folder: Path, name: str, line: str) -> str:
    """Write a file with one bad line between sound ones, the first of which fill a chunk."""
    before, after = (CSV, AFTER_CSV) if name.endswith(".csv") else (JSON, AFTER_JSON)
    (folder / name).write_text(f"{before}{line}\n{after}")
    return str(folder / name)


@pytest.mark.parametrize(("name", "line", "output", "code", "text"), CASES)
def test_a_bad_row_stops_the_run_at_its_line_and_the_run_goes_on_with_it(
    predictor: Predictor, tmp_path: Path, name: str, line: str, output: str, code: str, text: str
) -> None:
    source, number = write_input(tmp_path, name, line), SOUND + (2 if name == "a.csv" else 1)
    resumed: list[int] = []
    with pytest.raises(DataFileError, match=rf"line {number}: .* the 1,024 rows finished .*--resume --bad-rows keep"):
        score_files(predictor, [source], tmp_path / output)
    for bad_rows in ("keep", "skip"):
        whole = tmp_path / bad_rows
        whole.mkdir()
        summary = score_files(predictor, [source], whole / output, ScoreOptions(bad_rows=bad_rows))
        assert summary.faults == {code: 1}
        assert (summary.rows, summary.skipped) == (SOUND + 2, bad_rows == "skip")
    rows = read(tmp_path / "keep" / output)
    assert [row["error"] or None for row in rows] == [None] * SOUND + [code, None]
    assert rows[SOUND]["text"] == text
    assert not rows[SOUND]["label"]
    assert read(tmp_path / "skip" / output) == rows[:SOUND] + rows[-1:]
    score_files(
        predictor,
        [source],
        tmp_path / output,
        ScoreOptions(bad_rows="keep"),
        resume=True,
        on_progress=lambda progress: resumed.append(progress.resumed),
    )
    assert resumed[0] == CHUNK_ROWS
    assert (tmp_path / output).read_bytes() == (tmp_path / "keep" / output).read_bytes()


def test_bad_rows_in_a_small_file_are_kept(predictor: Predictor, tmp_path: Path) -> None:
    lines = ["nonsense", '{"n": 1, "text": "good"}', '{"n": "x", "text": "bad"}', '{"n": 2, "text": null}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    score_files(predictor, [str(tmp_path / "a.jsonl")], tmp_path / "out.parquet", ScoreOptions(bad_rows="keep"))
    rows = read(tmp_path / "out.parquet")
    assert [row["error"] for row in rows] == ["malformed_row", None, "unexpected_type", "missing_text"]
    assert [row["n"] for row in rows][:3] == [None, 1, None]


def test_skipping_leaves_out_rows_that_cannot_be_scored(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,n\ngood,1\n"",2\nbad,3\n')
    options = ScoreOptions(bad_rows="skip")
    summary = score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", options)
    assert (summary.rows, summary.skipped, summary.faults) == (3, 1, {"empty_text": 1})
    assert [row["n"] for row in read(tmp_path / "out.csv")] == ["1", "3"]


def test_an_open_quote_costs_one_row(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,n\n"good,1\nbad,2\nfine,3\n')
    score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", ScoreOptions(bad_rows="keep"))
    assert [(row["text"], row["n"]) for row in read(tmp_path / "out.csv")] == [
        ('"good,1', ""), ("bad", "2"), ("fine", "3")
    ]  # fmt: skip


def test_a_strict_run_goes_on_without_strict(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV + '"",\n')
    source, output = str(tmp_path / "a.csv"), tmp_path / "out.csv"
    with pytest.raises(DataFileError, match=r"empty_text.*the 1,024 rows finished .* --resume without --strict"):
        score_files(predictor, [source], output, ScoreOptions(strict=True))
    assert score_files(predictor, [source], output, resume=True).rows == SOUND + 1


@pytest.mark.parametrize(
    ("options", "columns"),
    [({"drop": ["id"]}, ["text"]), ({"keep": ["id"]}, ["id"]), ({"keep": ["id"], "text_column": "text"}, ["id"])],
)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_columns_are_dropped(
    predictor: Predictor, tmp_path: Path, name: str, output: str, options: dict[str, Any], columns: list[str]
) -> None:
    (tmp_path / name).write_text("id,text\n1,good\n" if name == "a.csv" else '{"id": 1, "text": "good"}\n')
    score_files(predictor, [str(tmp_path / name)], tmp_path / output, ScoreOptions(**options))
    [row] = read(tmp_path / output)
    assert list(row)[: len(columns) + 1] == [*columns, "label"]
    assert row["label"]


def test_dropped_columns_of_parquet_and_keys_that_come_late(predictor: Predictor, tmp_path: Path) -> None:
    source = write_input(tmp_path, "a.jsonl", '{"id": 1, "text": "fine", "lang": "en", "label": 3}')
    options = ScoreOptions(drop=["lang", "label"])
    assert score_files(predictor, [source], tmp_path / "b.parquet", options).scored == SOUND + 2
    options = ScoreOptions(text_column="text", keep=["id", "label"], prefix="s_")
    score_files(predictor, [str(tmp_path / "b.parquet")], tmp_path / "out.parquet", options)
    assert list(read(tmp_path / "out.parquet")[0])[:3] == ["id", "label", "s_label"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bad_rows": "drop"}, "--bad-rows is 'drop'; it must be one of keep, skip, stop"),
        ({"bad_rows": "keep", "strict": True}, "--strict stops at every bad row, and --bad-rows is keep"),
        ({"drop": "id"}, "drop is 'id'; it must be a list of column names"),
        ({"drop": ["id"], "keep": ["id"]}, "--drop and --keep both choose the columns to write"),
        ({"drop": ["ids"]}, "has no column 'ids' for --drop; its columns: 'id', 'text'"),
        ({"keep": ["ids"]}, "has no column 'ids' for --keep; its columns: 'id', 'text'"),
    ],
)
def test_invalid_options_raise_an_error(
    predictor: Predictor, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,good\n")
    with pytest.raises(OptionError, match=message):
        score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", ScoreOptions(**options))


def test_a_late_key_that_differs_from_an_added_column_only_in_case_is_a_bad_row(
    predictor: Predictor, tmp_path: Path
) -> None:
    lines = ['{"review": "good"}'] * 1500 + ['{"review": "bad", "Score": 1}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    inputs, output = [str(tmp_path / "a.jsonl")], tmp_path / "out.jsonl"
    with pytest.raises(DataFileError, match=r"line 1501: has a column 'Score' already.* --resume --bad-rows keep"):
        score_files(predictor, inputs, output)
    summary = score_files(predictor, inputs, output, ScoreOptions(bad_rows="keep"), resume=True)
    assert (summary.rows, summary.faults) == (1501, {"unexpected_column": 1})
