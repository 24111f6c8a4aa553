"""The benchmarks of short texts load their files, and run at a tiny size."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.lib.frontier import Point
from benchmarks.lib.short_texts import draw_short, files_from_environment, load_short_texts

ROOT = Path(__file__).resolve().parents[2]
LINES = ["label\ttext\textra", *(f"{n % 2}\tA {'good' if n % 2 else 'bad'} film, {n}\t" for n in range(40))]


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.tsv.gz"
    path.write_bytes(gzip.compress("\n".join([*LINES, "neutral\tA film\t", "1\t\t"]).encode()))
    return path


def test_files_are_split_into_test_and_validation(tweets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_TEXTS", f"{tweets}{os.pathsep}other.tsv")
    assert files_from_environment() == [tweets, Path("other.tsv")]
    short = load_short_texts(tweets, 24)
    assert (short.name, len(short.test), len(short.validation)) == ("tweets", 24, 8)
    texts = {review.text: review.label for review in (*short.test, *short.validation)}
    assert len(texts) == 32
    assert all(("good" in text) == bool(label) for text, label in texts.items())


def test_files_of_another_form_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("stars\treview\n5\tgood\n")
    with pytest.raises(SystemExit, match="with the columns label and text"):
        load_short_texts(path, 10)
    with pytest.raises(SystemExit, match="cannot read"):
        load_short_texts(tmp_path / "none.tsv", 10)


def test_the_plot_has_a_panel_per_file(tmp_path: Path) -> None:
    points = {
        "bilstm": Point("Sentiline", 9e3, 8e3, 1e4, 87, 86, 88),
        "VADER": Point("lexicon", 5e3, 4e3, 6e3, 80, 79, 81),
    }
    draw_short({"tweets": points, "sentences": points}, "bilstm", "a machine", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_the_cost_by_length_is_measured(imdb_archive: Path, tweets: Path, tmp_path: Path) -> None:
    files = {"markdown": tmp_path / "t.md", "output": tmp_path / "t.png"}
    arguments = ["--archive", imdb_archive, "--texts", 4, "--rounds", 1]
    arguments += [part for name, path in files.items() for part in (f"--{name}", path)]
    environ = os.environ | {"SHORT_TEXTS": str(tweets)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.text_length", *map(str, arguments)],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = files["markdown"].read_text()
    assert "8-bit dot products" in text
    assert "| tweets |" in text
    assert files["output"].stat().st_size > 10_000
