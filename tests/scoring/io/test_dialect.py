"""Dialects of CSV and TSV: no header, lines above it, `sep=`, escaped quotes, and blanks before quotes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import sentiline
from sentiline.errors import DataFileError, OptionError
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.predictor import Predictor
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from tests.scoring.files import read


def scored(predictor: Predictor, tmp_path: Path, name: str, content: str, **options: Any) -> list[dict[str, Any]]:
    """The rows of a scored file without the added columns."""
    (tmp_path / name).write_bytes(content.encode())
    options = {"prefix": "new_"} | options
    score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl", ScoreOptions(**options), overwrite=True)
    rows = read(tmp_path / "out.jsonl")
    return [{key: value for key, value in row.items() if not key.startswith("new_")} for row in rows]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a"])
def test_without_a_header_columns_are_named_by_number(predictor: Predictor, tmp_path: Path, name: str) -> None:
    between = "," if name == "a.csv" else "\t"
    content = f'"2"{between}"A fine film, quiet{between} and sure."\n1{between}Awful mess.\n'
    rows = scored(predictor, tmp_path, name, content, no_header=True)
    assert rows == [{"1": "2", "2": f"A fine film, quiet{between} and sure."}, {"1": "1", "2": "Awful mess."}]
    rows = scored(predictor, tmp_path, name, content, no_header=True, text_column="2")
    assert len(rows) == 2


def test_a_headerless_file_is_read_from_its_first_row(predictor: Predictor, tmp_path: Path) -> None:
    assert scored(predictor, tmp_path, "a.csv", "A fine film.\nAwful mess.", no_header=True) == [
        {"1": "A fine film."},
        {"1": "Awful mess."},
    ]
    with pytest.raises(DataFileError, match=r"a\.csv, line 2: 3 columns, and the first row has 2"):
        scored(predictor, tmp_path, "a.csv", "1,good\n2,a, b\n", no_header=True)
    with pytest.raises(DataFileError, match=r"a\.csv is empty$"):
        scored(predictor, tmp_path, "a.csv", "", no_header=True)
    with pytest.raises(DataFileError, match=r"'A fine film\.' looks like a review; .* add --no-header"):
        scored(predictor, tmp_path, "a.csv", "A fine film.\nAwful mess.")


@pytest.mark.parametrize(
    "first_line",
    ["2,Great film", "Great film,1", "1,Awful", "4.5,Great", "-1,so boring", "__label__2,Great film", "pos,so good",
     "LABEL_0,dull"],
)  # fmt: skip
def test_a_row_in_place_of_the_header_is_refused(predictor: Predictor, tmp_path: Path, first_line: str) -> None:
    with pytest.raises(DataFileError, match=r"line 1: should name the columns, .* add --no-header"):
        scored(predictor, tmp_path, "a.csv", f"{first_line}\n{first_line}\n")
    options = {"no_header": True, "text_column": "1" if first_line.startswith("Great") else "2"}
    assert len(scored(predictor, tmp_path, "a.csv", f"{first_line}\n{first_line}\n", **options)) == 2


@pytest.mark.parametrize(
    "header",
    ["0,1", "2,review", "headline,neg,neu,pos", "country,2019,2020,opinion", "it,What did you like?", "text"],
)
def test_names_of_columns_are_no_rows(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    names = header.split(",")
    rows = scored(predictor, tmp_path, "a.csv", f"{header}\n{','.join(['fine'] * len(names))}\n", text_column=names[-1])
    assert [list(row) for row in rows] == [names]
    assert not caplog.messages


@pytest.mark.parametrize("content", ["Great film\nAwful mess\n", "id,a film to remember\n1,no\n"])
def test_a_phrase_in_place_of_a_name_is_told(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    scored(predictor, tmp_path, "a.csv", content)
    assert "the file has no header: add --no-header" in caplog.text


@pytest.mark.parametrize(
    ("content", "options", "delimiter"),
    [
        ("2;Great film\n1;Awful mess\n", {"no_header": True}, "';'"),
        ("__label__2\tGreat film\n", {"no_header": True}, r"'\\t'"),
        ("id;review;date, time\n1;fine;2024, noon\n", {}, "';'"),
    ],
)
def test_another_delimiter_is_told(
    predictor: Predictor, tmp_path: Path, content: str, options: dict[str, Any], delimiter: str
) -> None:
    with pytest.raises(DataFileError, match=rf"are the columns separated by .*--delimiter {delimiter}"):
        scored(predictor, tmp_path, "a.csv", content, **options)


def test_quotes_after_blanks_in_a_later_row_are_told(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = 'id,text\n1,good\n2, "bad"\n3, "so-so"\n4,"he said, ""no"""\n'
    scored(predictor, tmp_path, "a.csv", content)
    [message] = caplog.messages
    assert "a.csv, line 3: blanks stand before the quotes of '\"bad\"'" in message
    assert "--skip-blanks" in message
    rows = scored(predictor, tmp_path, "a.csv", content, skip_blanks=True)
    assert [row["text"] for row in rows] == ["good", "bad", "so-so", 'he said, "no"']


def test_lines_above_the_header_are_told(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"line 3: 2 columns, and the header has 1; .* with --skip-lines"):
        scored(predictor, tmp_path, "a.csv", "Report\n\nid,text\n1,good\n")


