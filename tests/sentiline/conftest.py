"""Fixtures of the runtime's tests: a tiny real bundle, and copies of it to damage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sentiline.predictor import Predictor, load
from tests.bundles import seal, write_bundle


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed models: `bilstm`, and `scorer`, which is not additive."""
    folder = tmp_path_factory.mktemp("models")
    write_bundle(folder / "bilstm")
    write_bundle(folder / "scorer", additive=False)
    return folder


@pytest.fixture(scope="session")
def bundle_path(models: Path) -> Path:
    return models / "bilstm"


@pytest.fixture
def copy(bundle_path: Path, tmp_path: Path) -> Path:
    """A bundle of one's own, to damage."""
    return Path(shutil.copytree(bundle_path, tmp_path / "copies" / "bilstm"))


@pytest.fixture
def edit(copy: Path) -> Callable[..., Path]:
    """Replaces manifest entries of `copy`; its digests are brought up to date unless `files` is given."""

    def change(**entries: Any) -> Path:
        document = json.loads((copy / "manifest.json").read_text())
        document.pop("files")
        seal(copy, document | entries)
        return copy

    return change


@pytest.fixture(scope="session", params=["fp32", "int8"])
def predictor(request: pytest.FixtureRequest, bundle_path: Path) -> Iterator[Predictor]:
    with load(bundle_path, precision=request.param, threads=2) as loaded:
        yield loaded
