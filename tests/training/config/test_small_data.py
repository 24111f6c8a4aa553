"""Small data sets: which recipes are adapted, and how."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.training.fits import write_csv
from training.cli.main import main
from training.config.fit import FitConfig
from training.config.presets import BILSTM, STUDENT
from training.config.small_data import MIN_STEPS, MIN_STEPS_FROM_LAYERS, enough_steps
from training.nn import backend
from training.nn.encoder import load_encoder
from training.nn.initial_weights import provides_recurrent_layers
from training.supervised.run_folder import Run

backend.configure(1)


def _steps(config: FitConfig, texts: int) -> int:
    return config.epochs * math.ceil(texts / config.batch_size)


@pytest.mark.parametrize(
    ("texts", "size", "epochs"),
    [(1, 16, 300), (15, 16, 300), (90, 16, 50), (270, 16, 18), (900, 16, 8), (1_200, 32, 8), (2_368, 32, 8)],
)
def test_few_texts_are_seen_in_enough_steps(texts: int, size: int, epochs: int) -> None:
    config = enough_steps(BILSTM, texts)
    assert (config.batch_size, config.epochs, config.patience) == (size, epochs, 0)
    assert MIN_STEPS <= _steps(config, texts) < 2.1 * MIN_STEPS
    assert dataclasses.replace(config, batch_size=64, epochs=8, patience=3) == BILSTM  # nothing else has changed


def test_many_texts_leave_the_recipe_alone() -> None:
    assert enough_steps(BILSTM, 64 * 37 + 1) is BILSTM  # 38 steps an epoch, 304 in all
    assert enough_steps(BILSTM, 64 * 37) is not BILSTM
    assert enough_steps(STUDENT, 145_000) is STUDENT


def test_batches_are_never_enlarged() -> None:
    config = dataclasses.replace(BILSTM, batch_size=8, epochs=1)
    assert enough_steps(config, 80).batch_size == 8
    assert enough_steps(config, 80).epochs == 30


def test_initial_layers_need_fewer_steps() -> None:
    config = enough_steps(BILSTM, 90, from_layers=True)
    assert MIN_STEPS_FROM_LAYERS <= _steps(config, 90) < MIN_STEPS
    assert enough_steps(BILSTM, 64 * 24 + 1, from_layers=True) is BILSTM  # 25 steps an epoch, 200 in all


def test_an_encoder_provides_layers_of_its_own_size_only() -> None:
    encoder = load_encoder("encoder")
    assert provides_recurrent_layers(encoder, dataclasses.replace(BILSTM, units=encoder.units))
    assert not provides_recurrent_layers(encoder, BILSTM)
    assert not provides_recurrent_layers(encoder, dataclasses.replace(BILSTM, cell="gru", units=encoder.units))


def test_the_command_adapts_the_recipe_and_says_so(tmp_path: Path) -> None:
    csv, run = write_csv(tmp_path / "mine.csv", 300), Run(tmp_path / "run")
    run.start(BILSTM, {}, resume=False, overwrite=False)

    def refused(*options: str) -> str:
        """The error of a fit that cannot resume the run, because it is of the recipe itself; it lists the changes."""
        arguments = ("fit", "bilstm", f"--data={csv}", f"--run={run.folder}", "--validation=0.2", "--resume", *options)
        result = CliRunner().invoke(main, [*arguments, "--threads=1"])
        assert result.exit_code == 1
        return " ".join(result.stderr.split())

    said = refused("--patience=2")
    assert "240 texts are few: batches of 16 and 20 epochs instead of 64 and 8, patience 2; --epochs or --batch" in said
    for change in ("epochs is 8 there and 20", "batch_size is 64 there and 16", "patience is 3 there and 2"):
        assert f"config.{change} here" in said
    said = refused("--epochs=1")
    assert "config.epochs is 8 there and 1 here" in said
    assert "texts are few" not in said
    assert "config.batch_size" not in said
    assert "config.patience" not in said
