"""Parts of a data set with column types that differ, and texts stored as bytes."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files

NOON = datetime.datetime(2024, 1, 1, 12)
DAY, MIDNIGHT = datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)
LONG = pa.decimal128(10, 4)
NESTED = pa.struct([("stars", pa.int64()), ("lang", pa.string())])


def parts(folder: Path, *columns: pa.Array) -> str:
    folder.mkdir()
    for number, column in enumerate(columns):
        table = pa.table({"review": ["A fine film."] * len(column), "note": column})
        pq.write_table(table, folder / f"{number}.parquet")
    return str(folder)


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        (pa.array([None], pa.null()), pa.array(["late"]), pa.string()),
        (pa.array(["early"]), pa.array([None], pa.null()), pa.string()),
        (pa.array([None], pa.null()), pa.array([1], pa.int16()), pa.int16()),
        (pa.array([None], pa.float64()), pa.array(["late"]), pa.string()),
        (pa.array(["early"]), pa.array([None, None], pa.int64()), pa.string()),
        (pa.array(["early"]), pa.array([], pa.int64()), pa.string()),
        (pa.array(["early"]), pa.array(["late"], pa.large_string()), pa.large_string()),
        (pa.array(["early"]), pa.array(["late"]).dictionary_encode(), pa.string()),
        (pa.array(["early"], pa.string_view()), pa.array(["late"]), pa.string()),
        (pa.array([1], pa.int32()), pa.array([2**40]), pa.int64()),
        (pa.array([2**40]), pa.array([2], pa.int8()), pa.int64()),
        (pa.array([1], pa.uint32()), pa.array([-2], pa.int32()), pa.int64()),
        (pa.array([1]), pa.array([1.5]), pa.float64()),
        (pa.array([1.5], pa.float32()), pa.array([0.1]), pa.float64()),
        (pa.array([Decimal("1.50")], pa.decimal128(3, 2)), pa.array([Decimal("100000.0001")], LONG), LONG),
        (pa.array([2]), pa.array([Decimal("1.50")], pa.decimal128(3, 2)), pa.decimal128(22, 2)),
        (pa.array([NOON], pa.timestamp("ms")), pa.array([NOON], pa.timestamp("us")), pa.timestamp("us")),
        (pa.array([DAY]), pa.array([NOON], pa.timestamp("us")), pa.timestamp("us")),
        (pa.array([[1]], pa.list_(pa.int32())), pa.array([[2]], pa.large_list(pa.int64())), pa.large_list(pa.int64())),
        (pa.array([{"stars": 1}]), pa.array([{"stars": 2, "lang": "en"}]), NESTED),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_types_of_parts_become_one_into_which_all_can_be_widened(
    predictor: Predictor, tmp_path: Path, first: Any, second: Any, common: Any, reverse: bool
) -> None:
    output = tmp_path / "out.parquet"
    both = (second, first) if reverse else (first, second)
    score_files(predictor, [parts(tmp_path / "in", *both)], str(output))
    found = pq.read_table(output)["note"]
    assert found.type == common
    values = [value for column in both for value in column.to_pylist()]
    expected = [MIDNIGHT if value == DAY else value for value in values]
    assert found.to_pylist() == [value | {"lang": value.get("lang")} if isinstance(value, dict) else value
                                 for value in expected]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array(["early"]), pa.array([1])),
        (pa.array([True]), pa.array([1])),
        (pa.array([1.5]), pa.array([Decimal("1.5")])),
        (pa.array([NOON], pa.timestamp("us")), pa.array([NOON], pa.timestamp("us", "UTC"))),
        (pa.array([{"stars": 1}]), pa.array([{"stars": "one"}])),
    ],
)
def test_types_with_nothing_in_common_are_refused_before_the_first_row(
    predictor: Predictor, tmp_path: Path, first: Any, second: Any
) -> None:
    folder, output = parts(tmp_path / "in", first, second), tmp_path / "out.parquet"
    seen: list[Progress] = []
    with pytest.raises(DataFileError) as caught:
        score_files(predictor, [folder], str(output), on_progress=seen.append)
    assert not seen
    for told in ("in/1.parquet", "'note'", str(first.type), str(second.type), "in/0.parquet", ".jsonl", "--drop"):
        assert told in str(caught.value)
    assert score_files(predictor, [folder], str(output), ScoreOptions(drop=["note"])).scored == 2
    assert score_files(predictor, [folder], str(tmp_path / "out.jsonl")).scored == 2
    assert score_files(predictor, [folder], str(tmp_path / "out.csv")).scored == 2


def test_a_value_that_the_common_type_cannot_hold_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    folder = parts(tmp_path / "in", pa.array([1.5]), pa.array([2**53 + 1]))
    with pytest.raises(DataFileError, match=r"1\.parquet: column 'note' of type int64 .* double, .* --drop"):
        score_files(predictor, [folder], str(tmp_path / "out.parquet"))


def write_parts(folder: Path, *tables: dict[str, Any]) -> str:
    folder.mkdir()
    for number, table in enumerate(tables):
        pq.write_table(pa.table(table), folder / f"{number}.parquet")
    return str(folder)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_that_parts_lack_is_null_there(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    folder = write_parts(
        tmp_path / "in",
        {"review": ["A fine film."], "id": [1]},
        {"lang": ["en"], "review": ["Awful mess."]},
        {"review": pa.array([], pa.string())},
    )
    output = tmp_path / f"out.{ending}"
    score_files(predictor, [folder], str(output))
    table = pq.read_table(output) if ending == "parquet" else pa.csv.read_csv(output)
    assert table.column_names[:3] == ["review", "id", "lang"]
    assert table["id"].to_pylist() == [1, None]
    assert table["lang"].to_pylist() == ([None, "en"] if ending == "parquet" else ["", "en"])
    assert "column 'id' is missing in 1 of 2 Parquet files" in caplog.text


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_part_without_the_texts_is_refused_before_the_first_row(
    predictor: Predictor, tmp_path: Path, ending: str
) -> None:
    folder = write_parts(tmp_path / "in", {"review": ["A fine film."]}, {"stars": [1]})
    seen: list[Progress] = []
    with pytest.raises(DataFileError, match=r"1\.parquet has no column 'review', where the first file has the texts"):
        score_files(predictor, [folder], str(tmp_path / f"out.{ending}"), on_progress=seen.append)
    assert not seen


def test_columns_that_differ_only_in_case_are_refused(predictor: Predictor, tmp_path: Path) -> None:
    folder = write_parts(
        tmp_path / "in", {"review": ["A fine film."], "Stars": [5]}, {"review": ["Awful mess."], "stars": [1]}
    )
    with pytest.raises(DataFileError, match="a column 'Stars', and others 'stars'"):
        score_files(predictor, [folder], str(tmp_path / "out.parquet"))


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
