"""Fixtures shared by all tests: where the data that is not in the repository is found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def imdb_archive() -> Path:
    """The Large Movie Review Dataset as one archive: `IMDB_ARCHIVE`, or the copy beside the checkout."""
    path = Path(os.environ.get("IMDB_ARCHIVE") or _SHARED / "imdb" / "aclImdb_v1.tar.gz")
    if not path.is_file():
        pytest.skip(f"no IMDB archive at {path}; set IMDB_ARCHIVE to aclImdb_v1.tar.gz")
    return path


@pytest.fixture(scope="session")
def golden_cells() -> dict[str, Any]:
    """Published values of recurrent cells, by the name of the function they test."""
    path = _SHARED / "golden" / "recurrent_cells.json"
    if not path.is_file():
        pytest.skip(f"no golden values at {path}")
    cells: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return cells
