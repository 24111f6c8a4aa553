"""Lines longer than the limit: their rows have an error, and all other rows are scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.io.chunk_builder import LINE_LIMIT
from sentiline.scoring.io.csv_reader import FieldLimitError
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files
from tests.scoring.files import read, write

LONG = "x" * (LINE_LIMIT + 1)


@pytest.mark.parametrize("output", ["out.jsonl", "out.csv", "out.parquet"])
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.jsonl", ['{"id": "1", "text": "good"}', f'{{"id": "2", "text": "{LONG}"}}', '{"id": "3", "text": "bad"}']),
        ("a.csv", ["id,text", "1,good", f"2,{LONG}", "3,bad"]),
        ("a.tsv", ["id\ttext", "1\tgood", f"2\t{LONG}{LONG}", "3\tbad"]),
        ("a.txt", ["good", LONG, "bad"]),
    ],
)
def test_rows_with_lines_too_long_have_an_error(
    predictor: Predictor, tmp_path: Path, name: str, lines: list[str], output: str
) -> None:
    (tmp_path / name).write_text("\n".join(lines))
    summary = score_files(predictor, [str(tmp_path / name)], tmp_path / output)
    rows: list[dict[str, Any]] = read(tmp_path / output)
    assert [row["error"] or None for row in rows] == [None, "line_too_long", None]
    assert [row.get("text") or None for row in rows] == ["good", None, "bad"]
    assert [row["label"] or None for row in rows][1] is None
    assert summary.faults == {"line_too_long": 1}
    header = name in ("a.csv", "a.tsv")
    with pytest.raises(DataFileError, match=f"line {2 + header}: line_too_long: a line of more than 8,388,608"):
        score_files(predictor, [str(tmp_path / name)], tmp_path / f"strict-{output}", ScoreOptions(strict=True))


def test_rows_with_lines_too_long_have_the_columns_of_their_folders(predictor: Predictor, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "year=2024"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(f"year,text\n2024,good\n2024,{LONG}\n")
    (folder / "b.csv").write_text(f"text,year\n{LONG}\nbad,2024\n")
    score_files(predictor, [str(tmp_path / "in")], tmp_path / "out.jsonl")
    rows = read(tmp_path / "out.jsonl")
    assert [(row["text"], row["error"]) for row in rows] == [
        ("good", None), (None, "line_too_long"), (None, "line_too_long"), ("bad", None)
    ]  # fmt: skip
    lines = ['{"text": "good"}', " " * len(LONG) + "x"]
    (folder / "a.csv").unlink()
    (folder / "b.csv").unlink()
    (folder / "c.jsonl").write_text("\n".join(lines))
    score_files(predictor, [str(tmp_path / "in")], tmp_path / "out.jsonl", overwrite=True)
    assert [(row["year"], row["error"]) for row in read(tmp_path / "out.jsonl")] == [
        (2024, None), (2024, "line_too_long")
    ]  # fmt: skip


@pytest.mark.parametrize("content", [f'[{{"text": "{LONG}"}}]', "text" + LONG])
def test_a_first_line_too_long_raises_an_error(predictor: Predictor, tmp_path: Path, content: str) -> None:
    name = "a.jsonl" if content.startswith("[") else "a.csv"
    (tmp_path / name).write_text(content)
    message = (
        "line 1: not a JSON array of objects: .*longer than 8388608 characters"
        if name == "a.jsonl"
        else "line 1: longer than 8388608 characters, and should name the columns; is it csv"
    )
    with pytest.raises(DataFileError, match=message):
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl")


def test_an_open_quote_keeps_the_finished_chunks(predictor: Predictor, tmp_path: Path) -> None:
    rows = "".join(f"{number},good film\n" for number in range(4 * CHUNK_ROWS))
    (tmp_path / "a.csv").write_text(f'id,text\n{rows}x,"{LONG}\n')
    seen: list[Progress] = []
    for resume in (False, True):
        with pytest.raises(FieldLimitError, match=r"line 4098: field larger than.*add --quoting none"):
            score_files(
                predictor, [str(tmp_path / "a.csv")], tmp_path / "out.jsonl", resume=resume, on_progress=seen.append
            )
    journal = (tmp_path / "out.jsonl.partial" / "journal.jsonl").read_text().splitlines()
    finished = [json.loads(line)["tally"]["rows"] for line in journal if "tally" in line]
    assert finished
    assert finished == [CHUNK_ROWS * (number + 1) for number in range(len(finished))]
    assert [one.summary.rows for one in seen if not one.resumed], "no finished chunk was scored again"


def test_lone_utf16_surrogates_have_an_error(predictor: Predictor, tmp_path: Path) -> None:
    rows = [{"text": "good film"}, {"text": "bad "}, {"text": "fine"}]
    write(tmp_path / "a.csv", rows, "utf-16")
    content = (
        (tmp_path / "a.csv").read_bytes().replace("bad ".encode("utf-16-le"), "bad".encode("utf-16-le") + b"\x3d\xd8")
    )
    (tmp_path / "a.csv").write_bytes(content)
    score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", ScoreOptions(encoding="utf-16"))
    found = [(row["text"], row["error"]) for row in read(tmp_path / "out.csv")]
    assert found == [("good film", ""), ("bad\ufffd", "undecodable_text"), ("fine", "")]
