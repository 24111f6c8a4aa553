"""The service under test, running; the same model in this process, to compare with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sentiline.bundle import find_by_name
from sentiline.predictor import Predictor
from tests.bundles import THREE_WAY, UNSURE, write_bundle
from tests.service.server import ROOT, Server

PRIVATE = "xylophonic"
"""A word that tests put into reviews, to look for it in the log."""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: `tiny`, `plain` (not additive), `unsure` (with thresholds), `threeway` (with cut points),
    `broken`; and `bilstm` where the checkout has none.
    """
    folder = tmp_path_factory.mktemp("models")
    write_bundle(folder / "tiny")
    write_bundle(folder / "plain", additive=False, seed=3)
    write_bundle(folder / "unsure", manifest=UNSURE)
    write_bundle(folder / "threeway", manifest=THREE_WAY)
    broken = write_bundle(folder / "broken") / "model.int8.onnx"
    content = broken.read_bytes()
    broken.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    if not (ROOT / "models" / "bilstm" / "manifest.json").is_file():
        write_bundle(folder / "bilstm", seed=11)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """The service with default settings and a log line a request, ready."""
    home = tmp_path_factory.mktemp("server")
    with Server(home, SENTILINE_MODELS=str(models), SENTILINE_ACCESS_LOG="on") as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=120) as session:
        yield session


@pytest.fixture(scope="session")
def predictor(models: Path) -> Iterator[Predictor]:
    """The default model in this process."""
    environ = {**os.environ, "SENTILINE_MODELS": str(models)}
    with Predictor(find_by_name("bilstm", environ)) as loaded:
        yield loaded
