"""Inputs and outputs in an object store, against a server that speaks S3 over HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.io.object_location import parse_location
from sentiline.scoring.io.text_stream import InterruptedReadError
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files
from tests.object_store import put
from tests.scoring.files import REVIEWS, ROWS, write
from tests.scoring.killed_run import kill_run

TEXT = ScoreOptions(text_column="review")


def get(bucket: fs.SubTreeFileSystem, key: str) -> bytes:
    with bucket.open_input_stream(key, compression=None) as stream:
        content: bytes = stream.read()
    return content


def keys(bucket: fs.SubTreeFileSystem) -> list[str]:
    infos = bucket.get_file_info(fs.FileSelector("", recursive=True))
    return sorted(info.path for info in infos if info.is_file)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl", "a.parquet", "a.tsv.zst"])
def test_scoring_from_bucket_to_bucket_gives_the_local_output(
    predictor: Predictor, bucket: fs.SubTreeFileSystem, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / name, ROWS)
    put(bucket, f"in/{name}", source)
    score_files(predictor, [str(source)], tmp_path / f"out-{name}", TEXT)
    summary = score_files(predictor, [f"s3://reviews/in/{name}"], f"s3://reviews/new/out-{name}", TEXT)
    assert summary is not None
    assert summary.scored == len(ROWS)
    assert get(bucket, f"new/out-{name}") == (tmp_path / f"out-{name}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"out-{name}"])
    with pytest.raises(DataFileError, match=f"s3://reviews/new/out-{name} exists; replace it with --overwrite"):
        score_files(predictor, [f"s3://reviews/in/{name}"], f"s3://reviews/new/out-{name}", TEXT)


def test_folders_globs_and_partitions(predictor: Predictor, bucket: fs.SubTreeFileSystem, tmp_path: Path) -> None:
    places = ["year=2023/b 1.csv", "year=2024/a.csv", "year=2024/sub/c.csv", "year=2024/_hidden.csv", "notes.md"]
    for number, place in enumerate(places):
        put(bucket, f"in/{place}", write(tmp_path / "one.csv", [ROWS[number]]))
    expected = {
        "s3://reviews/in": [("000", 2023), ("001", 2024), ("002", 2024)],
        "s3://reviews/in/year=2024/": [("001", 2024), ("002", 2024)],
        "s3://reviews/in/**/*.csv": [("000", 2023), ("003", 2024), ("001", 2024), ("002", 2024)],
        "s3://reviews/in/*/?.csv": [("001", 2024)],
        "s3://reviews/in/*/[!a]*.csv": [("000", 2023), ("003", 2024)],
    }
    for url, rows in expected.items():
        score_files(predictor, [url], tmp_path / "out.csv", TEXT, overwrite=True)
        lines = (tmp_path / "out.csv").read_text().splitlines()
        assert [one.split(",")[0] for one in lines if one[:3].isdigit()] == [key for key, _ in rows], url
    score_files(predictor, ["s3://reviews/in"], tmp_path / "out.parquet", TEXT)
    assert pq.read_table(tmp_path / "out.parquet")["year"].to_pylist() == ["2023", "2024", "2024"]
    with pytest.raises(DataFileError, match=r"s3://reviews/none/\*\.csv: there is no such file"):
        score_files(predictor, ["s3://reviews/none/*.csv"], tmp_path / "none.csv")


def test_url_parameters_are_used_and_credentials_stay_out_of_messages(
    predictor: Predictor,
    bucket: fs.SubTreeFileSystem,
    endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(bucket, "a.csv", write(tmp_path / "a.csv", ROWS))
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    query = f"?endpoint_override={endpoint}&scheme=http&region=us-east-1"
    score_files(predictor, [f"s3://me:word@reviews/a.csv{query}"], tmp_path / "out.csv", TEXT)
    assert len((tmp_path / "out.csv").read_bytes()) > 0
    with pytest.raises(DataFileError, match="there is no such file") as caught:
        score_files(predictor, [f"s3://me:word@reviews/b.csv{query}"], tmp_path / "b.csv")
    assert "word" not in str(caught.value)
    with pytest.raises(DataFileError, match="there is no folder s3://nowhere to write to"):
        score_files(predictor, [str(tmp_path / "a.csv")], f"s3://me:word@nowhere/out.csv{query}", TEXT)


def test_an_unreachable_store_raises_an_error(
    predictor: Predictor, tmp_path: Path, bucket: fs.SubTreeFileSystem
) -> None:
    closed = "?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1"
    with pytest.raises(DataFileError, match=r"s3://reviews/a\.csv cannot be read"):
        score_files(predictor, [f"s3://reviews/a.csv{closed}"], tmp_path / "out.csv")


def test_the_output_of_a_killed_run_appears_only_when_complete(
    predictor: Predictor,
    bucket: fs.SubTreeFileSystem,
    bundle: Path,
    command: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    rows = [{"id": n, "review": f"{REVIEWS[n % len(REVIEWS)]} {n}"} for n in range(6_000)]
    source = tmp_path / "a.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    put(bucket, "a.jsonl", source)
    score_files(predictor, [str(source)], tmp_path / "whole.jsonl", TEXT)
    arguments = ("s3://reviews/a.jsonl", "-o", "s3://reviews/out.jsonl", "--text-column", "review")
    folder = tmp_path / f"out.jsonl-{parse_location('s3://reviews/out.jsonl').digest}.partial"
    kill_run(bundle, arguments[0], arguments[2], chunks=2, text_column="review", scratch=str(tmp_path))
    assert (folder / "journal.jsonl").read_text().count("tally") > 1
    assert keys(bucket) == ["a.jsonl"]
    process = command(*arguments, "--resume")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert b"6,000 rows written to s3://reviews/out.jsonl" in output
    assert get(bucket, "out.jsonl") == (tmp_path / "whole.jsonl").read_bytes()
    assert not folder.exists()
    assert b"no interrupted run found" in command(*arguments, "--resume").communicate()[1]


def test_a_run_is_resumed_after_the_store_stopped_answering(
    predictor: Predictor, bucket: fs.SubTreeFileSystem, tmp_path: Path
) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"s3://reviews/a.jsonl?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    source = tmp_path / "a.jsonl"
    # long texts, which are not scored: more than what is read ahead, in little time
    rows = [{"id": n, "text": "good film " * (800 if n % 50 else 1)} for n in range(5_000)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    put(bucket, "a.jsonl", source)  # servers of one process have their buckets in common
    options = ScoreOptions(max_characters=1_000)
    score_files(predictor, [str(source)], tmp_path / "whole.jsonl", options)
    output = tmp_path / "out.jsonl"
    stopped: list[int] = []

    def stop(progress: Progress) -> None:
        if not stopped:
            stopped.append(progress.summary.rows)
            server.stop()

    with pytest.raises(InterruptedReadError, match=r"s3://reviews/a\.jsonl cannot be read"):
        score_files(predictor, [url], output, options, on_progress=stop)
    assert not output.exists()
    assert stopped
    server = ThreadedMotoServer(host, port, verbose=False)
    server.start()
    seen: list[Progress] = []
    score_files(predictor, [url], output, options, resume=True, on_progress=seen.append)
    server.stop()
    assert seen[-1].done == source.stat().st_size
    assert seen[0].resumed >= stopped[0] > 0
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
