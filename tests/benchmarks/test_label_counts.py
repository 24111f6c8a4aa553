"""The benchmark of label counts: the reviews drawn, the recipe of a fit, and the results stored in a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from benchmarks import label_counts
from benchmarks.label_counts import (
    ARMS,
    COUNTS,
    MOST_STEPS,
    draw_reviews,
    hold_out,
    plot_results,
    read_results,
    recipe,
    results_table,
)
from tests.training.fits import reviews, tiny_data
from training.config.presets import BILSTM
from training.config.small_data import enough_steps
from training.nn import backend
from training.run.progress import FitProgress

backend.configure(1)

TRAIN = reviews(61)
CHEAP: dict[str, Any] = {
    "cell": "rnn", "direction": "forward", "embedding": 4, "vocabulary": 40, "vectors": "random", "adversarial": 0.0,
    "epochs": 2, "batch_size": 8,
}  # fmt: skip


@pytest.mark.parametrize("count", [2, 10, 40])
def test_draws_are_balanced_and_nested(count: int) -> None:
    found = draw_reviews(TRAIN, count, seed=3)
    assert len({review.text for review in found}) == len(found) == count
    assert sum(review.label for review in found) == count / 2
    assert draw_reviews(TRAIN, 60, seed=3)[:count] == found
    assert draw_reviews(TRAIN, count, seed=4) != found


def test_a_count_above_the_balanced_maximum_draws_all_reviews() -> None:
    assert draw_reviews(TRAIN, 61, seed=0) == TRAIN


def test_a_tenth_of_the_labels_is_held_out() -> None:
    data = hold_out(TRAIN, None, {"train": "ab"})
    assert (len(data.train), len(data.validation)) == (54, 7)
    assert {review.film for review in (*data.train, *data.validation)} == {None}
    assert not {review.text for review in data.train} & {review.text for review in data.validation}
    assert data.unlabelled == ()  # as a file of one's own has none
    assert data.description == {
        "name": "imdb", "training_reviews": 54, "validation_reviews": 7, "sha256": {"train": "ab"}
    }  # fmt: skip


def test_the_recipe_depends_on_the_number_of_labels() -> None:
    for count in COUNTS[:-1]:
        for arm in ARMS:
            plan = enough_steps(dataclasses.replace(BILSTM, name=f"labels-{count}"), count, from_layers=arm == "init")
            assert recipe(arm, count, 0, 64, {}) == plan
    every = 20_240  # of 22,489 labels a tenth is held out
    assert [recipe(arm, every, 1, 64, {}).epochs for arm in ARMS] == [BILSTM.epochs, 2]
    assert 2 * -(-every // BILSTM.batch_size) <= MOST_STEPS
    assert recipe("init", 100, 0, 256, {"epochs": 3, "compute": "bfloat16"}).epochs == 3


def test_a_stored_result_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, path = tiny_data(60), tmp_path / "results.jsonl"
    config, shown = recipe("plain", 48, 0, 3, CHEAP), FitProgress(quiet=True)
    result = label_counts._result("plain", 48, config, data, TRAIN, path, shown)
    assert read_results(path) == [result]
    assert result["reviews"] == 61
    assert result["accuracy"] == pytest.approx(100 * round(61 * result["accuracy"] / 100) / 61)
    assert list((tmp_path / "results").iterdir()) == [tmp_path / "results" / ".plain-48-0.lock"]
    monkeypatch.delattr(label_counts, "fit")
    assert label_counts._result("plain", 48, config, data, TRAIN, path, shown) == result
    with pytest.raises(NameError, match="fit"):  # another recipe is another result
        label_counts._result("plain", 48, recipe("plain", 48, 1, 3, CHEAP), data, TRAIN, path, shown)


def test_the_table_and_the_plot_include_every_result(tmp_path: Path) -> None:
    results = [
        {"arm": arm, "labels": count, "accuracy": 70.0 + 5 * (arm == "init") + seed}
        for arm in ARMS
        for count in (100, 1_000)
        for seed in (0, 1)
    ]
    rows = str(results_table(results[:-2])).splitlines()
    assert rows[0] == "| labels | without the encoder, % | from the encoder, % |"
    assert rows[2:] == ["| 100 | 70.50 (70.00…71.00) | 75.50 (75.00…76.00) |", "| 1,000 | 70.50 (70.00…71.00) | - |"]
    assert plot_results(results).startswith(b"\x89PNG")


@pytest.mark.long
def test_several_initial_weights_are_compared_in_one_table_and_one_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, picture = tmp_path / "data.csv", tmp_path / "few-labels.png"
    lines = [f"{'lovely' if number % 2 else 'awful'} crew {number},{number % 2}" for number in range(60)]
    data.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    arguments = ["--data", str(data), "--init", "bilstm", "encoder", "--counts", "20", "--seeds", "0", "--units", "4"]
    results = tmp_path / "results.jsonl"
    label_counts.main(
        [*arguments, "--fit", '{"epochs": 1, "adversarial": 0}', "--results", str(results), "--picture", str(picture)]
    )
    printed = capsys.readouterr().out
    assert "Fits from bilstm or from the encoder take at most 700 steps. One draw of the labels." in printed
    *_, heading, _, row = printed.strip().splitlines()
    assert heading == "| labels | without initial weights, % | from bilstm, % | from the encoder, % |"
    assert all(0 <= float(cell) <= 100 for cell in row.split("|")[2:-1])
    assert [result["arm"] for result in read_results(results)] == ["plain", "init", "init"]
    assert picture.read_bytes().startswith(b"\x89PNG")
