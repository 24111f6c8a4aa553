"""Fixtures for all tests: the data that is not in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def imdb_archive() -> Path:
    """The Large Movie Review Dataset as one archive: `IMDB_ARCHIVE`, or the copy next to the checkout."""
    path = Path(os.environ.get("IMDB_ARCHIVE") or _SHARED / "imdb" / "aclImdb_v1.tar.gz")
    if not path.is_file():
        pytest.skip(f"no IMDB archive at {path}; set IMDB_ARCHIVE to aclImdb_v1.tar.gz")
    return path
