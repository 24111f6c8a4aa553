"""Fixtures of batch scoring: a tiny real model, and the command in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentiline.predictor import Predictor, load
from tests.bundles import UNSURE, write_bundle
from tests.object_store import bucket, endpoint

__all__ = ["bucket", "endpoint"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("models") / "bilstm")


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
