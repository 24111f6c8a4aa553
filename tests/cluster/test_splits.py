"""Splits and parts: every row once, the same ones every time, with the line or row it has in its file."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiline.cluster.splits import find_splits, part_name, read_parts
from sentiline.cluster.worker import PAYLOAD, Failure, ReadJob, SplitEnd, read_split, to_row
from sentiline.errors import ClusterError, DataFileError
from sentiline.scoring.io.discovery import find_sources

CHARACTERS = 4_000_000


def numbers(path: Path, part_rows: int) -> dict[str, list[int]]:
    """Of each part of a file the numbers of its rows, which hold theirs, from 1, in a column."""
    found: dict[str, list[int]] = {}
    for split in find_splits(find_sources([str(path)]), part_rows):
        for part in read_parts(split, "utf-8", CHARACTERS, part_rows):
            rows = [number for chunk in part.chunks for number in chunk.lines]
            assert rows == [int(value) for chunk in part.chunks for value in chunk.data.column("n")]
            found[part_name(part.split, part.number)] = rows
    return found


@pytest.mark.parametrize("group", [100, 1_000, 3_000, 5_000])
def test_parquet_is_cut_between_row_groups(tmp_path: Path, group: int) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": range(1, 5_001), "text": ["good"] * 5_000}), path, row_group_size=group)
    splits = find_splits(find_sources([str(path)]), 1_024)
    found = numbers(path, 1_024)
    assert [row for name in sorted(found) for row in found[name]] == list(range(1, 5_001))
    assert len(splits) == {100: 5, 1_000: 3, 3_000: 2, 5_000: 1}[group]
    parts = [part for split in splits for part in read_parts(split, "utf-8", CHARACTERS, 1_024)]
    assert sum(part.read for part in parts) == path.stat().st_size, "progress reaches the end"


def test_text_is_one_split_of_many_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"n": n, "text": "good"}) + "\n" for n in range(1, 5_001)))
    assert len(find_splits(find_sources([str(path)]), 1_024)) == 1
    found = numbers(path, 2_048)
    assert {name: len(rows) for name, rows in found.items()} == {
        "part-000000-000000.parquet": 2_048,
        "part-000000-000001.parquet": 2_048,
        "part-000000-000002.parquet": 904,
    }
    assert numbers(path, 2_048) == found


def test_long_texts_make_smaller_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"n": n, "text": "good " * 1_000}) + "\n" for n in range(1, 101)))
    [split] = find_splits(find_sources([str(path)]), 2_048)
    parts = list(read_parts(split, "utf-8", 50_000, 2_048))
    assert [len(part.chunks) for part in parts] == [2] * 5
    assert [sum(map(len, part.chunks)) for part in parts] == [20] * 5


def test_names_are_in_the_order_of_the_rows() -> None:
    keys = [(0, 0), (0, 1), (0, 10), (1, 0), (12, 3)]
    assert sorted(part_name(*key) for key in keys) == [part_name(*key) for key in keys]


def test_a_reader_leaves_out_what_is_finished_and_says_how_much_there_was(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "good"}\n' * 3_000 + "{broken\n")
    [split] = find_splits(find_sources([str(path)]), 1_024)
    job = ReadJob("utf-8", CHARACTERS, 1_024, {0: frozenset((1,))})
    values = [pickle.loads(row[PAYLOAD]) for row in read_split(to_row(split), job)]
    assert [type(value).__name__ for value in values] == ["Part", "Failure"]
    assert values[0].number == 0
    assert isinstance(values[1], Failure)
    assert isinstance(values[1].error, DataFileError)
    assert "a.jsonl, line 3001: not JSON" in str(values[1].error)
    assert values[1].error.field == "input"
    path.write_text('{"text": "good"}\n' * 3_000)
    [changed] = [pickle.loads(row[PAYLOAD]) for row in read_split(to_row(split), job)]
    assert "had 51008 when the run began" in str(changed.error), "another file under the same path is not read"
    [split] = find_splits(find_sources([str(path)]), 1_024)
    values = [pickle.loads(row[PAYLOAD]) for row in read_split(to_row(split), job)]
    assert [getattr(value, "number", value) for value in values] == [0, 2, SplitEnd(0, 3)]


def test_what_nobody_thought_of_is_a_failure_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\ngood\n")
    [split] = find_splits(find_sources([str(tmp_path / "a.csv")]), 1_024)
    job = ReadJob(None, CHARACTERS, 1_024, {})  # type: ignore[arg-type]
    [failure] = [pickle.loads(row[PAYLOAD]) for row in read_split(to_row(split), job)]
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, ClusterError)
    assert re.search(r"reading .*a\.csv failed with TypeError: .*; finished parts are kept", str(failure.error))
