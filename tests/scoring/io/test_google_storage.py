"""Inputs and outputs in Google's object store, against a server that speaks its protocol over HTTP."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from tests.object_store import put
from tests.scoring.files import ROWS, write
from tests.service.server import free_port

TEXT = ScoreOptions(text_column="review")
BUCKET = "gs://anonymous@reviews"


@pytest.fixture
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What a URL says to reach a server with the empty bucket `reviews`, which is a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path_factory.mktemp("google") / "log"
    with log.open("w") as output:
        server = subprocess.Popen([*command, "--in-memory", "--default-bucket", "reviews"], stderr=output)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        yield f"?endpoint_override=127.0.0.1:{port}&scheme=http"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def store(query: str) -> fs.FileSystem:
    store, _ = fs.FileSystem.from_uri(f"{BUCKET}{query}&retry_limit_seconds=20")
    return fs.SubTreeFileSystem("reviews", store)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl", "a.parquet", "a.tsv.zst"])
def test_scoring_from_bucket_to_bucket_gives_the_local_output(
    predictor: Predictor, store: fs.FileSystem, query: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / name, ROWS)
    put(store, f"in/{name}", source)
    score_files(predictor, [str(source)], tmp_path / f"out-{name}", TEXT)
    summary = score_files(predictor, [f"{BUCKET}/in/{name}{query}"], f"{BUCKET}/new/out-{name}{query}", TEXT)
    assert summary is not None
    assert summary.scored == len(ROWS)
    with store.open_input_stream(f"new/out-{name}", compression=None) as stream:
        assert stream.read() == (tmp_path / f"out-{name}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"out-{name}"])
    with pytest.raises(DataFileError, match=f"gs://reviews/new/out-{name} exists; replace it with --overwrite"):
        score_files(predictor, [f"{BUCKET}/in/{name}{query}"], f"{BUCKET}/new/out-{name}{query}", TEXT)


def test_folders_globs_and_partitions(predictor: Predictor, store: fs.FileSystem, query: str, tmp_path: Path) -> None:
    for number, place in enumerate(["year=2023/b 1.csv", "year=2024/a.csv", "year=2024/_hidden.csv", "notes.md"]):
        put(store, f"in/{place}", write(tmp_path / "one.csv", [ROWS[number]]))
    for pattern, rows in {"in": ["000", "001"], "in/year=2024/": ["001"], "in/**/?.csv": ["001"]}.items():
        score_files(predictor, [f"{BUCKET}/{pattern}{query}"], tmp_path / "out.csv", TEXT, overwrite=True)
        lines = (tmp_path / "out.csv").read_text().splitlines()
        assert [one.split(",")[0] for one in lines if one[:3].isdigit()] == rows, pattern
    score_files(predictor, [f"{BUCKET}/in{query}"], tmp_path / "out.parquet", TEXT)
    assert pq.read_table(tmp_path / "out.parquet")["year"].to_pylist() == ["2023", "2024"]
    with pytest.raises(DataFileError, match=r"gs://reviews/none/\*\.csv: there is no such file"):
        score_files(predictor, [f"{BUCKET}/none/*.csv{query}"], tmp_path / "none.csv")


def test_an_unreachable_store_raises_an_error(predictor: Predictor, tmp_path: Path) -> None:
    closed = "?endpoint_override=127.0.0.1:1&scheme=http&retry_limit_seconds=1"
    with pytest.raises(DataFileError, match=r"gs://reviews/a\.csv cannot be read"):
        score_files(predictor, [f"{BUCKET}/a.csv{closed}"], tmp_path / "out.csv")
