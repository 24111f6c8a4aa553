"""An object store for tests: a server of the S3 protocol and a bucket in it, as fixtures for any conftest.py."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a server of the S3 protocol over HTTP."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> fs.SubTreeFileSystem:
    """An empty bucket named `reviews` on the server, with the environment variables by which pyarrow finds it."""
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


def put(store: fs.FileSystem, key: str, path: Path) -> None:
    """Copy a file into a store."""
    with store.open_output_stream(key, compression=None) as stream:
        stream.write(path.read_bytes())
