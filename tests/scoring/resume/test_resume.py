"""Interrupted runs: resumed, they end with the output of a run that was not interrupted."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor, load
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.io.object_location import parse_location
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files
from sentiline.scoring.resume.partial_output import PartialOutput
from tests.bundles import UNSURE, WORDS
from tests.scoring.killed_run import kill_run

ROWS = 4_000
CHUNKS = -(-ROWS // CHUNK_ROWS)


def write_reviews(path: Path, rows: int) -> Path:
    rng = random.Random(3)
    lines = [json.dumps({"id": n, "text": " ".join(rng.choices(WORDS, k=rng.randint(0, 30)))}) for n in range(rows)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("in") / "a.jsonl", ROWS)


@pytest.fixture(scope="module")
def expected(predictor: Predictor, reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The output of a run that was not interrupted, as JSON Lines."""
    output = tmp_path_factory.mktemp("out") / "whole.jsonl"
    score_files(predictor, [str(reviews)], output)
    return output.read_bytes()


def journal(output: Path) -> list[str]:
    path = output.with_name(output.name + ".partial") / "journal.jsonl"
    content = path.read_text() if path.exists() else ""
    return content[: content.rfind("\n") + 1].splitlines()


def finished(output: Path) -> list[str]:
    return [line for line in journal(output) if "tally" in json.loads(line)]


def check_killed_run(
    predictor: Predictor, bundle: Path, source: Path, output: Path, kills: int, **options: Any
) -> None:
    """Kill a run at random moments, resume it, and compare the output with that of a run that was not killed."""
    whole = output.with_name(f"whole-{output.name}")
    score_files(predictor, [str(source)], whole, ScoreOptions(**options))
    rng = random.Random(output.name)
    for _ in range(kills):
        done = finished(output)
        kill_run(bundle, source, output, chunks=1, delay=rng.random() * 0.05, **options)
        assert finished(output)[: len(done)] == done, "a finished chunk was written again"
        assert len(finished(output)) > len(done)
        assert not output.exists()
    score_files(predictor, [str(source)], output, ScoreOptions(**options), resume=True)
    assert output.read_bytes() == whole.read_bytes()
    assert not output.with_name(output.name + ".partial").exists()


@pytest.mark.parametrize(("name", "timesteps"), [("out.csv.gz", False), ("out.parquet", True)])
def test_a_killed_run_ends_with_the_same_output(
    predictor: Predictor, bundle: Path, reviews: Path, tmp_path: Path, name: str, timesteps: bool
) -> None:
    check_killed_run(predictor, bundle, reviews, tmp_path / name, kills=1, timesteps=timesteps)


