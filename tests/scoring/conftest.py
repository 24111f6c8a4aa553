"""Fixtures of batch scoring: a tiny real model, and the command as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from sentiline.predictor import Predictor, load
from tests.bundles import UNSURE, write_bundle

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("models") / "bilstm")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Address of a server that speaks S3 over HTTP."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> fs.SubTreeFileSystem:
    """An empty bucket `reviews` there, with the environment by which pyarrow finds the server."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{endpoint}")
    reset = urllib.request.Request(f"http://{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset, timeout=30).close()
    store = fs.S3FileSystem(
        endpoint_override=endpoint, scheme="http", region="us-east-1", allow_bucket_creation=True,
        access_key="tests", secret_key="secret",
    )  # fmt: skip
    store.create_dir("reviews")
    return fs.SubTreeFileSystem("reviews", store)


@pytest.fixture(scope="session")
def predictor(bundle: Path) -> Iterator[Predictor]:
    with load(bundle, threads=2) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predictor]:
    """A model with thresholds."""
    bundle = write_bundle(tmp_path_factory.mktemp("unsure") / "unsure", manifest=UNSURE)
    with load(bundle, threads=2) as loaded:
        yield loaded


@pytest.fixture
def command(bundle: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts `sentiline score` in `tmp_path`."""

    def start(*arguments: object) -> subprocess.Popen[bytes]:
        environment = os.environ | {"SENTILINE_MODELS": str(bundle.parent), "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "sentiline", "score", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start
