"""The guided tour names what exists."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import sentiline.reference
from sentiline.verification.verify import INT8_TOLERANCE, RNN_TOLERANCE, TOLERANCE

ROOT = Path(__file__).resolve().parents[2]
TOUR = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
MODULES = {module.name for module in pkgutil.iter_modules(sentiline.reference.__path__)} - {"__main__"}


def test_every_function_named_exists() -> None:
    named = re.findall(r"`?\b([a-z]+)\.([a-z_A-Z]+)\b", TOUR)
    ours = [(module, function) for module, function in named if module in MODULES]
    assert len(ours) > 20
    for module, function in ours:
        assert hasattr(importlib.import_module(f"sentiline.reference.{module}"), function), f"{module}.{function}"


def test_every_module_is_visited() -> None:
    visited = {module for module in MODULES if re.search(rf"`{module}\b", TOUR)}
    assert MODULES - visited <= {"cell", "initial"}  # two that hold no equation of a network


def test_every_file_named_exists() -> None:
    for path in re.findall(r"`(tests/[\w/.]+\.py)`", TOUR):
        assert (ROOT / path).is_file(), path


def test_tolerances_are_those_of_the_code() -> None:
    assert f"{TOLERANCE:.0e}".replace("e-05", "e-5") in TOUR
    assert f"{RNN_TOLERANCE:.0e}".replace("e-04", "e-4") + " with a plain RNN cell" in TOUR
    assert f"within {INT8_TOLERANCE} of" in TOUR
