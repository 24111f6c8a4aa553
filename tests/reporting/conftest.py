"""Fixtures of reports: a tiny real model, and dated reviews."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from sentiline.predictor import Predictor, load
from tests.bundles import UNSURE, WORDS, write_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("models") / "bilstm", manifest=UNSURE)


@pytest.fixture(scope="session")
def predictor(bundle: Path) -> Iterator[Predictor]:
    with load(bundle, threads=2) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """Three chunks of reviews with bad rows, a duplicate text, and two unreadable dates."""
    rng = random.Random(11)
    found: list[dict[str, Any]] = []
    for number in range(2_600):
        text = " ".join(rng.choices([*WORDS, "qwzx"], k=rng.randint(1, 30)))
        day = date(2021, 3, 1) + timedelta(days=rng.randrange(200))
        found.append({"id": number, "text": text, "when": day.isoformat()})
    for number in (7, 1_300, 2_599):
        found[number]["text"] = None
    found[8]["text"] = "..."
    found[2_000]["text"] = found[5]["text"] = "worst terrible boring bad"
    found[20]["when"], found[21]["when"] = "yesterday", None
    return found