def test_tabs_in_plain_text_are_told(predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scored(predictor, tmp_path, "a.txt", "A fine film.\t1\nAwful mess.\t0\n")
    assert "add --format tsv --no-header" in caplog.text
    rows = scored(
        predictor, tmp_path, "a.txt", "A fine film.\t1\nAwful.\t0\n", format="tsv", no_header=True, text_column="1"
    )
    assert rows == [{"1": "A fine film.", "2": "1"}, {"1": "Awful.", "2": "0"}]


def test_evaluate_reads_files_without_a_header(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("A title\n2,good\n1,bad\n")
    options = EvaluationOptions(
        text_column="2", label_column="1", labels="negative=1,positive=2", no_header=True, skip_lines=1
    )
    assert evaluate_files([predictor], [str(tmp_path / "a.csv")], options).data.evaluated == 2


def test_the_command_reads_dialects_from_standard_input(
    command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = command("-", "-o", "out.jsonl", "--no-header", "--skip-lines", "1")
    _, errors = process.communicate(b"A title\nsep=;\n1;A fine film\n2;Awful\n")
    assert process.returncode == 0, errors
    assert [row["2"] for row in read(tmp_path / "out.jsonl")] == ["A fine film", "Awful"]


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_that_names_the_delimiter_is_honoured(
    predictor: Predictor, tmp_path: Path, first: str, end: str
) -> None:
    content = end.join([first, "id;review", "1;good, bad", ""])
    assert scored(predictor, tmp_path, "a.csv", content) == [{"id": "1", "review": "good, bad"}]
    with pytest.raises(DataFileError, match="line 3: 3 columns, and the header has 2"):
        scored(predictor, tmp_path, "a.csv", end.join([first, "id;review", "1;good; bad"]))
    content = end.join([first, "id|review", "1|good; bad", ""])
    assert scored(predictor, tmp_path, "a.csv", content, delimiter="|") == [{"id": "1", "review": "good; bad"}]


def test_lines_above_the_header_are_skipped_and_counted(predictor: Predictor, tmp_path: Path) -> None:
    content = 'Export of "May\r\n\r\nid,review\r\n1,good\r\n'
    assert scored(predictor, tmp_path, "a.csv", content, skip_lines=2) == [{"id": "1", "review": "good"}]
    with pytest.raises(DataFileError, match="line 5: 3 columns"):
        scored(predictor, tmp_path, "a.csv", content + "1,2,3\r\n", skip_lines=2)
    with pytest.raises(DataFileError, match="is empty below the 9 lines of --skip-lines"):
        scored(predictor, tmp_path, "a.csv", content, skip_lines=9)


def test_escaped_quotes_are_read_and_other_backslashes_kept(predictor: Predictor, tmp_path: Path) -> None:
    content = r"""id,review
1,"They call it \"quiet\", I call it fine."
2,"C:\new \\ \N"
3,plain \, and \"so\"
4,"two\
lines"
"""
    wanted = ['They call it "quiet", I call it fine.', r"C:\new \ \N", 'plain , and "so"', "two\nlines"]
    rows = scored(predictor, tmp_path, "a.csv", content, escape="\\")
    assert [row["review"] for row in rows] == wanted
    with pytest.raises(DataFileError, match=r"line 2: .*backslashes escape quotes, add --escape '\\'"):
        scored(predictor, tmp_path, "a.csv", content)


def test_blanks_before_quotes_are_refused_or_skipped(predictor: Predictor, tmp_path: Path) -> None:
    comma = 'id, review\n1, "A fine, quiet film."\n'
    with pytest.raises(DataFileError, match=r"line 2: 3 columns.*blanks stand before quotes, add --skip-blanks"):
        scored(predictor, tmp_path, "a.csv", comma)
    with pytest.raises(DataFileError, match=r"line 2: blanks stand before the quotes of .*--skip-blanks"):
        scored(predictor, tmp_path, "a.csv", comma.replace("fine,", "fine"))
    assert scored(predictor, tmp_path, "a.csv", comma, skip_blanks=True) == [
        {"id": "1", "review": "A fine, quiet film."}
    ]
    assert scored(predictor, tmp_path, "a.csv", 'id,review\n1, "Great" film\n')[0]["review"] == ' "Great" film'


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.jsonl", {"no_header": True}, "--no-header is for CSV and TSV, and .* is read as jsonl"),
        ("a.txt", {"skip_lines": 1}, "--skip-lines is for CSV and TSV"),
        ("a.jsonl", {"escape": "\\"}, "--escape is for CSV and TSV"),
        ("a.csv", {"escape": '"'}, "--escape is '\"'; it must be one character"),
        ("a.csv", {"skip_lines": -1}, "--skip-lines is -1; it must be a whole number"),
        ("a.csv", {"no_header": "yes"}, "no_header is 'yes'; it must be True or False"),
    ],
)
def test_options_that_do_not_fit_are_errors(
    predictor: Predictor, tmp_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        scored(predictor, tmp_path, name, '{"text": "good"}\n', **options)
    if name == "a.jsonl":
        with pytest.raises(OptionError, match="is for files"):
            sentiline.score(pa.table({"text": ["good"]}), model=predictor, **options)
