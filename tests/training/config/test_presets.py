"""The presets: their published sizes, that each can be built, and what a config refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from training.cli.main import main
from training.config.fit import FitConfig
from training.config.presets import BILSTM, PRESETS
from training.errors import ConfigError
from training.nn.model import SentimentModel, build_model

PUBLISHED_PARAMETERS = {"rnn-1": 64_034, "lstm-1": 64_136, "gru-1": 64_102, "rnn-100": 77_401}
RECURRENT_WEIGHTS = {"rnn": 1, "gru": 3, "lstm": 4}
"""Blocks of [inputs + units, units] weights and [units] biases of each cell."""


def parameters(model: SentimentModel) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(("name", "count"), PUBLISHED_PARAMETERS.items())
def test_the_classics_have_the_published_number_of_parameters(name: str, count: int) -> None:
    config = PRESETS[name]
    assert config.vocabulary == 2_000
    assert parameters(build_model(config, config.vocabulary)) == count


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_builds_with_as_many_parameters_as_its_fields_say(name: str) -> None:
    config = PRESETS[name]
    assert config.name == name
    assert config.summary.endswith(".")
    rows = 50  # the embedding is the one part that the vocabulary decides
    sides = 2 if config.direction == "bidirectional" else 1
    expected, width = rows * config.embedding, config.embedding
    for _ in range(config.layers):
        biases = 2 if config.cell == "gru" and config.reset_after else 1
        block = config.units * (width + config.units + biases)
        expected += sides * RECURRENT_WEIGHTS[config.cell] * block
        width = sides * config.units
    if config.head == "pooling":
        expected += 3 * width + 1
    elif config.head != "unit":
        expected += (width + 1) * config.hidden + (config.hidden or width) + 1
    assert parameters(build_model(config, rows)) == expected


def test_the_classics_keep_their_published_form() -> None:
    shared = {
        "embedding": 32,
        "vocabulary": 2_000,
        "max_tokens": 500,
        "served_tokens": 500,
        "truncation": "tail",
        "epochs": 3,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "schedule": "constant",
        "loss": "bce",
        "reset_after": False,
        "unsupervised": False,
        "vectors": "random",
        "ema": 0.0,
        "clip_norm": 0.0,
        "beta_2": 0.999,
        "adversarial": 0.0,
        "token_dropout": 0.0,
    }
    for cell in ("rnn", "lstm", "gru"):
        one, hundred = PRESETS[f"{cell}-1"].as_dict(), PRESETS[f"{cell}-100"].as_dict()
        for found in (one, hundred):
            assert {key: found[key] for key in shared} == shared
            assert (found["cell"], found["direction"], found["layers"]) == (cell, "forward", 1)
        assert (one["units"], one["head"], one["activation"], one["embedding_dropout"]) == (1, "unit", "sigmoid", 0.2)
        assert (hundred["units"], hundred["head"], hundred["state_dropout"]) == (100, "last", 0.2)
        assert hundred["hidden"] == (100 if cell == "gru" else 0)


def test_the_peers_differ_from_the_flagship_in_cell_and_direction_alone() -> None:
    recipe = PRESETS["bilstm"].as_dict()
    for name in ("rnn", "gru", "lstm", "bigru"):
        peer = PRESETS[name].as_dict()
        different = {key for key in recipe if recipe[key] != peer[key]}
        assert different <= {"name", "summary", "cell", "direction", "precision"}, name


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"units": 0}, "units"),
        ({"units": 4097}, "units"),
        ({"embedding": 0}, "embedding"),
        ({"vocabulary": 2}, "vocabulary"),
        ({"max_tokens": 1}, "max_tokens"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"ema": 1.0}, "ema"),
        ({"state_dropout": 1.0}, "state_dropout"),
        ({"embedding_dropout": -0.1}, "embedding_dropout"),
        ({"adversarial": -1.0}, "adversarial"),
        ({"validation": 0.0}, "validation"),
        ({"seed": -1}, "seed"),
        ({"layers": 9}, "layers"),
        ({"head": "last"}, "head"),  # bidirectional: which state would be the last?
        ({"direction": "forward", "head": "unit"}, "head"),
        ({"direction": "forward", "head": "unit", "units": 1}, "head"),
        ({"loss": "mse"}, "loss"),
    ],
)
def test_unusable_values_are_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        dataclasses.replace(BILSTM, **changes)
    assert caught.value.field == field
    assert caught.value.code == "invalid_config"
    assert field in str(caught.value)


def test_a_range_error_says_value_and_range() -> None:
    with pytest.raises(ConfigError, match=r"^units is 0; it must lie in 1…4096$"):
        dataclasses.replace(BILSTM, units=0)


def test_a_config_survives_json() -> None:
    for config in PRESETS.values():
        assert FitConfig(**config.as_dict()) == config


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["fit", "bilstm", "--units", "0"], 1, "Error: units is 0; it must lie in 1…4096"),
        (["fit", "rnn-1", "--units", "2"], 1, 'Error: head "unit" is the state itself'),
        (["fit", "bilstm", "--cell", "mamba"], 2, "'mamba' is not one of"),
        (["fit", "bilstm-huge"], 2, "'bilstm-huge' is not one of"),
    ],
)
def test_the_command_refuses_what_the_config_refuses(arguments: list[str], status: int, message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.output
    assert message in result.output
