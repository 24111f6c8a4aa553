"""The comparison with other tools runs, at a tiny size, and its parts compute what the page says."""

from __future__ import annotations

import itertools
import json
import math
import os
import random
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from benchmarks import peers
from benchmarks.lib.frontier import Point, draw, frontier
from benchmarks.lib.lexicons import LOADERS, size, threshold
from benchmarks.lib.ngram_baselines import (
    FEATURES,
    NaiveBayesRatio,
    fit_fasttext,
    fit_linear,
    load_fasttext,
    load_linear,
)
from benchmarks.lib.process_pool import ScorerPool
from benchmarks.lib.tables import replace_block
from benchmarks.peers import BEGIN, END, PACKAGES, spread
from training.data.review import Review

ROOT = Path(__file__).resolve().parents[2]
MISSING = [name for name, package in PACKAGES.items() if find_spec(package) is None]

GOOD = [f"A wonderful film, the best of {year}!" for year in range(1980, 2000)]
BAD = [f"A dull film, the worst of {year}." for year in range(1980, 2000)]
REVIEWS = [Review(text, 1) for text in GOOD] + [Review(text, 0) for text in BAD]
TRAIN, HELD = REVIEWS[::2], REVIEWS[1::2]
UNSEEN = ["the best, wonderful", "the worst, dull", "dull and dull and dull", "wonderful and wonderful", "the best"]


