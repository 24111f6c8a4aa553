"""Run folders: who may write into one, what is refused, and what `overwrite` removes and leaves alone."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.fits import tiny_config
from training.errors import CheckpointError, ConfigError, TrainingError
from training.supervised.run_folder import Run

DATA = {"name": "mine.csv", "training_reviews": 10, "sha256": {"mine.csv": "ab"}}


def _start(run: Run, *, resume: bool = False, overwrite: bool = False, **changes: object) -> bool:
    return run.start(tiny_config(**changes), DATA, resume=resume, overwrite=overwrite)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A folder whose fit was interrupted after a checkpoint."""
    run = Run(tmp_path / "runs" / "tiny")
    assert _start(run) is False
    run.checkpoint.write_bytes(b"state")
    run.tokenizer.write_text("{}")
    run.write_log([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    run.bundle.mkdir()
    (run.bundle / "manifest.json").write_text("{}")
    return run


def test_a_fresh_folder_records_config_and_data(tmp_path: Path) -> None:
    run = Run(tmp_path / "deep" / "tiny")
    assert _start(run) is False
    assert run.read_config() == (tiny_config(), DATA)
    assert json.loads(run.config.read_text()) == {"config": tiny_config().as_dict(), "data": DATA}


def test_a_folder_with_a_fit_is_refused_and_says_what_to_do(run: Run) -> None:
    with pytest.raises(TrainingError, match="already holds a fit; --resume continues it, --overwrite deletes it"):
        _start(run)


def test_resume_continues_from_a_checkpoint(run: Run) -> None:
    assert _start(run, resume=True) is True
    run.checkpoint.unlink()
    assert _start(run, resume=True) is False  # killed before the first checkpoint


def test_resume_starts_a_fit_where_there_is_none(tmp_path: Path) -> None:
    assert _start(Run(tmp_path / "new"), resume=True) is False


def test_resume_names_every_difference(run: Run) -> None:
    with pytest.raises(ConfigError) as caught:
        run.start(tiny_config(units=5, seed=1), {**DATA, "training_reviews": 11}, resume=True, overwrite=False)
    message = str(caught.value)
    assert "config.units is 4 there and 5 here" in message
    assert "config.seed is 0 there and 1 here" in message
    assert "data.training_reviews is 10 there and 11 here" in message
    assert message.count(" there and ") == 3


def test_a_field_newer_than_the_run_has_its_default(run: Run) -> None:
    document = json.loads(run.config.read_text())
    assert document["config"].pop("precision") == "both"
    run.config.write_text(json.dumps(document))
    assert _start(run, resume=True) is True
    with pytest.raises(ConfigError, match=r"config\.precision is 'both' there and 'fp32' here"):
        _start(run, resume=True, precision="fp32")


def test_overwrite_removes_the_fit_and_nothing_else(run: Run) -> None:
    notes = run.folder / "notes.txt"
    notes.write_text("mine")
    assert _start(run, overwrite=True, units=6) is False
    assert {path.name for path in run.folder.iterdir()} == {"config.json", "notes.txt"}
    assert notes.read_text() == "mine"
    assert run.read_config()[0].units == 6


def _bundle(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _other_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"colour": "red"}')


def _broken_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"config": {"units"')


@pytest.mark.parametrize("fill", [_bundle, _other_config, _broken_config])
@pytest.mark.parametrize("mode", ["resume", "overwrite"])
def test_a_folder_of_something_else_is_refused_and_unchanged(
    tmp_path: Path, fill: Callable[[Path], None], mode: str
) -> None:
    fill(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match="is not the folder of a fit"):
        _start(Run(tmp_path), resume=mode == "resume", overwrite=mode == "overwrite")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot be the folder of a fit"):
        _start(Run(tmp_path / "file" / "run"))


def test_the_config_of_no_run_is_refused(tmp_path: Path, run: Run) -> None:
    with pytest.raises(TrainingError, match="is not the folder of a fit"):
        Run(tmp_path / "nothing").read_config()
    document = json.loads(run.config.read_text())
    document["config"]["colour"] = "red"
    run.config.write_text(json.dumps(document))
    with pytest.raises(TrainingError, match="colour"):
        run.read_config()
    document["config"] = {**tiny_config().as_dict(), "units": 0}
    run.config.write_text(json.dumps(document))
    with pytest.raises(TrainingError, match="units is 0"):
        run.read_config()


def test_the_log_has_one_line_per_epoch(run: Run) -> None:
    assert run.log.read_text() == '{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": 0.25}\n'
    assert run.read_log() == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]


def test_two_fits_cannot_share_a_folder(run: Run) -> None:
    with (
        run.locked(),
        pytest.raises(TrainingError, match="another fit is running in"),
        Run(run.folder).locked(),
    ):
        pass


@pytest.mark.parametrize("read", [Run.read_log, Run.read_tokenizer])
def test_a_fit_that_ended_too_early_says_so(tmp_path: Path, read: Callable[[Run], object]) -> None:
    with pytest.raises(CheckpointError, match="its fit ended before writing it; continue it with --resume"):
        read(Run(tmp_path))


def test_a_full_disk_is_one_message_and_resume_is_proposed(run: Run) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = run.log.read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # a real limit; the kernel refuses longer files
    try:
        with (
            pytest.raises(TrainingError, match="File too large; once this is mended, --resume continues the fit from"),
            run.locked(),
        ):
            run.write_log([{"epoch": 1, "text": "x" * 2000}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert run.log.read_bytes() == log
    assert not list(run.folder.glob(".*.part"))
    with run.locked():  # the lock is free again
        pass


def test_a_folder_that_vanishes_is_one_message(run: Run) -> None:
    with (
        pytest.raises(TrainingError, match=r"log\.jsonl.*No such file or directory; .* was deleted"),
        run.locked(),
    ):
        _delete_and_write(run)


def _delete_and_write(run: Run) -> None:
    shutil.rmtree(run.folder)
    run.write_log([])


@pytest.mark.parametrize("place", ["/proc/nope", "/proc/nope/deeper", "/dev/null/run", "/sys/nope"])
def test_a_place_where_no_file_can_be_made_is_not_called_locked(place: str) -> None:
    with (
        pytest.raises(TrainingError, match=rf"{place.rpartition('/')[0]}.*: .+; ") as caught,
        Run(Path(place)).locked(),
    ):
        pass
    assert "another fit is running" not in str(caught.value)
