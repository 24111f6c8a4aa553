"""Few labels: which recipes are given more steps, and how many."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from tests.training.fits import TINY, finish, start, write_csv
from training.few_labels import LEAST_STEPS, LEAST_STEPS_FROM_WEIGHTS, SMALL_BATCH, enough_steps
from training.presets import BILSTM, STUDENT
from training.run import Run


def _steps(config: object, reviews: int) -> int:
    return config.epochs * math.ceil(reviews / config.batch_size)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("reviews", [1, 2, 15, 90, 270, 900, 2_368])
def test_few_reviews_are_seen_in_enough_steps_and_hardly_more(reviews: int) -> None:
    config = enough_steps(BILSTM, reviews)
    assert config.batch_size == SMALL_BATCH
    assert config.patience == 0
    assert _steps(config, reviews) >= LEAST_STEPS
    assert config.epochs == BILSTM.epochs or _steps(config, reviews) - math.ceil(reviews / SMALL_BATCH) < LEAST_STEPS
    assert dataclasses.replace(config, batch_size=64, epochs=8, patience=3) == BILSTM  # nothing else has changed


def test_many_reviews_leave_the_recipe_alone() -> None:
    assert enough_steps(BILSTM, 64 * 37 + 1) is BILSTM  # 38 steps an epoch, 304 in all
    assert enough_steps(BILSTM, 64 * 37) is not BILSTM
    assert enough_steps(STUDENT, 145_000) is STUDENT


def test_a_batch_that_is_smaller_already_stays() -> None:
    config = dataclasses.replace(BILSTM, batch_size=8, epochs=1)
    assert enough_steps(config, 80).batch_size == 8
    assert enough_steps(config, 80).epochs == 30


def test_weights_to_begin_with_need_fewer_steps() -> None:
    config = enough_steps(BILSTM, 90, from_weights=True)
    assert LEAST_STEPS_FROM_WEIGHTS <= _steps(config, 90) < LEAST_STEPS
    assert enough_steps(BILSTM, 64 * 14 + 1, from_weights=True) is BILSTM  # 15 steps an epoch, 120 in all


def test_the_command_does_so_and_says_so(tmp_path: Path) -> None:
    csv, run, log = write_csv(tmp_path / "mine.csv", 40), Run(tmp_path / "run"), tmp_path / "output.txt"
    sizes = [f"--{name.replace('_', '-')}={TINY[name]}" for name in ("units", "embedding", "vocabulary", "validation")]
    command = ["fit", "bilstm", f"--data={csv}", f"--run={run.folder}", "--cell=rnn", "--threads=1", *sizes]
    said = " ".join(finish(start(*command, log=log), log).split())
    assert "few labels: 150 epochs in batches of 16 instead of 8 in batches of 64, unless --epochs or" in said
    config, _ = run.read_config()
    assert (config.epochs, config.batch_size, config.patience) == (150, 16, 0)
    assert len(run.read_log()) == 150
    said = " ".join(finish(start(*command, "--epochs=1", "--overwrite", log=log), log).split())
    assert "few labels" not in said
    config, _ = run.read_config()
    assert (config.epochs, config.batch_size, config.patience) == (1, BILSTM.batch_size, BILSTM.patience)
