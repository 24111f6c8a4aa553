"""INT96 timestamps of Parquet keep their values, whatever their years and digits, or the file is refused."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiline.cluster.splits import find_splits, read_parts
from sentiline.errors import DataFileError
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.predictor import Predictor
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.pipeline import score_files

OPEN_END = datetime.datetime(9999, 12, 31, 23, 59)
FAR = [OPEN_END, datetime.datetime(1600, 1, 1), datetime.datetime(1, 1, 1), None, datetime.datetime(2024, 2, 29, 1)]
MICROSECONDS = pa.timestamp("us")


def write_int96(path: Path, columns: dict[str, Any], rows_per_group: int = 1000) -> str:
    rows = len(next(iter(columns.values())))
    table = pa.table({"text": ["good film"] * rows, "truth": [1] * rows, **columns})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, row_group_size=rows_per_group)
    leaves = pq.ParquetFile(path).schema
    physical = {leaves.column(index).physical_type for index in range(len(leaves))}
    assert "INT96" in physical
    return str(path)


def test_far_dates_are_carried_to_every_format(predictor: Predictor, tmp_path: Path) -> None:
    source = write_int96(tmp_path / "a.parquet", {"until": pa.array(FAR, MICROSECONDS)})
    score_files(predictor, [source], tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["until"].to_pylist() == FAR
    texts = [None if one is None else one.isoformat() for one in FAR]
    score_files(predictor, [source], tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["until"] for line in lines] == texts
    score_files(predictor, [source], tmp_path / "out.csv")
    assert "9999-12-31T23:59:00" in (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("data_type", "values"),
    [
        (pa.list_(MICROSECONDS), [FAR, [], None]),
        (pa.struct([("a", MICROSECONDS), ("b", pa.int8())]), [{"a": OPEN_END, "b": 1}, None, {"a": FAR[2], "b": None}]),
        (pa.map_(pa.string(), MICROSECONDS), [[("k", OPEN_END)], None, []]),
        (pa.list_(pa.struct([("a", pa.list_(MICROSECONDS))])), [[{"a": FAR}], [], [{"a": None}]]),
    ],
    ids=str,
)
def test_nested_far_dates_are_carried(
    predictor: Predictor, tmp_path: Path, data_type: pa.DataType, values: list[object]
) -> None:
    source = write_int96(tmp_path / "a.parquet", {"when": pa.array(values, data_type)})
    score_files(predictor, [source], tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["when"].to_pylist() == values


def test_nanoseconds_are_not_cut_off(predictor: Predictor, tmp_path: Path) -> None:
    column = pa.array([1_700_000_000_123_456_789, -1, None, 2**63 - 1, 1000 - 2**63], pa.timestamp("ns"))
    source = write_int96(tmp_path / "a.parquet", {"when": column}, rows_per_group=2)
    score_files(predictor, [source], tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["when"].combine_chunks().equals(column)


def test_values_that_no_type_holds_together_are_refused(predictor: Predictor, tmp_path: Path) -> None:
    columns = {"seen": pa.array([1], pa.timestamp("ns")), "until": pa.array([OPEN_END], MICROSECONDS)}
    source = write_int96(tmp_path / "a.parquet", columns)
    with pytest.raises(DataFileError, match=r"a\.parquet: INT96 timestamps of column 'seen' are finer .*'until'"):
        score_files(predictor, [source], tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(DataFileError, match="'until'"):
        evaluate_files([predictor], [source], EvaluationOptions(label_column="truth", labels="binary"))
    with pytest.raises(DataFileError, match="'until'"):
        find_splits(find_sources([source]), 1000)


@pytest.mark.parametrize("last", [OPEN_END, datetime.datetime(2024, 1, 1)])
def test_the_splits_of_a_file_have_one_type(tmp_path: Path, last: datetime.datetime) -> None:
    values = [datetime.datetime(2024, 1, 1)] * 20 + [last]
    source = write_int96(tmp_path / "a.parquet", {"until": pa.array(values, MICROSECONDS)}, rows_per_group=4)
    splits = find_splits(find_sources([source]), 4)
    assert len(splits) > 1
    chunks = [chunk for split in splits for part in read_parts(split, "utf-8", 1000, 4) for chunk in part.chunks]
    assert {chunk.data.batch.schema.field("until").type for chunk in chunks} == {MICROSECONDS}  # type: ignore[union-attr]
    assert [value for chunk in chunks for value in chunk.data.column("until")] == values
