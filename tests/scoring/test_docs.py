"""docs/batch.md: its commands run as written, and every option, column and error code is documented."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pyarrow.parquet as pq
from pyarrow import fs

from sentiline.cli.score import score
from sentiline.scoring.io.formats import TEXT_NAMES
from sentiline.scoring.scorer import COLUMNS, FAULTS, WARNINGS
from tests.bundles import UNSURE, write_bundle
from tests.programs import programs
from tests.scoring.files import read

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_guide_run(bundle: Path, tmp_path: Path, bucket: fs.SubTreeFileSystem) -> None:
    [example] = blocks("csv")
    (tmp_path / "reviews.csv").write_text(example, encoding="utf-8")
    environment = os.environ | {
        "PATH": f"{programs(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SENTILINE_MODELS": str(bundle.parent),
    }
    for year in ("2023", "2024"):
        with bucket.open_output_stream(f"shop/year={year}/part-0.csv") as stream:
            stream.write(example.encode())
    script = "set -e\n" + "".join(blocks("sh"))
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    scored = read(tmp_path / "scored.csv")
    assert [(row["id"], row["error"]) for row in scored] == [("007", ""), ("008", "empty_text"), ("009", "")]
    assert list(scored[0]) == ["id", "review", *COLUMNS]
    assert (tmp_path / "resumed.csv").read_bytes() == (tmp_path / "scored.csv").read_bytes()
    assert len(read(tmp_path / "year.csv")) == 6
    assert len(read(tmp_path / "all.csv")) == 9
    assert [row["review"] for row in read(tmp_path / "commas.csv")] == ["A fine film, mostly."]
    assert read(tmp_path / "scored.tsv")[0]["third_label"] == scored[0]["label"]
    assert len(read(tmp_path / "timesteps.jsonl")[2]["timesteps"]) == 6
    assert len(read(tmp_path / "sentences.parquet")[0]["sentences"]) == 1
    assert [(row["year"], row["lang"]) for row in read(tmp_path / "shop.jsonl")[2:4]] == [
        ("2023", "en"),
        ("2024", "en"),
    ]
    assert [row["year"] for row in read(tmp_path / "local.csv")] == ["2023"] * 3 + ["2024"] * 3
    with bucket.open_input_file("scored/shop.parquet") as file:
        assert pq.read_table(file)["id"].to_pylist() == ["007", "008", "009"] * 2


def test_the_examples_in_python_run(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "models" / "bilstm", manifest=UNSURE)
    (tmp_path / "reviews.csv").write_text(blocks("csv")[0], encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SENTILINE_MODELS": str(bundle.parent)}
    printed = []
    for code in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout.splitlines())
    scores = {row["id"]: (row["positive"], row["uncertain"]) for row in read(tmp_path / "from_python.parquet")}
    assert "'error': 'missing_text'" in printed[0][0]
    assert printed[0][1] == "3 2 Counter({'empty_text': 1})"
    shown = [line for line in printed[1] if line.startswith("(")]  # DuckDB may print more
    assert {row[0]: row[1:] for row in map(ast.literal_eval, shown)} == scores


def test_columns_errors_and_text_names_are_listed() -> None:
    for name in (*COLUMNS, *FAULTS, *WARNINGS, *TEXT_NAMES):
        assert f"`{name}`" in PAGE, name


def test_options_and_examples_are_documented() -> None:
    text = PAGE + (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for parameter in score.params:
        if isinstance(parameter, click.Option):
            assert all(f"`{option}" in text for option in parameter.opts), parameter.opts
