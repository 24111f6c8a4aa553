"""A check reads and checks everything, says what a run would do, and writes nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.check import check_files
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        ("text,n\ngood,1\nbad,2\n", {}, None),
        ('text,n\ngood,1\n"",2\n', {}, None),
        ('text,n\ngood,1\n"",2\n', {"strict": True}, "line 3: empty_text, at which --strict stops"),
        ("text,n\ngood,1\nbad,2,3\n", {}, "line 3: malformed_row, at which --bad-rows stop stops"),
        ("text,n\ngood,1\nbad,2,3\n", {"bad_rows": "keep"}, None),
        ("text,label\ngood,1\n", {}, "has a column 'label' already"),
        ("text,label\ngood,1\n", {"drop": ["label"]}, None),
        ("a,b\ngood,bad\n", {}, "2 columns may be the text"),
        ("text,n\n" + "good," * 9 + "1\n", {"truncation": "error", "bad_rows": "skip"}, None),
    ],
)
def test_a_check_finds_what_a_run_finds(
    predictor: Predictor, tmp_path: Path, content: str, options: dict[str, Any], problem: str | None
) -> None:
    (tmp_path / "a.csv").write_text(content)
    given = ScoreOptions(**options)
    result = check_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", given)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    if problem is None:
        assert result.problems == []
        summary = score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", given)
        assert (result.summary.rows, result.summary.faults) == (summary.rows, summary.faults)
    else:
        assert problem in result.problems[0]
        with pytest.raises((DataFileError, ValueError)):
            score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", given)


def test_a_check_tells_the_warnings(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"by,text\nRen\xe9e,good\n")
    inputs = [str(tmp_path / "a.csv")]
    result = check_files(predictor, inputs, tmp_path / "out.csv")
    assert (result.summary.warnings, result.problems) == ({"undecodable_column": 1}, [])
    result = check_files(predictor, inputs, tmp_path / "out.csv", ScoreOptions(strict=True))
    assert result.problems == [f"{inputs[0]}, line 2, column 'by': undecodable_column, at which --strict stops"]


def test_a_check_goes_on_after_a_file_that_cannot_be_read(predictor: Predictor, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["good"], "n": [1]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nonsense PAR1")
    pq.write_table(pa.table({"text": ["bad"], "n": ["x"]}), tmp_path / "c.parquet")
    pq.write_table(pa.table({"text": ["fine", None], "n": [1, 2]}), tmp_path / "d.parquet")
    result = check_files(predictor, [str(tmp_path)], tmp_path / "out.parquet")
    assert [Path(problem.split(" ")[0].rstrip(":")).name for problem in result.problems] == ["b.parquet", "c.parquet"]
    assert result.first_faults == {"missing_text": f"{tmp_path}/d.parquet, row 2"}


def test_the_command_says_what_a_run_would_do(command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text\n1,good\n2,""\n3,bad,2\n')
    process = command("a.csv", "-o", "out.csv", "--check")
    output, errors = process.communicate()
    assert process.returncode == 2
    assert output.decode().splitlines()[:3] == [
        "3 rows in 1 files (28 bytes) would be scored into out.csv",
        "text column: text; columns carried: id, text",
        "1 rows can be scored",
    ]
    assert "1 with error empty_text: no word in the text; the first: a.csv, line 3" in output.decode()
    assert "a run would end with an error: a.csv, line 4: malformed_row" in errors.decode()
    process = command("a.csv", "-o", "out.csv", "--check", "--bad-rows", "skip")
    process.communicate()
    assert process.returncode == 4
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
