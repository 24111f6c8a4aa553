"""The benchmark of label counts: which labels are drawn, how long they are learned from, and results kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import label_counts
from benchmarks.label_counts import ARMS, LEAST_STEPS, labelled, picture, read, recipe, table
from tests.training.fits import reviews, tiny_data
from training import backend
from training.presets import BILSTM
from training.progress import FitProgress

backend.configure(1)

TRAIN = reviews(61)
CHEAP: dict[str, Any] = {
    "cell": "rnn", "direction": "forward", "embedding": 4, "vocabulary": 40, "vectors": "random", "adversarial": 0.0,
    "epochs": 2, "batch_size": 8,
}  # fmt: skip


@pytest.mark.parametrize("count", [2, 10, 40])
def test_both_classes_are_drawn_alike_and_small_counts_begin_larger_ones(count: int) -> None:
    drawn = labelled(TRAIN, count, seed=3)
    assert len({review.text for review in drawn}) == len(drawn) == count
    assert sum(review.label for review in drawn) == count / 2
    assert labelled(TRAIN, 60, seed=3)[:count] == drawn
    assert labelled(TRAIN, count, seed=4) != drawn


def test_more_labels_than_can_be_paired_are_all_labels() -> None:
    assert labelled(TRAIN, 61, seed=0) == TRAIN


def test_few_labels_are_seen_in_enough_steps() -> None:
    for count in (100, 300, 1_000, 3_000, 22_489):
        config = recipe(count, 1, 64, {})
        assert config.epochs * -(-count // config.batch_size) >= LEAST_STEPS
        assert (config.seed, config.patience) == (1, 0)
    assert recipe(22_489, 0, 64, {}).epochs == BILSTM.epochs
    assert recipe(100, 0, 256, {"epochs": 3, "compute": "bfloat16"}).epochs == 3


def test_a_result_is_kept_and_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, path = tiny_data(60), tmp_path / "results.jsonl"
    config, shown = recipe(48, 0, 3, CHEAP), FitProgress(quiet=True)
    result = label_counts._result("plain", 48, config, data, TRAIN, path, shown)
    assert read(path) == [result]
    assert result["reviews"] == 61
    assert result["accuracy"] == pytest.approx(100 * round(61 * result["accuracy"] / 100) / 61)
    assert list((tmp_path / "results").iterdir()) == [tmp_path / "results" / ".plain-48-0.lock"]
    monkeypatch.delattr(label_counts, "fit")
    assert label_counts._result("plain", 48, config, data, TRAIN, path, shown) == result
    with pytest.raises(NameError, match="fit"):  # another recipe is another result
        label_counts._result("plain", 48, recipe(48, 1, 3, CHEAP), data, TRAIN, path, shown)


def test_the_table_and_the_picture_hold_every_result(tmp_path: Path) -> None:
    results = [
        {"arm": arm, "labels": count, "accuracy": 70.0 + 5 * (arm == "init") + seed}
        for arm in ARMS
        for count in (100, 1_000)
        for seed in (0, 1)
    ]
    rows = str(table(results[:-2])).splitlines()
    assert rows[0] == "| labels | without the encoder, % | from the encoder, % |"
    assert rows[2:] == ["| 100 | 70.50 (70.00…71.00) | 75.50 (75.00…76.00) |", "| 1,000 | 70.50 (70.00…71.00) | - |"]
    assert picture(results).startswith(b"\x89PNG")
