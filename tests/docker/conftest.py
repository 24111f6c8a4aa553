"""Fixtures for tests of the image: the engine, the built image and a running container; without an engine they skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.containers import BASE, IMAGE, PROMETHEUS, Container, docker, engine_answers, has_image
from tests.requirement import need

ROOT = Path(__file__).resolve().parents[2]
START = "`make test-docker` starts one where it can, see docs/docker.md"


@pytest.fixture(scope="session")
def engine() -> None:
    """A running engine that has the images that the tests start from."""
    need("docker", engine_answers(), f"no Docker engine answers; {START}")
    missing = [name for name in (BASE, PROMETHEUS) if not has_image(name)]
    need("docker", not missing, f"the engine lacks {', '.join(missing)}: run tests/docker/engine start")


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checker of rules."""
    path = shutil.which("promtool")
    need("rules", path is not None, "promtool is not installed: run tests/docker/engine promtool")
    assert path is not None
    return path


@pytest.fixture(scope="session")
def image(engine: None) -> str:
    """The image of this checkout. The engine's cache makes further builds quick."""
    options = ["--network", "host", "--build-arg", f"BASE={BASE}", "--tag", IMAGE]
    if index := os.environ.get("PIP_INDEX_URL"):  # the index that pip is configured to use
        options += ["--build-arg", f"PIP_INDEX_URL={index}"]
    docker("build", *options, str(ROOT))
    return IMAGE


@pytest.fixture(scope="session")
def isolated(image: str) -> Iterator[Container]:
    """The healthy service in a container without any network."""
    with Container("--network", "none") as running:
        yield running.wait_until_healthy()