@pytest.mark.long
@pytest.mark.parametrize(("name", "timesteps"), [("out.csv.gz", False), ("out.parquet", True), ("years.parquet", True)])
def test_a_run_killed_four_times_ends_with_the_same_output(
    predictor: Predictor, bundle: Path, tmp_path: Path, name: str, timesteps: bool
) -> None:
    source = write_reviews(tmp_path / "a.jsonl", 9_000)
    if name == "years.parquet":
        rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
        table = pa.Table.from_pylist([row | {"year": 2020 + row["id"] // 2_250} for row in rows])
        source = tmp_path / "partitioned"
        ds.write_dataset(table, source, format="parquet", partitioning=["year"], partitioning_flavor="hive")
    check_killed_run(predictor, bundle, source, tmp_path / name, kills=4, timesteps=timesteps)


def test_an_output_without_an_interrupted_run_is_not_resumed(
    predictor: Predictor, reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    old = '{"text": "of another run"}\n'
    output.write_text(old)
    with pytest.raises(DataFileError, match=r"no interrupted run found in .* exists already; keep it, or replace it"):
        score_files(predictor, [str(reviews)], output, resume=True)
    with pytest.raises(DataFileError, match="give one of them"):
        score_files(predictor, [str(reviews)], output, resume=True, overwrite=True)
    assert output.read_text() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl"]


class _StopError(Exception):
    pass


def interrupt(predictor: Predictor, reviews: Path, output: Path, chunks: int = 3) -> Path:
    """Interrupt a run after some chunks; return the folder of its partial output."""

    def stop(progress: Progress) -> None:
        if progress.summary.rows >= chunks * CHUNK_ROWS:
            raise _StopError

    with pytest.raises(_StopError):
        score_files(predictor, [str(reviews)], output, on_progress=stop)
    return output.with_name(output.name + ".partial")


def test_finished_chunks_are_not_scored_again(predictor: Predictor, reviews: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    interrupt(predictor, reviews, output, chunks=2)
    done = len(finished(output))
    assert done == 2
    with pytest.raises(DataFileError, match="continue it with --resume, or start over with --overwrite"):
        score_files(predictor, [str(reviews)], output)
    with pytest.raises(DataFileError, match=r"options changed since the interrupted run .*; rerun with the old ones"):
        score_files(predictor, [str(reviews)], output, ScoreOptions(prefix="s_"), resume=True)
    seen: list[Progress] = []
    summary = score_files(predictor, [str(reviews)], output, resume=True, on_progress=seen.append)
    assert summary.rows == ROWS
    assert len(seen) == CHUNKS - done
    assert {one.resumed for one in seen} == {done * CHUNK_ROWS}
    assert len(output.read_bytes().splitlines()) == ROWS


def test_a_run_is_not_resumed_after_its_inputs_changed(predictor: Predictor, reviews: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(reviews.read_bytes())
    interrupt(predictor, source, output, chunks=1)
    with source.open("a") as file:
        file.write('{"id": -1, "text": "good"}\n')
    with pytest.raises(DataFileError, match="inputs changed since the interrupted run"):
        score_files(predictor, [str(source)], output, resume=True)
    assert score_files(predictor, [str(source)], output, overwrite=True).rows == ROWS + 1


def test_a_run_is_not_resumed_after_the_thresholds_changed(
    predictor: Predictor, bundle: Path, reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    interrupt(predictor, reviews, output, chunks=1)
    copy = Path(shutil.copytree(bundle, tmp_path / "bilstm"))
    document = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(document | UNSURE))
    with load(copy, threads=2) as changed:
        with pytest.raises(DataFileError, match="uncertainty changed since the interrupted run"):
            score_files(changed, [str(reviews)], output, resume=True)
        assert score_files(changed, [str(reviews)], output, overwrite=True).uncertain > 0


def test_two_runs_do_not_share_an_output(predictor: Predictor, reviews: Path, tmp_path: Path, expected: bytes) -> None:
    output = tmp_path / "out.jsonl"

    def start_another(progress: Progress) -> None:
        with pytest.raises(DataFileError, match="another run is writing"):
            score_files(predictor, [str(reviews)], output, overwrite=True)

    score_files(predictor, [str(reviews)], output, on_progress=start_another)
    assert output.read_bytes() == expected


def test_a_run_killed_between_the_last_chunk_and_the_rename_is_resumed(
    predictor: Predictor, reviews: Path, tmp_path: Path, expected: bytes
) -> None:
    """The moments too short to hit: the folder as it is before the rename, and after it."""
    output = tmp_path / "out.jsonl"
    folder = tmp_path / "out.jsonl.partial"
    lines: list[str] = []

    def keep_journal(progress: Progress) -> None:
        lines[:] = journal(output)

    score_files(predictor, [str(reviews)], output, on_progress=keep_journal)
    tail = ['{"finished": true}', '{"published": "data"}']
    for count in (0, 1, 2):
        folder.mkdir()
        (folder / "journal.jsonl").write_text("\n".join([*lines, *tail[:count], '{"torn']))
        (folder / "data").write_bytes(expected + b"not finished" * (count == 0))
        output.unlink()
        score_files(predictor, [str(reviews)], output, resume=True)
        assert output.read_bytes() == expected
        assert not folder.exists()
    folder.mkdir()
    (folder / "journal.jsonl").write_text("\n".join([*lines, *tail, ""]))
    score_files(predictor, [str(reviews)], output, resume=True)
    assert output.read_bytes() == expected
    assert not folder.exists()


@pytest.mark.parametrize("line", [b"{\0\0\0}\n", b"\0\0\0\0\n", b"17\n", b"\xff\n"])
def test_a_damaged_last_line_of_the_journal_counts_as_not_written(
    predictor: Predictor, reviews: Path, tmp_path: Path, expected: bytes, line: bytes
) -> None:
    output = tmp_path / "out.jsonl"
    path = interrupt(predictor, reviews, output) / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + line)
    seen: list[Progress] = []
    score_files(predictor, [str(reviews)], output, resume=True, on_progress=seen.append)
    assert output.read_bytes() == expected
    assert {one.resumed for one in seen} == {(len(lines) - 2) * CHUNK_ROWS}


def test_a_journal_damaged_before_its_end_is_not_resumed(
    predictor: Predictor, reviews: Path, tmp_path: Path, expected: bytes
) -> None:
    output = tmp_path / "out.jsonl"
    path = interrupt(predictor, reviews, output) / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\0" * 9 + b"\n", *lines[2:]]))
    with pytest.raises(DataFileError, match=r"partial is damaged; start over with --overwrite"):
        score_files(predictor, [str(reviews)], output, resume=True)
    assert path.exists(), "nothing is discarded unasked"
    score_files(predictor, [str(reviews)], output, overwrite=True)
    assert output.read_bytes() == expected


def test_a_report_is_not_resumed_from_a_state_that_is_lost(tmp_path: Path) -> None:
    output = parse_location(str(tmp_path / "out.csv"))
    folder = tmp_path / "out.csv.partial"
    partial = PartialOutput(output, folder, {}, resume=False)
    for _ in range(2):
        partial.append([b"row\n"], {"rows": 1}, b"state")
    partial.close()
    path = folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], b"{}}\n"]))
    with pytest.raises(DataFileError, match="damaged; start over with --overwrite"):
        PartialOutput(output, folder, {}, resume=True)


def test_a_foreign_file_in_the_folder_stays(
    predictor: Predictor, reviews: Path, tmp_path: Path, expected: bytes
) -> None:
    output = tmp_path / "out.jsonl"
    folder = interrupt(predictor, reviews, output)
    (folder / "notes.txt").write_text("mine")
    score_files(predictor, [str(reviews)], output, resume=True)
    assert output.read_bytes() == expected
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
