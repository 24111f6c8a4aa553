"""A training step by PyTorch against the same step by TensorFlow: equal losses and gradients from equal weights."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from sentiline.bundle import find
from tests.requirement import need
from tests.training.fits import FLAGS, ROOT, finish, start, tiny_config, write_csv
from training.config.pretraining import PretrainConfig
from training.data.dataset import pad
from training.nn import backend
from training.nn.model import build_model
from training.pretraining.language_model import build_language_model

backend.configure(1)

Arrays = dict[str, NDArray[Any]]
CLEAN: dict[str, Any] = {"embedding_dropout": 0.0, "token_dropout": 0.0, "state_dropout": 0.0, "ema": 0.5}
WORDS, WINDOW, STREAMS = 30, 6, 4


def _step(what: str, given: Arrays, name: str, folder: Path) -> Arrays:
    """Loss and gradients of one step of `tests.training.one_step`, by that backend."""
    source, target = folder / "given.npz", folder / f"{name}.npz"
    np.savez(source, **given)  # type: ignore[arg-type]
    subprocess.run(
        [sys.executable, "-m", "tests.training.one_step", what, str(source), str(target)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": name, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
    )
    with np.load(target) as file:
        found = dict(file)
    assert found.pop("backend").tobytes().decode() == name
    return found


@pytest.fixture
def torch() -> None:
    """Skip where PyTorch is not installed."""
    need("torch", importlib.util.find_spec("torch") is not None, "PyTorch is not installed: `make torch` installs it")


def _compare(what: str, given: Arrays, model: keras.Model, config: Any, folder: Path) -> None:
    weights = {f"weight {variable.path}": np.asarray(variable) for variable in model.trainable_variables}
    settings = {"config": np.frombuffer(json.dumps(config.as_dict()).encode(), np.uint8)}
    wanted, found = (_step(what, given | weights | settings, name, folder) for name in ("tensorflow", "torch"))
    assert found.keys() == wanted.keys()
    assert len(wanted) > len(weights)  # the loss as well
    for name, gradient in wanted.items():
        assert np.abs(gradient).max() > 1e-4, name
        np.testing.assert_allclose(found[name], gradient, rtol=1e-4, atol=2e-6, err_msg=name)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(
    "changes",
    [
        {"adversarial": 1.0, "virtual": 0.7, "entropy": 0.5, "splices": 0.3},
        {"cell": "gru", "adversarial": 1.0, "entropy": 0.5, "splices": 0.3, "layers": 2},
    ],
    ids=["lstm", "gru"],
)
def test_a_step_of_a_fit(changes: dict[str, Any], tmp_path: Path) -> None:
    config = tiny_config(**CLEAN, **changes, vocabulary=WORDS, clip_norm=0.0)
    model = build_model(config, WORDS)
    for weight in (model.head.attention, model.head.w_mean, model.head.w_attention):
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    generator = np.random.default_rng(0)
    ids, lengths = pad([generator.integers(1, WORDS, length).astype(np.int32) for length in (9, 3, 12, 7)])
    given = {
        "ids": ids,
        "lengths": lengths,
        "labels": np.array([0, 1, 1, 0.3], np.float32),
        "targets": generator.random(ids.shape).astype(np.float32),
        "direction": generator.normal(size=(*ids.shape, config.embedding)).astype(np.float32),
    }
    _compare("fit", given, model, config, tmp_path)


@pytest.mark.usefixtures("torch")
def test_a_step_of_the_pre_training(tmp_path: Path) -> None:
    config = PretrainConfig(
        vocabulary=WORDS, embedding=5, units=4, streams=STREAMS, window=WINDOW, dropout=0.0, precision="float32"
    )
    generator = np.random.default_rng(0)
    counts = generator.integers(1, 50, WORDS)
    given = {
        "counts": counts,
        "windows": generator.integers(0, WORDS, (2, STREAMS, WINDOW + 1)).astype(np.int32),
        "candidates": generator.permutation(WORDS)[:12].astype(np.int32),
        "correction": generator.normal(size=12).astype(np.float32),
        "carried": generator.normal(size=(2, 2, STREAMS, 4)).astype(np.float32) / 2,
    }
    model = build_language_model(config, counts, None)
    for variable in model.trainable_variables:  # away from the small initial weights, whose gradients vanish
        variable.assign(generator.normal(size=variable.shape))
    _compare("pretrain", given, model, config, tmp_path)


@pytest.mark.usefixtures("torch")
def test_a_fit_by_torch_is_exported_by_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, run, log = write_csv(tmp_path / "mine.csv", 120), tmp_path / "run", tmp_path / "log"
    export = ("export", run, "--data", data)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    said = finish(start("fit", "bilstm", *FLAGS, "--name=mine", "--run", run, "--data", data, log=log), log)
    assert "makes the bundle" in said
    assert not (run / "bundle").exists()
    assert start(*export, log=log).wait(timeout=300) == 1
    assert "KERAS_BACKEND is 'torch', which trains; the export needs tensorflow" in " ".join(log.read_text().split())
    monkeypatch.delenv("KERAS_BACKEND")
    finish(start(*export, log=log), log)
    bundle = find(run / "bundle" / "mine")
    assert bundle.manifest.document["metrics"]["validation"]["int8"]["accuracy"] > 60  # of short texts about opinions


def test_another_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    data, log = write_csv(tmp_path / "mine.csv", 20), tmp_path / "log"
    assert start("fit", "bilstm", *FLAGS, "--run", tmp_path / "run", "--data", data, log=log).wait(timeout=300) == 1
    said = log.read_text()
    assert "Traceback" not in said
    assert "training runs on tensorflow" in " ".join(said.split())
