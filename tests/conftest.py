"""Fixtures for all tests: the data that is not in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A deadline per example would fail on a busy machine.
settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def imdb_archive() -> Path:
    """The Large Movie Review Dataset as one archive: `IMDB_ARCHIVE`, or the copy next to the checkout."""
    path = Path(os.environ.get("IMDB_ARCHIVE") or _SHARED / "imdb" / "aclImdb_v1.tar.gz")
    if not path.is_file():
        pytest.skip(f"no IMDB archive at {path}; set IMDB_ARCHIVE to aclImdb_v1.tar.gz")
    return path
