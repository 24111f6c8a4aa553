"""The command `pretrain`: its help, its errors, and one run on an archive."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from training.cli.config_options import field_help
from training.cli.main import main
from training.config.pretraining import PretrainConfig
from training.data import imdb, imdb_archive
from training.nn import backend
from training.nn.encoder import Encoder

backend.configure(1)


def _run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["pretrain", *map(str, arguments)], terminal_width=110)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def test_help_has_examples_and_documents_every_field() -> None:
    status, out, _ = _run("--help")
    assert status == 0
    assert "Examples:\n    python -m training pretrain\n" in out
    flat = " ".join(out.split())
    fields = [field.name for field in dataclasses.fields(PretrainConfig)]
    assert list(field_help(PretrainConfig)) == fields
    for name, text in field_help(PretrainConfig).items():
        assert text in flat, name
        assert f"--{name.replace('_', '-')} " in out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--units", "many"], 2, "'many' is not a valid integer"),
        (["--units", "0"], 1, "units is 0; it must lie in 1…4096"),
        (["--precision", "float8"], 2, "'float8' is not one of"),
        (["--threads", "0"], 2, "0 is not in the range x>=1"),
        (["--checkpoint-seconds", "301"], 2, "301.0 is not in the range 0<=x<=300"),
        (["--resume", "--overwrite"], 2, "give one of them"),
        (["--archive", "nowhere.tar.gz"], 1, "nowhere.tar.gz"),
        (["bilstm"], 2, "unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_values_are_refused(
    arguments: list[str], status: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = _run(*arguments)
    assert (code, out) == (status, "")
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_an_archive_becomes_an_encoder(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a small archive of the same layout: what it must hold is the one thing that is changed."""
    monkeypatch.setitem(imdb.load.__kwdefaults__, "parts", small.parts)
    assert imdb.load.__kwdefaults__["parts"] is not imdb_archive.PARTS
    path, run = small.write(tmp_path / "small.tar.gz"), tmp_path / "run"
    flags = ("--vocabulary=50", "--embedding=4", "--units=3", "--streams=2", "--window=4", "--candidates=6")
    status, _, err = _run("--archive", path, "--run", run, "--epochs=1", "--validation=0.3", *flags)
    assert status == 0, err
    assert "epoch 1/1 sampled " in err
    found = Encoder.load(run / "encoder.npz")
    assert found.units == 3
    data = found.provenance["data"]
    assert data["unlabelled_reviews"] == 12
    assert data["training_reviews"] + data["validation_reviews"] == 24
    assert "test" not in found.tokenizer.vocabulary  # the word that every review of that half begins with
    assert {"train", "unsup"} <= set(found.tokenizer.vocabulary)
    status, _, err = _run("--archive", path, "--run", run)
    assert status == 1
    assert "already holds a pre-training" in err
