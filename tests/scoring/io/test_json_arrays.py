"""JSON arrays of objects, and files that end in `.json`."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from sentiline.errors import DataFileError, OptionError
from sentiline.predictor import Predictor
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.pipeline import score_files
from tests.scoring.files import read

ROWS: list[dict[str, Any]] = [
    {"text": f'good "film"\n], {number} [ \\', "meta": {"n": [number, True, None, -1.5e9]}} for number in range(3000)
]


def lines_of(path: Path) -> list[tuple[int, Any]]:
    [source] = find_sources([str(path)])
    return [pair for chunk in read_chunks(source) for pair in zip(chunk.lines, chunk.data.rows, strict=True)]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a"])
def test_arrays_of_objects_are_read(tmp_path: Path, name: str, indent: int | None) -> None:
    content = json.dumps(ROWS, indent=indent)
    (tmp_path / name).write_text("\n" + content + "\n\n" if name == "a.json" else content)
    found = lines_of(tmp_path / name)
    assert [row for _, row in found] == ROWS
    if indent:
        assert [number for number, _ in found[:2]] == [2 + (name == "a.json"), 13 + (name == "a.json")]


def test_an_array_is_scored_into_one_object_per_line(predictor: Predictor, tmp_path: Path) -> None:
    rows = [{"text": "good"}, {"text": "bad", "id": 10**20}]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=2))
    score_files(predictor, [str(tmp_path / "a.json")], tmp_path / "out.jsonl")
    assert [row["text"] for row in read(tmp_path / "out.jsonl")] == ["good", "bad"]
    assert read(tmp_path / "out.jsonl")[1]["id"] == 10**20
    with pytest.raises(OptionError, match=r"the extension '\.json' is unknown"):
        score_files(predictor, [str(tmp_path / "a.json")], tmp_path / "out.json")


def test_json_lines_may_end_in_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"text": "good"}\n{"text": "bad"}\n')
    assert [row["text"] for _, row in lines_of(tmp_path / "a.json")] == ["good", "bad"]
    assert [row["text"] for _, row in lines_of(tmp_path)] == ["good", "bad"]


def test_json_beside_other_files_of_a_folder_is_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dataset_info.json").write_text('{\n"name": "reviews"\n}\n')
    (tmp_path / "a.csv").write_text("text\ngood\n")
    with caplog.at_level(logging.WARNING):
        assert [row["text"] for _, row in lines_of(tmp_path)] == ["good"]
    assert "dataset_info.json" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"text": "good"},\n 3]', r"line 2: not a JSON array of objects: '3\]' is not an object; .*jq -c '\.\[\]'"),
        ('[{"text": "good"}\n{"text": "bad"}]', "where a comma should be"),
        ('[{"text": "good"},\n{"text": "bad"', "line 2: .*the object is incomplete"),
        ('[{"text": "good"}', "the object is incomplete"),
        ('[\n{"text": bad}\n' + " " * 100 + "]", "line 2: .*incomplete or malformed"),
        ('[{"text": "good"}] {"text": "bad"}', "after the end of the array"),
        ('{\n"reviews": []}', "line 1: not JSON: .*for example with jq -c"),
        ('["good", "bad"]', "line 1: holds list, not an object"),
    ],
)
def test_errors_name_the_line_and_the_remedy(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataFileError, match=message):
        lines_of(tmp_path / "a.json")
