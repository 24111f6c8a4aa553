"""`training.fit` does what the command does, and refuses what it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sentiline
import training
from tests.training.fits import TINY, write_csv
from tests.training.fits import FinishedFit as TinyFit
from training.errors import CheckpointError, ConfigError, TrainingError
from training.nn import backend
from training.supervised.run_folder import Run

backend.configure(1)


def test_a_call_fits_and_exports_what_the_command_does(finished_fit: TinyFit, tmp_path: Path) -> None:
    run, folder = tmp_path / "run", tmp_path / "models" / "tiny"
    bundle = training.fit(data=finished_fit.csv, name="tiny", run=run, to=folder, threads=1, quiet=True, **TINY)
    assert bundle is not None
    assert bundle.path == folder
    assert Run(run).read_config() == finished_fit.run.read_config()
    assert Run(run).best.read_bytes() == finished_fit.run.best.read_bytes()
    with sentiline.load(folder) as model:
        assert model.predict(["a charming, gripping film"])[0].label == "POSITIVE"


def test_a_model_that_says_one_thing_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"late bag gate crew {number},0" for number in range(190)]
    rows += [f"late bag gate crew {number},1" for number in range(190, 200)]
    data = tmp_path / "skewed.csv"
    data.write_text("text,label\n" + "\n".join(rows) + "\n")
    options: dict[str, Any] = {**TINY, "epochs": 2, "validation": 0.1}
    bundle = training.fit(data=data, name="skewed", run=tmp_path / "run", threads=1, **options)
    assert bundle is not None
    message = "predicts NEGATIVE for every one of the 20 reviews (1 positive, 19 negative): its accuracy of 95.00 %"
    assert "always predicting NEGATIVE has an accuracy of 95.00 %" in capsys.readouterr().err
    assert message in bundle.read("README.md").decode()
    figure = bundle.manifest.document["metrics"]["validation"]["fp32"]
    assert (figure["majority"], figure["balanced_accuracy"], figure["positive"]) == (95.0, 50.0, 1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"unit": 3}, ConfigError, "there is no option 'unit'; did you mean 'units'"),
        ({"zzz": 3}, ConfigError, "there is no option 'zzz'; see training.config.fit.FitConfig"),
        ({"units": 0}, ConfigError, "units is 0; it must lie in 1"),
        ({"preset": "bert"}, ConfigError, "preset is 'bert'; it must be one of bilstm"),
        ({"archive": "a.tar.gz"}, ConfigError, "--archive is for IMDB and --data for files of your own"),
        ({"resume": True, "overwrite": True}, ConfigError, "--resume continues a run and --overwrite deletes it"),
        ({"init": "bigru"}, CheckpointError, "bigru .* has only int8 weights"),
        ({"run": "/proc/nope"}, TrainingError, "/proc/.*No such file or directory"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    data = write_csv(tmp_path / "mine.csv", 40)
    with pytest.raises(error, match=message):
        training.fit(**{"data": data, "run": tmp_path / "run", "quiet": True, **options})
    assert not (tmp_path / "run").exists()
