"""A fit that starts from the weights of another one, and what is refused."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.training.fits import FLAGS, tiny_config, tiny_data, write_csv
from training.cli.main import main
from training.data.review import Review
from training.errors import CheckpointError, ConfigError, DataError
from training.nn import backend
from training.nn.encoder import Encoder
from training.nn.initial_weights import FinishedFit
from training.run import checkpoint
from training.run.progress import FitProgress
from training.supervised.fit import fit
from training.supervised.fit_data import with_initial_weights
from training.supervised.run_folder import Run
from training.supervised.warm_start import load_finished_fit, load_initial_weights

backend.configure(1)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished fit; nobody changes its folder."""
    run = Run(tmp_path_factory.mktemp("first") / "run")
    fit(tiny_config(), tiny_data(), run)
    return run


def test_a_fit_starts_from_the_best_weights_of_another(first: Run, tmp_path: Path) -> None:
    found = load_initial_weights(str(first.folder))
    assert isinstance(found, FinishedFit)
    data = with_initial_weights(tiny_data(), found, None)
    assert data.description["fitted"] == found.digest()
    assert "encoder" not in data.description
    run = Run(tmp_path / "second")
    history = fit(tiny_config(name="other", epochs=1, learning_rate=1e-9), data, run)
    before, _ = checkpoint.load(first.best)
    after, _ = checkpoint.load(run.best)
    assert [path.replace("other/", "tiny/") for path in after] == list(before)
    for one, other in zip(before.values(), after.values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert run.read_tokenizer().vocabulary == first.read_tokenizer().vocabulary
    log = [epoch["validation_loss"] for epoch in first.read_log()]
    assert history[0]["validation_loss"] == pytest.approx(min(log), abs=1e-5)


def test_other_layers_are_refused_and_named(first: Run, tmp_path: Path) -> None:
    data = with_initial_weights(tiny_data(), load_initial_weights(str(first.folder)), None)
    for changes, message in (
        (
            {"units": 5},
            "units is 5, but it is 4 in the model that --init names, whose weights fit no other value: .*leave",
        ),
        ({"cell": "gru"}, "cell is 'gru', but it is 'lstm' in the model that --init names"),
        ({"layers": 2}, "layers is 2"),
    ):
        with pytest.raises(ConfigError, match=message):
            fit(tiny_config(**changes), data, Run(tmp_path / "run"))
        assert not (tmp_path / "run").exists()


def test_reviews_that_the_first_fit_learned_from_cannot_be_held_out(first: Run, tmp_path: Path) -> None:
    start_of_all = load_initial_weights(str(first.folder))
    for changes in ({"validation_reviews": 30}, {"split": "seed 8"}):
        data = tiny_data()
        data = dataclasses.replace(data, description={**data.description, **changes})
        with pytest.raises(DataError, match=r"held out another part of the same reviews .* --split-seed 7"):
            with_initial_weights(data, start_of_all, None)
        other = {**data.description, "sha256": {"more.csv": "00"}}
        assert (
            with_initial_weights(dataclasses.replace(data, description=other), start_of_all, None).initial_weights
            is start_of_all
        )


def test_a_folder_without_a_finished_fit_is_refused(first: Run, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match="holds no fit with a complete epoch; give the name or folder of a bundle"
    ):
        load_initial_weights(str(tmp_path))
    with pytest.raises(
        CheckpointError,
        match=r"mnie does not exist, and no model of that name is installed .*give the name",
    ):
        load_initial_weights(str(tmp_path / "mnie"))
    (tmp_path / "config.json").write_bytes(first.config.read_bytes())
    with pytest.raises(CheckpointError, match="holds no fit with a complete epoch"):
        load_initial_weights(str(tmp_path))
    (tmp_path / "best.npz").write_bytes(first.best.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"cannot be read as a finished fit .*best\.npz is not a checkpoint"):
        load_initial_weights(str(tmp_path))


def test_the_share_of_known_words_is_said_before_training(first: Run, tmp_path: Path) -> None:
    start = load_initial_weights(str(first.folder))
    known = tiny_data()
    foreign = [Review(f"zwp qrx vbn {number} the", review.label) for number, review in enumerate(known.train)]
    for train, expected in (
        (known.train, r"^the initial weights know \d\d\.\d % of the tokens of the training texts$"),
        (foreign, r"^warning: the initial weights know \d\d\.\d % of .*are unknown to them, .* leave --init out"),
    ):
        output = io.StringIO()
        progress = FitProgress(console=Console(file=output))
        data = with_initial_weights(dataclasses.replace(known, train=train), start, None)
        fit(tiny_config(epochs=1), data, Run(tmp_path / expected[1:5]), progress=progress)
        before, epochs, _ = output.getvalue().partition("epoch 1/1")
        assert epochs
        assert re.search(expected, before, re.MULTILINE)
        assert (
            "validation: 40 reviews: 20 positive, 20 negative; always predicting POSITIVE has an accuracy of" in before
        )


def test_an_encoder_whose_lstm_is_left_out_says_so(tmp_path: Path) -> None:
    encoder = load_initial_weights("encoder")
    assert isinstance(encoder, Encoder)
    output = io.StringIO()
    data = with_initial_weights(tiny_data(40), encoder, None)
    config = tiny_config(epochs=1, embedding=encoder.vectors.shape[1], adversarial=0)
    fit(config, data, Run(tmp_path / "run"), progress=FitProgress(console=Console(file=output)))
    assert "only the encoder's word vectors are taken over: its LSTM has 256 units, and this model's LSTM has 4" in (
        output.getvalue()
    )


def test_the_digest_depends_on_the_weights(first: Run) -> None:
    found = load_finished_fit(first)
    path = next(iter(found.weights))
    other = dataclasses.replace(found, weights={**found.weights, path: found.weights[path] + np.float32(0.01)})
    assert found.digest() == load_finished_fit(first).digest() != other.digest()


def test_encoders_are_told_apart_from_fits() -> None:
    assert isinstance(load_initial_weights("encoder"), Encoder)


def test_the_command_takes_over_the_layer_sizes_of_the_first(first: Run, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "mine.csv", 100)
    flags = [flag for flag in FLAGS if not flag.startswith(("--units", "--embedding"))]
    run = Run(tmp_path / "run")
    options = (f"--data={data}", "--name=more", f"--run={run.folder}", f"--init={first.folder}", *flags)
    result = CliRunner().invoke(main, ["fit", "bilstm", *options])
    assert result.exit_code == 0, result.stderr
    assert (run.read_config()[0].units, run.read_config()[0].embedding) == (4, 8)
    assert run.read_config()[1]["fitted"] == load_finished_fit(first).digest()
    for extra, message in (
        ((f"--init={run.folder}",), "is both --init and the run folder"),
        ((f"--init={first.folder}", "--units=5"), "units is 5, but it is 4 in the model that --init names"),
    ):
        refused = CliRunner().invoke(main, ["fit", "bilstm", f"--data={data}", f"--run={run.folder}", *extra])
        assert refused.exit_code == (2 if "both" in message else 1)
        assert message in " ".join(refused.stderr.replace("│", " ").split())
