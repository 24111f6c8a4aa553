"""Runs killed with SIGKILL at random moments: resumed, they end with the output of a run that was not killed."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor, load
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.io.storage import Location
from sentiline.scoring.pipeline import Options, Progress, score_files
from sentiline.scoring.resume.partial_output import Workspace
from tests.bundles import UNSURE, WORDS

ROWS = 9_000
CHUNKS = -(-ROWS // CHUNK_ROWS)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("in") / "a.jsonl"
    rng = random.Random(3)
    rows = [{"id": n, "text": " ".join(rng.choices(WORDS, k=rng.randint(0, 30)))} for n in range(ROWS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def journal(output: Path) -> list[str]:
    path = output.with_name(output.name + ".partial") / "journal.jsonl"
    content = path.read_text() if path.exists() else ""
    return content[: content.rfind("\n") + 1].splitlines()


def finished(output: Path) -> list[str]:
    return [line for line in journal(output) if "tally" in json.loads(line)]


def kill_when(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Wait until a run is so far, or has ended, and kill it."""
    while process.poll() is None and not ready():
        time.sleep(0.002)
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def partitioned(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows as a data set of Parquet with a folder for each year."""
    table = pa.Table.from_pylist([json.loads(line) for line in reviews.read_text(encoding="utf-8").splitlines()])
    table = table.append_column("year", pa.array([2020 + 4 * n // ROWS for n in range(ROWS)]))
    folder = tmp_path_factory.mktemp("partitioned")
    ds.write_dataset(table, folder, format="parquet", partitioning=["year"], partitioning_flavor="hive")
    return folder


@pytest.mark.parametrize("name", ["out.csv.gz", "out.parquet", "years.parquet"])
def test_killed_at_random_it_ends_with_the_same_output(
    predictor: Predictor,
    command: Callable[..., subprocess.Popen[bytes]],
    reviews: Path,
    partitioned: Path,
    tmp_path: Path,
    name: str,
) -> None:
    source = partitioned if name == "years.parquet" else reviews
    whole = tmp_path / f"whole-{name}"
    score_files(predictor, [str(source)], whole, Options(timesteps=name != "out.csv.gz"))
    output = tmp_path / name
    flags = [] if name == "out.csv.gz" else ["--timesteps"]
    rng = random.Random(name)
    kills = 0
    # a later kill each time, so that an early one, some in the middle and one near the end are among them
    for wanted in (0, 2, 6, CHUNKS):
        done, delay = finished(output), rng.random() * 0.05
        process = command(source, "-o", output, "--resume", *flags)
        kill_when(process, lambda: len(journal(output)) > 0 and len(finished(output)) >= wanted)  # noqa: B023
        time.sleep(delay)
        kills += process.returncode == -9
        assert finished(output)[: len(done)] == done or output.exists(), "a finished part was done again"
    assert kills >= 3
    if not output.exists():
        process = command(source, "-o", output, "--resume", *flags)
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert output.read_bytes() == whole.read_bytes()
    assert not output.with_name(output.name + ".partial").exists()


def test_an_output_without_a_stopped_run_is_not_taken_for_that_of_this_one(
    predictor: Predictor, reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    old = '{"text": "of another run"}\n'
    output.write_text(old)
    with pytest.raises(DataFileError, match="nothing is there to resume, and nothing tells whether the output is of"):
        score_files(predictor, [str(reviews)], output, resume=True)
    assert output.read_text() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl"]


def test_a_complete_run_is_told_from_others(
    predictor: Predictor, command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """As a scheduler sees it that lost the end of a run, and starts it once more."""
    (tmp_path / "a.csv").write_text("text\ngood\nbad\n")
    for name in ("out.csv", "out.parquet"):
        for _ in range(2):
            process = command("a.csv", "-o", name, "--resume")
            output, errors = process.communicate()
            assert (process.returncode, errors) == (0, b"")
            assert f"2 rows written to {name}: 2 scored" in output.decode()
        source, output_path = str(tmp_path / "a.csv"), tmp_path / name
        before = output_path.stat().st_mtime_ns
        with pytest.raises(DataFileError, match="nothing is there to resume"):
            score_files(predictor, [source], output_path, Options(prefix="s_"), resume=True)
        with pytest.raises(DataFileError, match="give one of them"):
            score_files(predictor, [source], output_path, resume=True, overwrite=True)
        assert output_path.stat().st_mtime_ns == before
        with output_path.open("ab") as file:
            file.write(b"mine\n")
        process = command("a.csv", "-o", name, "--resume")
        assert b"nothing is there to resume" in process.communicate()[1]
        assert process.returncode == 2
        assert output_path.read_bytes().endswith(b"mine\n")


def test_finished_parts_are_not_scored_again(
    predictor: Predictor, command: Callable[..., subprocess.Popen[bytes]], reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    kill_when(command(reviews, "-o", output), lambda: len(finished(output)) >= 3)
    done = len(finished(output))
    assert 3 <= done < CHUNKS
    with pytest.raises(DataFileError, match="go on with --resume, or start anew with --overwrite"):
        score_files(predictor, [str(reviews)], output)
    with pytest.raises(DataFileError, match="was another: options changed since"):
        score_files(predictor, [str(reviews)], output, Options(prefix="s_"), resume=True)
    seen: list[Progress] = []
    tally = score_files(predictor, [str(reviews)], output, resume=True, report=seen.append)
    assert tally is not None
    assert tally.rows == ROWS
    assert len(seen) == CHUNKS - done
    assert {one.resumed for one in seen} == {done * CHUNK_ROWS}
    assert len(output.read_bytes().splitlines()) == ROWS


def test_inputs_that_changed_are_not_resumed(
    predictor: Predictor, command: Callable[..., subprocess.Popen[bytes]], reviews: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(reviews.read_bytes())
    kill_when(command(source, "-o", output), lambda: len(finished(output)) >= 1)
    with source.open("a") as file:
        file.write('{"id": -1, "text": "good"}\n')
    with pytest.raises(DataFileError, match="was another: inputs changed since"):
        score_files(predictor, [str(source)], output, resume=True)
    tally = score_files(predictor, [str(source)], output, overwrite=True)
    assert tally is not None
    assert tally.rows == ROWS + 1


def test_thresholds_that_changed_are_not_resumed(
    predictor: Predictor,
    bundle: Path,
    command: Callable[..., subprocess.Popen[bytes]],
    reviews: Path,
    tmp_path: Path,
) -> None:
    output = tmp_path / "out.csv"
    kill_when(command(reviews, "-o", output), lambda: len(finished(output)) >= 1)
    copy = Path(shutil.copytree(bundle, tmp_path / "bilstm"))
    document = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(document | UNSURE))
    with load(copy, threads=2) as changed:
        with pytest.raises(DataFileError, match="was another: uncertainty changed since"):
            score_files(changed, [str(reviews)], output, resume=True)
        assert score_files(changed, [str(reviews)], output, overwrite=True).uncertain > 0


def test_two_runs_do_not_share_an_output(
    predictor: Predictor, command: Callable[..., subprocess.Popen[bytes]], reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    first = command(reviews, "-o", output)
    while first.poll() is None and not finished(output):
        time.sleep(0.002)
    with pytest.raises(DataFileError, match="another run is writing"):
        score_files(predictor, [str(reviews)], output, overwrite=True)
    first.communicate()
    assert first.returncode == 0
    assert len(output.read_bytes().splitlines()) == ROWS


def test_killed_between_the_last_line_of_the_journal_and_the_rename(
    predictor: Predictor, reviews: Path, tmp_path: Path
) -> None:
    """The moments too short to hit: the folder as it lies before the rename, and after it."""
    whole = tmp_path / "whole.jsonl"
    score_files(predictor, [str(reviews)], whole)
    output = tmp_path / "out.jsonl"
    folder = tmp_path / "out.jsonl.partial"
    lines: list[str] = []
    score_files(predictor, [str(reviews)], output, report=lambda _: lines.__setitem__(slice(None), journal(output)))
    tail = ['{"finished": true}', '{"published": "data"}']
    for count in (0, 1, 2):
        folder.mkdir()
        (folder / "journal.jsonl").write_text("\n".join([*lines, *tail[:count], '{"torn']))
        (folder / "data").write_bytes(whole.read_bytes() + b"not finished" * (count == 0))
        output.unlink()
        score_files(predictor, [str(reviews)], output, resume=True)
        assert output.read_bytes() == whole.read_bytes()
        assert not folder.exists()
    folder.mkdir()
    (folder / "journal.jsonl").write_text("\n".join([*lines, *tail, ""]))
    score_files(predictor, [str(reviews)], output, resume=True)
    assert output.read_bytes() == whole.read_bytes()
    assert not folder.exists()


class _StopError(Exception):
    pass


def stopped(predictor: Predictor, reviews: Path, output: Path, **options: object) -> Path:
    """The folder of a run that stopped after three chunks."""

    def report(progress: Progress) -> None:
        if progress.tally.rows >= 3 * CHUNK_ROWS:
            raise _StopError

    with pytest.raises(_StopError):
        score_files(predictor, [str(reviews)], output, report=report, **options)  # type: ignore[arg-type]
    return output.with_name(output.name + ".partial")


@pytest.mark.parametrize("line", [b"{\0\0\0}\n", b"\0\0\0\0\n", b"17\n", b"\xff\n"])
def test_a_damaged_last_line_of_the_journal_counts_as_not_written(
    predictor: Predictor, reviews: Path, tmp_path: Path, line: bytes
) -> None:
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    score_files(predictor, [str(reviews)], whole)
    path = stopped(predictor, reviews, output) / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + line)
    seen: list[Progress] = []
    score_files(predictor, [str(reviews)], output, resume=True, report=seen.append)
    assert output.read_bytes() == whole.read_bytes()
    assert {one.resumed for one in seen} == {(len(lines) - 2) * CHUNK_ROWS}


def test_a_journal_damaged_before_its_end_is_not_resumed(predictor: Predictor, reviews: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    path = stopped(predictor, reviews, output) / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\0" * 9 + b"\n", *lines[2:]]))
    with pytest.raises(DataFileError, match=r"partial is damaged; start anew with --overwrite"):
        score_files(predictor, [str(reviews)], output, resume=True)
    assert path.exists(), "nothing is thrown away unasked"
    score_files(predictor, [str(reviews)], output, overwrite=True)
    assert len(output.read_bytes().splitlines()) == ROWS


def test_a_report_does_not_go_on_from_a_state_that_is_gone(tmp_path: Path) -> None:
    output = Location.parse(str(tmp_path / "out.csv"))
    folder = tmp_path / "out.csv.partial"
    workspace = Workspace(output, folder, {}, resume=False)
    for _ in range(2):
        workspace.append([b"row\n"], {"rows": 1}, b"state")
    workspace.close()
    path = folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], b"{}}\n"]))
    with pytest.raises(DataFileError, match="damaged; start anew with --overwrite"):
        Workspace(output, folder, {}, resume=True)


def test_a_file_of_somebody_else_in_the_folder_stays(predictor: Predictor, reviews: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    folder = stopped(predictor, reviews, output)
    (folder / "notes.txt").write_text("mine")
    score_files(predictor, [str(reviews)], output, resume=True)
    assert len(output.read_bytes().splitlines()) == ROWS
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
