"""docs/batch.md: its commands run in order as written, and no option, column or error goes undocumented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click

from sentiline.cli.score import score
from sentiline.scoring.chunk import TEXT_NAMES
from sentiline.scoring.outcome import COLUMNS, FAULTS
from tests.scoring.files import read

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_guide_run(bundle: Path, tmp_path: Path) -> None:
    [example] = blocks("csv")
    (tmp_path / "reviews.csv").write_text(example, encoding="utf-8")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sentiline").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sentiline "$@"\n')
    (programs / "sentiline").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SENTILINE_MODELS": str(bundle.parent),
    }
    script = "set -e\n" + "".join(blocks("sh"))
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    scored = read(tmp_path / "scored.csv")
    assert [(row["id"], row["error"]) for row in scored] == [("007", ""), ("008", "empty_text"), ("009", "")]
    assert list(scored[0]) == ["id", "review", *COLUMNS]
    assert (tmp_path / "resumed.csv").read_bytes() == (tmp_path / "scored.csv").read_bytes()
    assert len(read(tmp_path / "year.csv")) == 6
    assert len(read(tmp_path / "all.csv")) == 9
    assert read(tmp_path / "scored.tsv")[0]["third_label"] == scored[0]["label"]
    assert len(read(tmp_path / "timesteps.jsonl")[2]["timesteps"]) == 6


def test_columns_errors_and_text_names_are_listed() -> None:
    for name in (*COLUMNS, *FAULTS, *TEXT_NAMES):
        assert f"`{name}`" in PAGE, name


def test_options_and_examples_are_documented() -> None:
    text = PAGE + (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for parameter in score.params:
        if isinstance(parameter, click.Option):
            assert all(f"`{option}" in text for option in parameter.opts), parameter.opts
