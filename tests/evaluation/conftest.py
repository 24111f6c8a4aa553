"""Fixtures of evaluation: two tiny real models and a labelled file of more than one chunk."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentiline.predictor import Predictor, load
from tests.bundles import UNSURE, WORDS, write_bundle

ROWS = 1_500


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models "bilstm", which has thresholds, and "plain", which has none and is not additive."""
    folder = tmp_path_factory.mktemp("models")
    write_bundle(folder / "bilstm", manifest=UNSURE)
    write_bundle(folder / "plain", additive=False, seed=3, max_tokens=32)
    return folder


@pytest.fixture(scope="session")
def predictors(models: Path) -> Iterator[list[Predictor]]:
    with load(models / "bilstm", threads=2) as first, load(models / "plain", threads=1, precision="fp32") as second:
        yield [first, second]


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    """Texts and labels: some long, some with words that no vocabulary has; what is true has to do with the words."""
    rng = random.Random(5)
    rows = []
    for _ in range(ROWS):
        words = rng.choices([*WORDS, "qwzx", "vbnm"], k=rng.choice([3, 10, 20, 50]))
        good = sum(words.count(word) for word in ("good", "great", "wonderful", "loved", "best", "funny"))
        bad = sum(words.count(word) for word in ("bad", "worst", "boring", "terrible", "not"))
        rows.append((" ".join(words), int(good + rng.gauss(0, 1) > bad)))
    return rows


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory, labelled: list[tuple[str, int]]) -> Path:
    """The same as CSV: columns id, review, stars (5 or 1)."""
    path = tmp_path_factory.mktemp("labelled") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(["id", "review", "stars"])
        writer.writerows([number, text, 5 if label else 1] for number, (text, label) in enumerate(labelled))
    return path