@pytest.mark.long
def test_the_script_writes_tables_plot_and_page(imdb_archive: Path, tmp_path: Path) -> None:
    picture, page = tmp_path / "images" / "peers.png", tmp_path / "peers.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    files = {"markdown": tmp_path / "t.md", "json": tmp_path / "t.json", "output": picture, "page": page}
    sizes = ["--reviews", 24, "--slow", 4, "--rounds", 2, "--test", 60, "--fit", 200]
    arguments = ["--quick", "--skip-missing", "--archive", imdb_archive, *sizes]
    arguments += [part for name, path in files.items() for part in (f"--{name}", path)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SENTILINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", *map(str, arguments)],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text, figures = files["markdown"].read_text(), json.loads(files["json"].read_text())
    assert text in done.stdout
    assert "these figures mean nothing" in text

    found = figures["contenders"]
    expected = {"bilstm int8", "bilstm fp32", "gru int8", "lstm int8", "bigru int8", *FEATURES, *PACKAGES}
    transformers = {"DistilBERT-sized fp32", "DistilBERT-sized int8"}
    assert found.keys() == (expected | transformers) - set(MISSING)
    assert figures["left_out"] == MISSING
    for name in MISSING:
        assert re.search(rf"Left out, since they are not installed: .*\b{name}\b", text)
    cells = [[cell.strip("* ") for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    rows = {row[0].removeprefix("Sentiline "): row[1:] for row in cells[2:]}
    assert rows.keys() == found.keys()
    for name, one in found.items():
        assert one["quoted"] == (name in transformers)
        assert one["slowest"] <= one["speed"] <= one["fastest"]
        assert len(one["rounds"]) == 2
        assert one["bytes"] > 1000
        shown = float(rows[name][0].split()[0])
        assert shown == pytest.approx(one["low"] if one["quoted"] else one["accuracy"], abs=0.01)
    assert found["bilstm int8"]["ratio"] == 1
    assert found["bilstm int8"]["accuracy"] * 60 / 100 == pytest.approx(round(found["bilstm int8"]["accuracy"] * 0.6))
    assert found["bilstm int8"]["accuracy"] > 75
    for name in FEATURES:
        assert found[name]["accuracy"] > 60, "fitted on 250 reviews"
        assert found[name]["chosen"].startswith("C = ")

    assert picture.read_bytes().startswith(b"\x89PNG")
    written = page.read_text()
    assert written.startswith("# Title\n")
    assert written.endswith(f"{END}\n\nAfter.\n")
    assert "old" not in written
    assert "](images/peers.png)" in written
    assert text.strip() in written


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PACKAGES", {"VADER": "no_such_module"})
    monkeypatch.setattr(sys, "argv", ["peers"])
    with pytest.raises(SystemExit, match=r"not installed: VADER\. Run: pip install -r requirements/bench\.txt"):
        peers.main()


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--page", "docs/peers.md"]])
def test_invalid_options_are_rejected(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["peers", *arguments])
    with pytest.raises(SystemExit):
        peers.main()
    assert arguments[0] in capsys.readouterr().err


def test_a_page_without_markers_is_left_unchanged(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="must contain"):
        replace_block(page, BEGIN, END, ["text"])
    assert page.read_text() == "nothing"


def test_the_documentation_has_the_markers() -> None:
    text = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)


def test_spread_selects_texts_evenly_by_length() -> None:
    texts = ["x" * length for length in random.Random(3).sample(range(1, 101), 100)]
    assert [len(text) for text in spread(texts, 4)] == [13, 38, 63, 88]
    assert sorted(spread(texts, 1000), key=len) == sorted(texts, key=len)


@pytest.mark.parametrize("seed", range(20))
def test_no_threshold_is_more_accurate(seed: int) -> None:
    chance = random.Random(seed)
    scores = [chance.randint(-3, 3) / 3 for _ in range(12)]
    positive = [chance.random() < 0.5 for _ in scores]

    def right(cut: float) -> int:
        return sum((score >= cut) == label for score, label in zip(scores, positive, strict=True))

    assert right(threshold(scores, positive)) == max(map(right, [*scores, math.inf]))


def _point(speed: float, accuracy: float, kind: str = "Sentiline", *, quoted: bool = False) -> Point:
    return Point(kind, speed, 0.9 * speed, 1.1 * speed, accuracy, accuracy - 0.4, accuracy + 0.4, quoted)


def test_the_frontier_has_exactly_the_points_that_no_other_dominates() -> None:
    chance = random.Random(4)
    points = {str(number): _point(chance.randint(1, 9), chance.randint(1, 9)) for number in range(12)}
    found = frontier(points)
    assert [points[name].speed for name in found] == sorted({points[name].speed for name in found}, reverse=True)
    for name, point in points.items():
        beaten = any(
            other.speed >= point.speed and other.accuracy >= point.accuracy and (other.speed, other.accuracy) != place
            for other in points.values()
            if (place := (point.speed, point.accuracy))
        )
        twins = [one for one in found if (points[one].speed, points[one].accuracy) == (point.speed, point.accuracy)]
        assert len(twins) == (0 if beaten else 1), name


@pytest.mark.parametrize("lexicon", [69.0, 90.0])
def test_the_plot_is_written_with_and_without_a_broken_axis(lexicon: float, tmp_path: Path) -> None:
    points = {
        "ours": _point(3000, 91),
        "n-grams": _point(4000, 91.5, "n-grams, fitted"),
        "list": _point(1000, lexicon, "lexicon"),
        "large": _point(12, 93, "transformer", quoted=True),
    }
    draw(points, "ours", "a note", tmp_path / "images" / "one.png")
    assert (tmp_path / "images" / "one.png").read_bytes().startswith(b"\x89PNG")


def test_the_naive_bayes_ratio_follows_its_definition() -> None:
    counts = csr_matrix(np.array([[1.0, 0, 1], [1, 1, 0], [0, 1, 0]]))
    ratios = NaiveBayesRatio().fit(counts, [1, 1, 0])
    positive, negative = np.array([3, 2, 2]) / 7, np.array([1, 2, 1]) / 4
    expected = counts.toarray() * np.log(positive / negative)
    np.testing.assert_allclose(ratios.transform(counts).toarray(), expected, rtol=1e-12)


def test_a_pool_scores_like_one_process_in_order(tmp_path: Path) -> None:
    sources = {}
    for name in FEATURES:
        classifier = fit_linear(name, TRAIN, HELD, tmp_path / f"{len(sources)}.joblib")
        sources[name] = (load_linear, classifier.path)
        assert classifier.seconds > 0
    texts = [f"{first} {second}" for first, second in itertools.product(UNSEEN, UNSEEN)]
    with ScorerPool(sources, 2) as pool:
        for name, (load, path) in sources.items():
            alone = load(path)(texts)
            assert len(set(alone)) > 5
            assert pool.score(name, texts) == alone
            assert [score > 0 for score in pool.score(name, UNSEEN)] == [True, False, False, True, True]
            assert pool.score(name, []) == []


def test_lexicons_distinguish_praise_from_blame() -> None:
    available = [name for name in LOADERS if name not in MISSING]
    if not available:
        pytest.skip(f"not installed: {', '.join(LOADERS)}; they are in requirements/bench.txt")
    for name in available:
        praise, blame = LOADERS[name](Path())(["A wonderful film, the best!", "A horrible film, the worst."])
        assert praise > 0 > blame
        assert size(name) > 100_000


def test_fasttext_separates_the_classes(tmp_path: Path) -> None:
    if "fastText" in MISSING:
        pytest.skip("fastText is not installed; it is in requirements/bench.txt")
    many = [Review(review.text, review.label) for review in TRAIN for _ in range(20)]
    classifier = fit_fasttext(many, HELD, tmp_path / "model.bin")
    scores = load_fasttext(classifier.path)([*GOOD, *BAD])
    assert all(-1.01 <= score <= 1.01 for score in scores)
    assert sum((score >= 0) == (index < len(GOOD)) for index, score in enumerate(scores)) > 0.9 * len(scores)
    assert re.fullmatch(r"learning rate = 0\.\d+", classifier.chosen)
