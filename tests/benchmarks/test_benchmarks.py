"""The benchmarks of export, explanations and gradients run, at a tiny size, and print what the documentation quotes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import explanations, gradients
from sentiline.bundle import Bundle
from tests.bundles import write_bundle

ROOT = Path(__file__).resolve().parents[2]


def _run(script: str, *arguments: object) -> str:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-m", f"benchmarks.{script}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _row(output: str, title: str) -> list[float]:
    """The numbers of the table row with that title."""
    (line,) = (line for line in output.splitlines() if line.startswith(f"| {title}"))
    return [
        float(cell)
        for cell in re.findall(r"-?\d[\d,]*\.?\d*(?:e[+-]\d+)?", line.removeprefix(f"| {title}").replace(",", ""))
    ]


@pytest.mark.long
def test_the_export_script_compares_all_graphs(imdb_archive: Path) -> None:
    output = _run("export", "--archive", imdb_archive, "--reviews", 6, "--rounds", 1)
    assert "| Keras's export (Loop) | 2 Loop |" in output
    assert "| fused, fp32 | 1 LSTM |" in output
    assert "| fused, int8 | 1 DynamicQuantizeLSTM |" in output
    (difference,) = re.findall(r"differ by at most (\S+)", output)
    assert float(difference) <= 1e-5
    (alone,) = _row(output, "fp32 | ")
    assert alone <= 1e-5
    (agreement,) = re.findall(r"the label agrees on ([\d.]+) %", output)
    assert 0 <= float(agreement) <= 100


@pytest.mark.long
def test_the_explanations_script_prints_and_plots(imdb_archive: Path, tmp_path: Path) -> None:
    picture = tmp_path / "images" / "explanations.png"
    output = _run("explanations", "--archive", imdb_archive, "--reviews", 3, "--output", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    middle, low, high = _row(output, "rank correlation, median (10 % to 90 %) |")
    assert -1 <= low <= middle <= high <= 1
    chosen, largest = _row(output, "contributions: logit moves by"), _row(output, "leave-one-out: logit moves by")
    assert len(chosen) == 5
    assert largest[0] >= chosen[0], "by its definition, deleting no other token moves the logit further"


@pytest.mark.long
def test_the_gradients_script_updates_its_page(imdb_archive: Path, tmp_path: Path) -> None:
    page = tmp_path / "gradients.md"
    page.write_text((ROOT / "docs" / "gradients.md").read_text(encoding="utf-8"), encoding="utf-8")
    sizes = ("--reviews", 2, "--seeds", 2, "--updates", 120)
    output = _run("gradients", "--archive", imdb_archive, *sizes, "--output", tmp_path)
    assert output.strip() in page.read_text(encoding="utf-8"), "the page holds what was printed"
    pictures = ("gradients-initial.png", "gradients-trained.png", "gradients-clipping.png")
    assert all((tmp_path / "images" / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    free, clipped = _row(output, "without clipping |"), _row(output, "clipped to norm 1 |")
    assert free != clipped


def test_deleting_the_largest_effect_moves_the_logit_furthest(tmp_path: Path) -> None:
    bundle = Bundle.open(write_bundle(tmp_path / "tiny"))
    ids = np.random.default_rng(1).integers(2, len(bundle.tokenizer().vocabulary), 30).astype(np.int32)
    found = explanations.explain(explanations.Graph(bundle), ids, np.random.default_rng(0))
    assert found.tokens == 30
    assert -1 <= found.correlation <= 1
    assert 0 <= found.overlap <= 1
    assert found.drops["leave-one-out"][0] >= found.drops["contributions"][0]


def test_the_norm_table_has_the_spectral_norm_of_a_scaled_rnn() -> None:
    x = np.random.default_rng(0).standard_normal((2, gradients.STEPS, gradients.FEATURES)) * 0.05
    subjects = gradients.scaled(x)
    table = gradients.norm_table(subjects, {one.name: gradients.norms(one) for one in subjects}, "factor")
    assert [row[0] for row in table.rows] == [f"{factor:g}" for factor in gradients.FACTORS]
    for row, factor in zip(table.rows, gradients.FACTORS, strict=True):
        assert float(row[-2]) == pytest.approx(factor, abs=0.005)
        assert 0 < float(row[-3]) <= factor, "tanh never lengthens a gradient"


@pytest.mark.long
def test_the_keras_export_script_compares_all_exporters() -> None:
    output = _run("keras_export", "--units", 4, "--vocabulary", 30, "--texts", 4, "--rounds", 1, "--only", "GRU")
    operators, sizes, alone, batched = (
        [cell.strip() for cell in line.split("|")[2:-1]] for line in output.splitlines() if line.startswith("| GRU |")
    )
    assert [cell.partition(";")[0] for cell in operators] == ["1 GRU", "1 GRU", "1 Loop", "1 Loop"]
    assert all(
        float(cell.partition(";")[2]) <= (1e-2 if number == 1 else 1e-5) for number, cell in enumerate(operators)
    )
    assert all(float(size) > 0 for size in sizes)
    assert alone[2] == batched[2] == "1.0"
    assert float(alone[0]) > 0
