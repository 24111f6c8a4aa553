"""Small real fits for the tests: synthetic sentences, tiny recipes, and the commands in a process of their own."""

from __future__ import annotations

import csv
import dataclasses
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from training.config.fit import FitConfig
from training.config.presets import BILSTM
from training.data.review import Review
from training.supervised.fit_data import FitData
from training.supervised.run_folder import Run

ROOT = Path(__file__).resolve().parents[2]

_SUBJECTS = ("plot", "cast", "score", "ending", "pacing", "script", "camera work", "first act", "villain", "dialogue")
_GOOD = ("charming", "gripping", "warm", "clever", "moving", "splendid", "funny", "delightful")
_BAD = ("clumsy", "dull", "tiresome", "lifeless", "muddled", "shallow", "noisy", "forgettable")
_FILLER = ("on the whole", "to my mind", "all evening", "for two hours", "I must say", "as my sister said", "once more")

TINY: dict[str, Any] = {
    "units": 4,
    "embedding": 8,
    "vocabulary": 60,
    "batch_size": 8,
    "epochs": 3,
    "learning_rate": 0.03,
    "adversarial": 0.05,
    "max_tokens": 40,
    "served_tokens": 40,
    "validation": 0.2,
}
"""Fields of a recipe that takes seconds to train; all else is the flagship's, adversarial noise included."""

FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()] + ["--threads=1"]


@dataclass(frozen=True)
class FinishedFit:
    """A fit that ran through, from a labelled file to a bundle.

    Attributes:
        csv: The labelled file.
        rows: The number of its rows.
        run: The run folder.
        output: The output of the command.
    """

    csv: Path
    rows: int
    run: Run
    output: str


def tiny_config(**changes: Any) -> FitConfig:
    """The plain recipe at a tiny size."""
    return dataclasses.replace(BILSTM, **{**TINY, "name": "tiny", **changes})


def reviews(count: int, seed: int = 0) -> list[Review]:
    """Distinct short texts, the classes in turn; a word of the other sentiment is in some of them."""
    generator = np.random.default_rng(seed)
    found: dict[str, int] = {}
    while len(found) < count:
        label = len(found) % 2
        clauses = []
        for _ in range(int(generator.integers(1, 5))):
            words = (_BAD, _GOOD)[label if generator.random() < 0.85 else 1 - label]
            clause = f"The {generator.choice(_SUBJECTS)} was {generator.choice(words)}"
            clauses.append(f"{clause} {generator.choice(_FILLER)}" if generator.random() < 0.5 else clause)
        found.setdefault(". ".join(clauses) + f", take {len(found)}.", label)
    return [Review(text, label) for text, label in found.items()]  # type: ignore[arg-type]


def tiny_data(count: int = 200, seed: int = 0) -> FitData:
    """Such reviews as a fit takes them; every fifth pair is held out."""
    drawn = reviews(count, seed)
    held = [number % 10 < 2 for number in range(count)]
    return FitData(
        [review for review, out in zip(drawn, held, strict=True) if not out],
        [review for review, out in zip(drawn, held, strict=True) if out],
        (),
        {"name": "synthetic", "reviews": count, "seed": seed},
    )


def write_csv(path: Path, count: int, seed: int = 0) -> Path:
    """Such reviews as a labelled file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([review.text, review.label] for review in reviews(count, seed))
    return path


def start(*arguments: object, log: Path) -> subprocess.Popen[bytes]:
    """`python -m training …` in a process of its own, its output in a file."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "COLUMNS": "80"}
    command = [sys.executable, "-m", "training", *map(str, arguments)]
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for it; its output, if it succeeded."""
    status = process.wait(timeout=300)
    output = log.read_text(encoding="utf-8")
    assert status == 0, output
    return output


def graph_contents(content: bytes) -> tuple[list[str], list[bytes]]:
    """Types of nodes and bytes of constants; their names and order depend on the hash seed of the process."""
    graph = onnx.load_from_string(content).graph
    constants = [numpy_helper.to_array(tensor).tobytes() for tensor in graph.initializer]
    return sorted(node.op_type for node in graph.node), sorted(constants)
