"""The benchmark of training steps: the arithmetic it counts, and a run of every case at a tiny size."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import training
from benchmarks.lib.training_steps import fit_operations, lstm_operations, padding, pretrain_operations
from training.config.presets import BILSTM
from training.config.pretraining import PretrainConfig


def test_an_lstm_token_costs_three_products_per_direction() -> None:
    # forward: [1, 3 + 5] by [3 + 5, 20], a multiplication and an addition each; backward: twice that
    assert lstm_operations(1, 3, 5) == 3 * 2 * 8 * 20
    assert lstm_operations(7, 3, 5) == 7 * lstm_operations(1, 3, 5)


def test_a_fit_counts_layers_directions_and_the_perturbed_pass() -> None:
    assert fit_operations(BILSTM, 10) == 2 * 2 * lstm_operations(10, 128, 64)
    one = dataclasses.replace(BILSTM, direction="forward", adversarial=0.0)
    assert fit_operations(one, 10) == lstm_operations(10, 128, 64)
    two = dataclasses.replace(BILSTM, layers=2, adversarial=0.0)
    assert fit_operations(two, 10) == 2 * (lstm_operations(10, 128, 64) + lstm_operations(10, 128, 64))


def test_a_pre_training_counts_projection_and_candidates_too() -> None:
    config = PretrainConfig(streams=2, window=5, embedding=3, units=4, candidates=7)
    projection, scores = 3 * 10 * 2 * 4 * 3, 3 * 10 * 2 * 3 * 7
    assert pretrain_operations(config) == 2 * (lstm_operations(10, 3, 4) + projection + scores)


def test_padding_follows_the_longest_text_of_a_batch() -> None:
    documents = [np.ones(length, np.int32) for length in (10, 2) * 8]
    config = dataclasses.replace(BILSTM, batch_size=8)
    found = padding(documents, config)
    assert found["bucketed"] == 0
    assert found["as they come"] == pytest.approx(1 - 96 / 160)


@pytest.mark.long
def test_every_case_is_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(3, 30, 40)
    ids = tmp_path / "ids.npz"
    np.savez(ids, ids=generator.integers(1, 50, lengths.sum()).astype(np.int32), lengths=lengths, words=50)
    fit = json.dumps({"units": 4, "embedding": 6, "batch_size": 8})
    pretrain = json.dumps({"units": 4, "embedding": 6, "streams": 4, "window": 5, "candidates": 10})
    files = ["--markdown", tmp_path / "table.md", "--json", tmp_path / "figures.json"]
    arguments = ["--ids", ids, "--steps", 2, "--fit", fit, "--pretrain", pretrain, *files]
    training.main([str(argument) for argument in arguments])
    page, figures = (tmp_path / "table.md").read_text(), json.loads((tmp_path / "figures.json").read_text())
    assert capsys.readouterr().out == page
    assert figures.keys() == training.PROCESSES.keys()
    for name, (_, _, cases) in training.PROCESSES.items():
        assert list(figures[name]["cases"]) == list(cases)
        for case, figure in figures[name]["cases"].items():
            assert min(figure["seconds"]) > 0, case
            assert figure["operations"] > 0, case
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in page.splitlines() if line[:1] == "|"}
    assert [rows[base][1].strip() for base in ("as it is", "few texts, as it is", "bfloat16")] == ["1.00"] * 3
    assert {"eager", "compiled by XLA", "as it is, 1 thread", "64", "128", "256"} <= rows.keys()
