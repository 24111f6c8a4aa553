"""Parquet files of other libraries, and Parquet that other libraries can read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.pipeline import score_files


def values_of_all_readers(path: Path, column: str) -> list[object]:
    """A column, read by four libraries, which agree."""
    found = pq.read_table(path)[column].to_pylist()
    assert pd.read_parquet(path)[column].tolist() == found
    assert pl.read_parquet(path)[column].to_list() == found
    with duckdb.connect() as database:
        rows = database.execute(f"SELECT {column} FROM read_parquet(?)", [str(path)]).fetchall()
    assert [row[0] for row in rows] == found
    return list(found)


@pytest.mark.parametrize("ordered", [False, True])
def test_files_may_have_different_categories(predictor: Predictor, tmp_path: Path, ordered: bool) -> None:
    expected = []
    for number, count in enumerate((100, 100, 300, 100)):  # indices of 8 bits in pandas, and of 16
        names = [f"v{number}_{value}" for value in range(count)]
        kinds = pd.Categorical(names, ordered=ordered)
        pd.DataFrame({"text": ["good"] * count, "kind": kinds}).to_parquet(tmp_path / f"{number}.parquet")
        expected += names
    score_files(predictor, [str(tmp_path / "[0-9].parquet")], tmp_path / "out.parquet")
    assert values_of_all_readers(tmp_path / "out.parquet", "kind") == expected
    kind = pq.read_schema(tmp_path / "out.parquet").field("kind").type
    assert (pa.types.is_dictionary(kind), kind.index_type, kind.ordered) == (True, pa.int32(), ordered)


def test_row_groups_may_have_different_dictionaries(predictor: Predictor, tmp_path: Path) -> None:
    chunks = []
    for group in range(4):
        values = pa.array([f"v{group}_{value}" for value in range(100)])
        chunks.append(pa.DictionaryArray.from_arrays(pa.array(range(100), pa.int8()), values))
    column = pa.chunked_array(chunks)
    pq.write_table(pa.table({"text": ["good"] * 400, "kind": column}), tmp_path / "a.parquet", row_group_size=100)
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.parquet")
    assert values_of_all_readers(tmp_path / "out.parquet", "kind") == column.to_pylist()


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
def test_nested_dictionaries_are_read_from_several_row_groups(predictor: Predictor, tmp_path: Path, name: str) -> None:
    values = pa.array([f"v{value}" for value in range(400)]).dictionary_encode()
    offsets = pa.array(range(401), pa.int32())
    table = pa.table(
        {
            "text": ["good"] * 400,
            "struct": pa.StructArray.from_arrays([values], ["k"]),
            "list": pa.ListArray.from_arrays(offsets, values),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=50)
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / name)
    out = pq.read_table(tmp_path / name) if name == "out.parquet" else pa.Table.from_pandas(
        pd.read_json(tmp_path / name, lines=True)
    )  # fmt: skip
    assert out["struct"].to_pylist() == [{"k": f"v{value}"} for value in range(400)]
    assert out["list"].to_pylist() == [[f"v{value}"] for value in range(400)]


def test_chunks_do_not_depend_on_row_groups(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["good"] * 3_000}), tmp_path / "a.parquet", row_group_size=700)
    [source] = find_sources([str(tmp_path / "a.parquet")])
    assert [len(chunk) for chunk in read_chunks(source)] == [CHUNK_ROWS, CHUNK_ROWS, 3_000 - 2 * CHUNK_ROWS]


@pytest.mark.parametrize("value", ["{}", "[{}]", '{"a": {}}'])
def test_objects_without_keys_raise_an_error_before_anything_is_scored(
    command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, value: str
) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"text": "good", "n": {value}}}\n')
    process = command("a.jsonl", "-o", "out.parquet")
    _, errors = process.communicate()
    message = " ".join(errors.decode().split())
    assert process.returncode == 2
    assert "column 'n' is of type" in message
    assert "Write .jsonl, which carries every value as it is, or leave the column out" in message
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    process = command("a.jsonl", "-o", "out.jsonl")
    process.communicate()
    assert process.returncode == 0


def test_a_column_name_that_is_not_valid_unicode_raises_an_error(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "good", "n\\ud800": 1}\n')
    with pytest.raises(DataFileError, match="has a name that is not valid Unicode, which Parquet cannot hold; rename"):
        score_files(predictor, [str(tmp_path / "a.jsonl")], tmp_path / "out.parquet")


def test_strings_that_are_not_utf8_are_written_as_utf8(predictor: Predictor, tmp_path: Path) -> None:
    raw = pa.array([b"good film", b"caf\xe9 good", b"caf\xe8 good", None], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 4, raw.buffers())  # which checks nothing
    kinds = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None], pa.int32()), texts.slice(0, 3))
    pq.write_table(pa.table({"text": texts, "kind": kinds}), tmp_path / "a.parquet")
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.parquet")
    expected = ["good film", "caf\ufffd good", "caf\ufffd good", None]
    for column in ("text", "kind"):
        out = pq.read_table(tmp_path / "out.parquet")[column]
        out.validate(full=True)
        assert out.to_pylist() == expected
        assert pl.read_parquet(tmp_path / "out.parquet")[column].to_list() == expected
    assert pq.read_table(tmp_path / "out.parquet")["error"].to_pylist() == [
        None, "undecodable_text", "undecodable_text", "missing_text"
    ]  # fmt: skip
