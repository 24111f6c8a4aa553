"""Every speed benchmark runs, at a tiny size, on real servers, and prints and writes what the documentation quotes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.lib.arithmetic import operations, peak
from benchmarks.lib.batched import Batched
from benchmarks.lib.rounds import interleave, ratio
from benchmarks.lib.straightforward import Straightforward
from benchmarks.predictor import answer, check
from sentiline.bundle import Bundle
from sentiline.predictor import Predictor
from tests.bundles import EMBEDDING, UNITS, write_bundle

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["A wonderful film, the best!", "boring", "It was good but the ending was bad " * 5]


def _run(script: str, folder: Path, *arguments: object) -> tuple[str, dict[str, Any]]:
    """The Markdown and the figures that a benchmark wrote."""
    files = ["--markdown", folder / "table.md", "--json", folder / "figures.json"]
    command = [sys.executable, "-m", f"benchmarks.{script}", *map(str, [*arguments, *files])]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SENTILINE_")}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    table = (folder / "table.md").read_text()
    assert table in done.stdout
    return table, json.loads((folder / "figures.json").read_text())


def _rows(table: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in cells}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    # float32: 8-bit answers depend on their neighbours in the straightforward batch
    return Bundle.open(write_bundle(tmp_path_factory.mktemp("models") / "tiny", manifest={"default_precision": "fp32"}))


@pytest.mark.long
def test_the_predictor_script_agrees_with_its_figures(imdb_archive: Path, tmp_path: Path) -> None:
    picture = tmp_path / "stages.png"
    table, figures = _run(
        "predictor", tmp_path, "--archive", imdb_archive, "--reviews", 33, "--rounds", 1, "--output", picture
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = _rows(table)
    assert (rows["straightforward"][1], rows["straightforward"][3]) == ("1.00", "1.00")
    ours, theirs = (figures["reviews_per_second"]["timesteps"][name][0] for name in ("Sentiline", "straightforward"))
    assert float(rows["Sentiline"][3]) == pytest.approx(ours / theirs, abs=0.01)
    for name, seconds in figures["cpu_seconds_a_review"].items():
        assert sum(map(float, rows[name][:4])) == pytest.approx(1e3 * sum(seconds.values()), abs=0.01)
        assert seconds["infer"] > 0
    assert figures["operations"] == pytest.approx(figures["tokens"] * 2 * 2 * 4 * 64 * (128 + 64))


def test_all_systems_of_the_predictor_benchmark_agree(bundle: Bundle) -> None:
    naive = Straightforward(bundle)
    with Predictor(bundle, threads=2) as predictor:
        for detail in ("none", "timesteps"):
            ours, theirs = json.loads(answer(predictor, TEXTS, detail)), json.loads(naive.answer(TEXTS, detail))
            for left, right in zip(ours["predictions"], theirs["predictions"], strict=True):
                steps = zip(left.pop("timesteps", []), right.pop("timesteps", []), strict=True)
                for mine, other in [(left, right), *steps]:
                    words = {key for key, value in mine.items() if not isinstance(value, float)}
                    assert {key: mine[key] for key in words} == {key: other[key] for key in words}
                    numbers = mine.keys() - words
                    assert {key: mine[key] for key in numbers} == pytest.approx(
                        {key: other[key] for key in numbers}, abs=1e-5
                    )
        with Batched(bundle, 2, 2) as batched:
            left, right = json.loads(naive.answer(TEXTS, "timesteps")), json.loads(batched.answer(TEXTS, "timesteps"))
            assert [one["timesteps"][0]["token"] for one in right["predictions"]] == [
                one["timesteps"][0]["token"] for one in left["predictions"]
            ]
            check(answer(predictor, TEXTS, "none"), batched.answer(TEXTS, "none"))
        with pytest.raises(SystemExit, match="the answers differ"):
            check(answer(predictor, TEXTS[:1], "none"), answer(predictor, TEXTS[2:], "none"))


def test_operations_are_counted_from_the_architecture(bundle: Bundle) -> None:
    # two directions of four gates: units x (inputs + units) products and as many sums
    assert operations(bundle.manifest) == 2 * 2 * 4 * UNITS * (EMBEDDING + UNITS)
    assert peak("fp32", size=64, rounds=2) > 0
    assert peak("int8", size=64, rounds=2) > 0


def test_rounds_interleave_and_ratios_stay_within_a_round() -> None:
    calls: list[str] = []
    found = interleave({"a": lambda: calls.append("a") or 6.0, "b": lambda: calls.append("b") or 2.0}, 3)
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [6.0] * 3, "b": [2.0] * 3}
    assert ratio([2, 30, 400], [1, 10, 100]) == 3


@pytest.mark.long
def test_the_serving_script_agrees_with_its_figures(imdb_archive: Path, tmp_path: Path) -> None:
    picture = tmp_path / "served.png"
    small = ("--quick", "--reviews", 32, "--output", picture)
    table, figures = _run("serving", tmp_path, "--archive", imdb_archive, *small)
    rows = _rows(table)
    for detail in ("none", "timesteps"):
        assert rows[f"bare Starlette, {detail}"][1] == "1.00"
        ours, bare = (figures["single"][detail][name][0] for name in ("sentiline serve", "bare Starlette"))
        assert float(rows[f"sentiline serve, {detail}"][1]) == pytest.approx(ours["rate"] / bare["rate"], abs=0.01)
        assert all(turns[0]["cpu"] > 0 for turns in figures["single"][detail].values())
    assert figures["lists"]["sentiline serve"][0] > 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    waited = {name: stages["queue"] for name, stages in figures["stages"].items()}
    assert waited["none, 32 connections"] > waited["none, 1 connection"] >= 0
    for stages in figures["stages"].values():
        assert list(stages) == ["queue", "tokenize", "infer", "serialize", "the rest"]
        assert min(stages["tokenize"], stages["infer"]) > 0


@pytest.mark.long
def test_the_overload_script_sends_twice_the_capacity(imdb_archive: Path, tmp_path: Path) -> None:
    _, flood = _run("overload", tmp_path, "--archive", imdb_archive, "--seconds", 2, "--reviews", 32)
    assert flood["offered"] == pytest.approx(2 * flood["before"])
    low, high = sorted((flood["before"], flood["after"]))
    assert low - 1e-6 <= flood["capacity"] <= high + 1e-6
    assert flood["others"] == 0
    assert flood["accepted"] > 0


@pytest.mark.long
def test_the_startup_script_measures_all_commands(imdb_archive: Path, tmp_path: Path) -> None:
    table, figures = _run("startup", tmp_path, "--archive", imdb_archive, "--rounds", 1, "--reviews", 4)
    rows = _rows(table)
    for name in ("sentiline serve", "bentoml serve", "one process"):
        (start,) = figures[name]
        assert float(rows[name][0]) == pytest.approx(start["seconds"], abs=0.01)
        assert start["memory"] > 30e6
    assert figures["one process"][0]["memory"] < figures["bentoml serve"][0]["memory"]
