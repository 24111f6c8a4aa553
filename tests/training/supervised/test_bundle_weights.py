"""A fit that starts from a bundle: the Keras model computes what the served graph computes, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sentiline
from sentiline.bundle import Bundle, find
from sentiline.errors import BundleCorruptError
from tests.training.fits import FinishedFit as TinyFit
from tests.training.fits import write_csv
from training.cli.main import main
from training.config.presets import PRESETS
from training.errors import CheckpointError, DataError
from training.nn import backend
from training.nn.initial_weights import FinishedFit
from training.nn.model import build_model
from training.supervised.bundle_weights import read_config
from training.supervised.fit_data import FitData, with_initial_weights
from training.supervised.run_folder import Run
from training.supervised.warm_start import load_initial_weights

backend.configure(1)

TEXTS = ["A film I could not stop thinking about, though the ending was dull.", "Terrible!", "It was fine " * 30]


@pytest.mark.parametrize("name", ["bilstm", "gru-1", "gru-100", "rnn-1", "rnn-100", "lstm-1", "lstm-100", "birnn-mse"])
def test_a_model_starts_from_every_shipped_bundle_with_float32_weights(name: str) -> None:
    start = load_initial_weights(name)
    assert isinstance(start, FinishedFit)
    config = dataclasses.replace(PRESETS[name], **start.sizes())
    model = build_model(config, len(start.tokenizer.vocabulary), None, start)
    with sentiline.load(name, precision="fp32") as predictor:
        served = [reading.logit for reading in predictor.read(TEXTS)]
    for text, logit in zip(TEXTS, served, strict=True):
        ids = start.tokenizer.encode(text).ids
        found = float(np.asarray(model(ids[None], np.array([len(ids)], np.int32))["logit"])[0])
        assert found == pytest.approx(logit, abs=1e-4)


def test_a_bundle_and_its_run_folder_are_the_same_start_but_for_rounding(finished_fit: TinyFit) -> None:
    run = load_initial_weights(str(finished_fit.run.folder))
    bundle = load_initial_weights(str(finished_fit.run.bundle / "tiny"))
    assert isinstance(run, FinishedFit)
    assert isinstance(bundle, FinishedFit)
    assert bundle.config == run.config
    assert bundle.data == run.data
    assert bundle.weights.keys() == run.weights.keys()
    assert bundle.tokenizer.vocabulary == run.tokenizer.vocabulary
    for path, array in bundle.weights.items():
        if not path.startswith("head/"):  # the head of the bundle is calibrated
            np.testing.assert_allclose(array, run.weights[path], rtol=1e-3, atol=1e-4)
    other = {**run.data, "split": "another"}
    with pytest.raises(DataError, match="model that --init names held out another part of the same reviews"):
        with_initial_weights(FitData([], [], (), other), bundle, None)


def test_the_command_begins_with_a_bundle_and_takes_over_its_sizes(finished_fit: TinyFit, tmp_path: Path) -> None:
    data, run = write_csv(tmp_path / "more.csv", 60, seed=5), Run(tmp_path / "run")
    start = finished_fit.run.bundle / "tiny"
    options = (f"--data={data}", "--name=more", f"--run={run.folder}", f"--init={start}", "--epochs=1", "--threads=1")
    result = CliRunner().invoke(main, ["fit", "bilstm", *options])
    assert result.exit_code == 0, result.output
    config, description = run.read_config()
    assert (config.units, config.embedding) == (4, 8)
    assert description["fitted"] == load_initial_weights(str(start)).digest()
    assert Bundle.open(run.bundle / "more").tokenizer().vocabulary == Bundle.open(start).tokenizer().vocabulary


@pytest.mark.parametrize("name", ["general", "bigru", "lstm"])
def test_a_bundle_with_int8_weights_only_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match=rf"{name} \(.*\) has only int8 weights.* needs the precision fp32"):
        load_initial_weights(name)


@pytest.mark.parametrize(
    ("preset", "start", "message"),
    [
        ("gru", "bilstm", "cell is 'gru', but it is 'lstm' in the model that --init names"),
        ("lstm", "bilstm", "direction is 'forward', but it is 'bidirectional'"),
        ("gru-1", "gru-100", "head is 'unit', but it is 'last'"),
    ],
)
def test_layers_of_another_kind_are_refused_by_name(preset: str, start: str, message: str, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "mine.csv", 60)
    options = (f"--data={data}", f"--run={tmp_path / 'run'}", f"--init={start}")
    refused = CliRunner().invoke(main, ["fit", preset, *options])
    assert refused.exit_code == 1
    assert message in refused.stderr


def test_a_bundle_is_not_replaced_by_the_fit_that_begins_with_it(finished_fit: TinyFit, tmp_path: Path) -> None:
    start = finished_fit.run.bundle / "tiny"
    options = (f"--data={finished_fit.csv}", f"--run={tmp_path / 'run'}", f"--init={start}", f"--to={start}")
    refused = CliRunner().invoke(main, ["fit", "bilstm", *options])
    assert refused.exit_code == 2
    assert "is both --init and --to" in " ".join(refused.stderr.replace("│", " ").split())


def test_a_bundle_that_no_fit_made_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(find("gru-1").path, folder)
    document = json.loads((folder / "manifest.json").read_text())
    for training, message in (
        (None, r"has no training\.config"),
        ({"config": {**document["training"]["config"], "units": 0}}, "unusable .units is 0"),
        ({"config": {**document["training"]["config"], "embedding": 3}}, "other layers than its manifest's"),
    ):
        (folder / "manifest.json").write_text(json.dumps({**document, "training": training}))
        with pytest.raises(CheckpointError, match=message):
            load_initial_weights(str(folder))
    (folder / "manifest.json").write_text(json.dumps(document))
    (folder / "model.onnx").write_bytes(b"x" * 10)
    with pytest.raises(BundleCorruptError, match=r"model\.onnx is damaged"):
        load_initial_weights(str(folder))


def test_a_configuration_of_another_release_is_read() -> None:
    bundle = find("gru-1")
    document = dict(bundle.manifest.document)
    document["training"] = {"config": {**document["training"]["config"], "field_of_tomorrow": 1}}
    manifest = dataclasses.replace(bundle.manifest, document=document)
    assert read_config(dataclasses.replace(bundle, manifest=manifest)) == read_config(bundle)
