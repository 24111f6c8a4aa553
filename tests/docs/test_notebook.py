"""The notebook: its cells run at a small size, and it ships with its pictures and without reviews."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOTEBOOK = DOCS / "from-cell-to-service.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def printed(imdb_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the cells print when they run at a small size, in the folder of the notebook."""
    script = tmp_path_factory.mktemp("notebook") / "cells.py"
    script.write_text("\n\n".join("".join(cell["source"]) for cell in CODE), encoding="utf-8")
    environment = os.environ | {
        "IMDB_ARCHIVE": str(imdb_archive),
        "SENTILINE_NOTEBOOK": "small",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    command = [sys.executable, "-W", "ignore:FigureCanvasAgg is non-interactive", script]
    done = subprocess.run(command, cwd=DOCS, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_gradients_of_the_notebook_pass_its_check(printed: str) -> None:
    (difference,) = re.findall(r"largest relative difference: (\S+)", printed)
    assert float(difference) < 1e-6
    assert len(re.findall(r"^step \d: h = .*, c = ", printed, re.MULTILINE)) == 8


def test_the_exported_network_is_fused_and_served(printed: str) -> None:
    assert "recurrent operators: {'LSTM': 1}" in printed
    ours, kerass = re.findall(r": ([\d.]+) positive; Keras says ([\d.]+)", printed)[0]
    assert float(ours) == pytest.approx(float(kerass), abs=2e-4)
    answers = re.findall(r"^(?:POSITIVE|NEGATIVE) ([\d.]+)$", printed, re.MULTILINE)
    assert len(answers) == 2
    assert float(answers[0]) == float(ours)
    assert printed.rstrip().endswith("stopped")


def test_the_notebook_ships_with_its_pictures_and_nothing_else_that_is_large() -> None:
    outputs = [output for cell in CODE for output in cell["outputs"]]
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    assert {output["output_type"] for output in outputs} == {"stream", "display_data"}
    assert {output["name"] for output in outputs if output["output_type"] == "stream"} == {"stdout"}
    assert sum("image/png" in output.get("data", {}) for output in outputs) == sum(
        "plt.show()" in "".join(cell["source"]) for cell in CODE
    )
    assert all(len("".join(output.get("text", ""))) < 1_500 for output in outputs)
    assert NOTEBOOK.stat().st_size < 600_000


def test_every_code_cell_follows_an_explanation_or_continues_one() -> None:
    kinds = [cell["cell_type"] for cell in CELLS]
    assert kinds[0] == kinds[-1] == "markdown"
    assert not any(kinds[start : start + 3] == ["code"] * 3 for start in range(len(kinds)))
    for cell in CELLS:
        for target in re.findall(r"\]\(([^)#:]+\.md)[^)]*\)", "".join(cell["source"])):
            assert (DOCS / target).exists()
