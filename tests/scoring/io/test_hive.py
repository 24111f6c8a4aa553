"""Data sets whose folder names encode columns, and files whose format is detected from the content."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sentiline.errors import DataFileError, OptionError
from sentiline.evaluation import evaluate as evaluation
from sentiline.predictor import Predictor
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from sentiline.scoring.scorer import COLUMNS
from tests.scoring.files import REVIEWS, ROWS, read, write

TEXT = ScoreOptions(text_column="review")


@pytest.fixture
def partitioned(tmp_path: Path) -> Path:
    """A data set that pyarrow itself partitioned, by a number, and by a text with a slash and a null in it."""
    folder = tmp_path / "in"
    table = pa.table(
        {
            "id": list(range(6)),
            "review": REVIEWS,
            "year": pa.array([2023, 2023, 2024, 2024, None, 2024], pa.int32()),
            "shop": ["a/b", "c", "c", None, "c", "a/b"],
        }
    )
    ds.write_dataset(table, folder, format="parquet", partitioning=["year", "shop"], partitioning_flavor="hive")
    return folder


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl", "out.csv"])
def test_partitioned_parquet(predictor: Predictor, tmp_path: Path, partitioned: Path, name: str) -> None:
    score_files(predictor, [str(partitioned)], tmp_path / name, TEXT)
    rows = read(tmp_path / name)
    assert list(rows[0]) == ["id", "review", "year", "shop", *COLUMNS]
    as_read = pq.read_table(partitioned, partitioning="hive").to_pylist()
    expected = {row["id"]: (row["review"], row["year"], row["shop"]) for row in as_read}
    if name == "out.csv":
        expected = {key: tuple("" if one is None else str(one) for one in row) for key, row in expected.items()}
    assert {int(row["id"]): (row["review"], row["year"], row["shop"]) for row in rows} == expected
    scores = dict(zip(range(6), predictor.predict(REVIEWS), strict=True))
    assert all(float(row["positive"]) == scores[int(row["id"])].positive for row in rows)
    if name == "out.parquet":
        assert pq.read_schema(tmp_path / name).field("year").type == pa.int64()


def test_one_partition_and_one_file_of_it(predictor: Predictor, tmp_path: Path, partitioned: Path) -> None:
    both = [(2023, "a/b"), (2023, "c")]
    for place, expected in (("year=2023", both), ("*2023/**/*.parquet", both), ("year=2023/shop=c/*", both[1:])):
        score_files(predictor, [str(partitioned / place)], tmp_path / "out.jsonl", TEXT, overwrite=True)
        assert [(row["year"], row["shop"]) for row in read(tmp_path / "out.jsonl")] == expected


@pytest.mark.parametrize("name", ["part.csv.gz", "part.tsv", "part.jsonl", "part.txt"])
def test_partitioned_text(predictor: Predictor, tmp_path: Path, name: str) -> None:
    for lang, number in (("en", 0), ("fr", 3)):
        folder = tmp_path / "in" / f"lang={lang}" / "day=07"
        folder.mkdir(parents=True)
        write(folder / name, [ROWS[number]])
    options = ScoreOptions() if name == "part.txt" else TEXT
    for output in ("out.csv", "out.jsonl", "out.parquet"):
        score_files(predictor, [str(tmp_path / "in")], tmp_path / output, options, overwrite=True)
        rows = read(tmp_path / output)
        assert [(row["lang"], row["day"]) for row in rows] == [("en", "07"), ("fr", "07")]
        assert list(rows[0])[-len(COLUMNS) - 2 :] == ["lang", "day", *COLUMNS]
        assert [row[options.text_column or "text"] for row in rows] == [REVIEWS[0], REVIEWS[3]]


def test_a_column_in_both_the_file_and_the_folder_name_must_agree(predictor: Predictor, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "year=2024"
    folder.mkdir(parents=True)
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        source = write(folder / name, [ROWS[0] | {"year": 2024}])
        score_files(predictor, [str(folder)], tmp_path / "out.jsonl", TEXT, overwrite=True)
        [row] = read(tmp_path / "out.jsonl")
        assert str(row["year"]) == "2024"
        write(source, [ROWS[0] | {"year": 1999}])
        with pytest.raises(DataFileError, match="'year' is 2024 in the name of its folder and something else in"):
            score_files(predictor, [str(folder)], tmp_path / "out.jsonl", TEXT, overwrite=True)
        source.unlink()


def test_json_objects_keep_their_text_and_gain_the_partition_column(predictor: Predictor, tmp_path: Path) -> None:
    folder = tmp_path / "year=2024"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"review": "good", "n": 1.10}\n{}\n')
    score_files(predictor, [str(folder)], tmp_path / "out.jsonl", TEXT)
    first, second = (tmp_path / "out.jsonl").read_text().splitlines()
    assert first.startswith('{"review": "good", "n": 1.10, "year": 2024, "label": ')
    assert json.loads(second)["year"] == 2024


@pytest.mark.parametrize(
    ("name", "content", "forced"),
    [
        ("reviews", b"id,review\n1,good\n", None),
        ("reviews.dat", b'\xef\xbb\xbfreview\n"good, and more"\n', None),
        ("reviews", b'id\treview\n1\t"a\nb"\n', None),
        ("reviews.2024", b'{"review": "good"}\n', None),
        ("reviews.zip", gzip.compress(b"id,review\n1,good\n", mtime=0), None),
        ("reviews.gz", gzip.compress(b'{"review": "good"}\n', mtime=0), None),
        ("reviews.zst", pa.compress(b"id,review\n1,good\n", codec="zstd", asbytes=True), None),
        ("reviews", b"id,review\n1,good\n", "csv"),
        ("reviews.csv", b'{"review": "good"}\n', "jsonl"),
    ],
)
def test_the_format_is_detected_from_the_content(
    predictor: Predictor, tmp_path: Path, name: str, content: bytes, forced: str | None
) -> None:
    (tmp_path / name).write_bytes(content)
    options = ScoreOptions(text_column="review", format=forced)
    summary = score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl", options)
    assert summary is not None
    assert summary.scored == 1


def test_parquet_without_an_ending(predictor: Predictor, tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", ROWS).rename(tmp_path / "part-0000")
    summary = score_files(predictor, [str(tmp_path / "part-0000")], tmp_path / "out.jsonl", TEXT)
    assert summary is not None
    assert summary.scored == len(ROWS)


@pytest.mark.parametrize("content", [b"A fine film, I say.\nA bad one, I fear.\n", b"\x00\x01\x02", b"one\ntwo\n"])
def test_an_undetectable_format_raises_an_error(predictor: Predictor, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reviews").write_bytes(content)
    with pytest.raises(OptionError, match="neither its extension nor its content tells the format; name it with"):
        score_files(predictor, [str(tmp_path / "reviews")], tmp_path / "out.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "reviews is empty"),
        (bz2.compress(b"id,review\n1,good\n")[:-5], "reviews cannot be read: "),
        (lzma.compress(b"id,review\n1,good\n")[:-5], "reviews cannot be read: "),
        (b"PK\x03\x04\x14\0", "reviews cannot be read: File is not a zip file"),
        (b' [{"review": "good"}, 1]', r"line 1: not a JSON array of objects: .*jq -c '\.\[\]'"),
    ],
)
def test_a_file_that_is_not_read_is_recognized_without_a_format(
    predictor: Predictor, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "reviews").write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        score_files(predictor, [str(tmp_path / "reviews")], tmp_path / "out.jsonl")


def test_a_pipe_with_a_path_loses_no_row(predictor: Predictor, tmp_path: Path) -> None:
    rows = "".join(f"{number},good film,{number % 2}\n" for number in range(300))
    with ExitStack() as stack:

        def pipe() -> str:
            reader, writer = os.pipe()
            stack.callback(os.close, reader)
            with os.fdopen(writer, "w") as file:
                file.write(f"id,review,sentiment\n{rows}")
            return f"/dev/fd/{reader}"

        path = pipe()
        with pytest.raises(
            OptionError, match=r"is a pipe or device, which is read once: name its format with --format"
        ):
            score_files(predictor, [path], tmp_path / "out.jsonl", TEXT)
        options = ScoreOptions(text_column="review", format="csv")
        with pytest.raises(DataFileError, match="cannot be read again, so the run cannot be resumed"):
            score_files(predictor, [path], tmp_path / "out.jsonl", options, resume=True)
        score_files(predictor, [path], tmp_path / "out.jsonl", options)
        assert [row["id"] for row in read(tmp_path / "out.jsonl")] == [str(number) for number in range(300)]
        path = pipe()
        labelled = evaluation.EvaluationOptions("review", "sentiment", format="csv")
        with pytest.raises(OptionError, match=r"is read once, .* --labels"):
            evaluation.evaluate_files([predictor], [path], labelled)
        found = evaluation.evaluate_files([predictor], [path], replace(labelled, labels="binary"))
        assert (found.data.rows, found.data.positive) == (300, 150)
        with pytest.raises(OptionError, match=r"Parquet cannot be read from .* a pipe"):
            score_files(predictor, [path], tmp_path / "p.jsonl", ScoreOptions(format="parquet"))


@pytest.mark.parametrize(
    ("place", "columns"),
    [
        ("run=5/a.csv", []),
        ("run=5/data", []),
        ("run=5/data/*.csv", []),
        ("run=5/shop/year=2024", ["year", "lang"]),
        ("run=5/shop/year=2024/lang=en", ["year", "lang"]),
        ("run=5/shop/year=2024/lang=en/*.csv", ["year", "lang"]),
        ("run=5/shop/year=2024/lang=en/part.csv", []),
        ("run=5/shop", ["year", "lang"]),
        ("run=5/shop/**/part.csv", ["year", "lang"]),
        ("run=5", ["run", "year", "lang"]),
    ],
)
def test_columns_do_not_depend_on_how_a_path_is_typed(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, columns: list[str]
) -> None:
    top = tmp_path / "run=5"
    for name in ("a.csv", "data/a.csv", "shop/year=2024/lang=en/part.csv"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("text\ngood\n")
    expected = None
    for folder, typed in (
        (tmp_path, str(tmp_path / place)),
        (tmp_path, place),
        (top, f"../{place}"),
        (top, place.removeprefix("run=5").removeprefix("/") or "."),
        (top / "data", f"../shop/../../{place}"),
    ):
        monkeypatch.chdir(folder)
        score_files(predictor, [typed], tmp_path / "out.jsonl", overwrite=True)
        rows = read(tmp_path / "out.jsonl")
        added = dict.fromkeys(name for row in rows for name in row if name not in ("text", *COLUMNS))
        assert list(added) == columns
        expected = expected or (tmp_path / "out.jsonl").read_bytes()
        assert (tmp_path / "out.jsonl").read_bytes() == expected
