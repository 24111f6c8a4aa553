"""Parts of a data set with column types that differ, and texts stored as bytes."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.pipeline import score_files

NOON = datetime.datetime(2024, 1, 1, 12)


def parts(folder: Path, *columns: pa.Array) -> str:
    folder.mkdir()
    for number, column in enumerate(columns):
        table = pa.table({"review": ["A fine film."] * len(column), "note": column})
        pq.write_table(table, folder / f"{number}.parquet")
    return str(folder)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array([None], pa.null()), pa.array(["late"])),
        (pa.array(["early"]), pa.array([None], pa.null())),
        (pa.array(["early"]), pa.array(["late"], pa.large_string())),
        (pa.array([1], pa.int32()), pa.array([2], pa.int64())),
        (pa.array([1], pa.int64()), pa.array([2], pa.int8())),
        (pa.array([1.5]), pa.array([2], pa.int64())),
        (pa.array([NOON], pa.timestamp("ms")), pa.array([NOON], pa.timestamp("us"))),
    ],
)
def test_types_of_one_family_become_that_of_the_first_part(
    predictor: Predictor, tmp_path: Path, first: Any, second: Any
) -> None:
    output = tmp_path / "out.parquet"
    score_files(predictor, [parts(tmp_path / "in", first, second)], str(output))
    assert pq.read_table(output)["note"].to_pylist() == [*first.to_pylist(), *second.to_pylist()]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array([1], pa.int32()), pa.array([2**40])),
        (pa.array([1]), pa.array([1.5])),
        (pa.array([1.5], pa.float32()), pa.array([0.1])),
        (pa.array(["early"]), pa.array([1])),
    ],
)
def test_a_value_that_would_change_is_refused(predictor: Predictor, tmp_path: Path, first: Any, second: Any) -> None:
    with pytest.raises(DataFileError, match=r"1\.parquet: column 'note' is of type"):
        score_files(predictor, [parts(tmp_path / "in", first, second)], str(tmp_path / "out.parquet"))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_texts_stored_as_bytes_are_read_as_utf_8(predictor: Predictor, tmp_path: Path, ending: str) -> None:
    reviews = pa.array(["A fine café.".encode(), b"caf\xe9", None][: 3 if ending == "parquet" else 1], pa.binary())
    pq.write_table(pa.table({"review": reviews}), tmp_path / "in.parquet")
    summary = score_files(predictor, [str(tmp_path / "in.parquet")], str(tmp_path / f"out.{ending}"))
    assert summary is not None
    assert summary.scored == 1
    if ending == "parquet":
        found = pq.read_table(tmp_path / "out.parquet")
        assert found["review"] == pa.chunked_array([reviews])
        assert found["error"].to_pylist() == [None, "undecodable_text", "missing_text"]
    else:
        assert "A fine café." in (tmp_path / f"out.{ending}").read_text(encoding="utf-8")
