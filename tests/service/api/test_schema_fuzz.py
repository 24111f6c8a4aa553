"""Runs `schema_fuzz.py` in a pytest of its own: its tests share one id, of which pytest-xdist would run the first."""

from __future__ import annotations

import subprocess
import sys

from tests.service.server import ROOT


def test_answers_conform_to_the_openapi_document() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "tests/service/api/schema_fuzz.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
