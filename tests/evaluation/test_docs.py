"""docs/evaluate.md: its commands run as written with the shipped models, and every option and problem is documented."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import click

from sentiline.cli.evaluate import evaluate
from sentiline.evaluation.skipped_rows import PROBLEMS
from sentiline.labels import SCHEMES
from sentiline.scoring.scorer import FAULTS
from tests.programs import programs
from tests.reporting.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_guide_run(tmp_path: Path) -> None:
    [example] = blocks("csv")
    (tmp_path / "reviews.csv").write_text(example, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "SENTILINE_MODELS"} | {
        "PATH": f"{programs(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    script = "set -e\n" + "".join(blocks("sh"))
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    output = done.stdout.decode()
    [shown] = blocks("text")
    assert output.startswith(shown)
    document = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    models = {model["model"]: model for model in document["models"]}
    assert models.keys() == {path.parent.name for path in ROOT.glob("models/*/manifest.json")}
    accuracy = models["bilstm"]["accuracy"]
    said = re.search(r"the accuracy is (\d+) %, and its interval reaches from (\d+) to (\d+) %", PAGE)
    assert said is not None
    assert [round(100 * accuracy[key]) for key in ("value", "low", "high")] == list(map(int, said.groups()))
    Page((tmp_path / "evaluation.html").read_text(encoding="utf-8")).check()
    for key in (*document["data"], *document["majority_baseline"], *models["bilstm"], *models["bilstm"]["accuracy"]):
        assert f"`{key}`" in PAGE, key


def test_options_schemes_and_problems_are_documented() -> None:
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for parameter in evaluate.params:
        if isinstance(parameter, click.Option):
            assert all(f"`{option}`" in reference for option in parameter.opts), parameter.opts
    for line in re.findall(r"^ +(sentiline .*)$", evaluate.help or "", re.MULTILINE):
        assert line in reference, line
    for name in (*SCHEMES, *(PROBLEMS.keys() - FAULTS.keys())):
        assert f"`{name}`" in PAGE, name
