"""The training commands: their help, their refusals before any work is done, and an export of a finished run."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sentiline.bundle import Bundle
from tests.training.fits import FLAGS, FinishedFit, finish, graph_contents, start, write_csv
from training.cli.config_options import FIELDS, config_options, config_with, field_help
from training.cli.main import main
from training.config.fit import FitConfig
from training.config.presets import PRESETS
from training.supervised.run_folder import Run


def _run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], terminal_width=110)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_help_of_every_command_has_examples() -> None:
    status, out, _ = _run("--help")
    assert status == 0
    for command in ("data", "diagnose", "evaluate", "export", "fit"):
        assert f"\n  {command} " in out
        status, own, _ = _run(command, "--help")
        assert status == 0
        if command != "data":
            assert f"Examples:\n    python -m training {command} " in own
    assert "python -m training fit bilstm --resume" in out


def test_the_module_is_a_command(tmp_path: Path) -> None:
    log = tmp_path / "output.txt"
    output = finish(start("--help", log=log), log)
    assert output.startswith("Usage: python -m training [OPTIONS] COMMAND")


def test_help_of_fit_lists_presets_and_documents_every_field() -> None:
    _, out, _ = _run("fit", "--help")
    flat = " ".join(out.split())
    assert field_help().keys() == set(FIELDS)
    for name, text in field_help().items():
        assert text in flat, name
        assert f"--{name.replace('_', '-')} " in out
    for name, preset in PRESETS.items():
        assert f"{name} {preset.summary}" in flat
    assert out.index("\nPresets:") < out.index("\nOptions:") < out.index("\nRecipe (")
    assert max(map(len, out.splitlines())) <= 110


def test_every_field_can_be_overridden() -> None:
    @click.command()
    @config_options(FitConfig)
    def show(**options: object) -> None:
        config = config_with(PRESETS["gru-100"], options)
        click.echo(f"{config.units} {config.reset_after} {config.learning_rate} {config.truncation} {config.hidden}")

    given = ["--units=7", "--reset-after", "--learning-rate=0.5", "--truncation", "head"]
    assert CliRunner().invoke(show, given).output == "7 True 0.5 head 100\n"
    assert CliRunner().invoke(show, []).output == "100 False 0.001 tail 100\n"
    assert CliRunner().invoke(show, ["--no-reset-after"]).output == "100 False 0.001 tail 100\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "mine.csv", 40)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["fit"], 2, "Missing argument 'PRESET'"),
        (["fit", "bilstmm"], 2, "'bilstmm' is not one of 'bilstm'"),
        (["fit", "bilstm", "--units", "many"], 2, "'many' is not a valid integer"),
        (["fit", "bilstm", "--units", "0"], 1, "units is 0; it must lie in 1…4096"),
        (["fit", "bilstm", "--learning-rate", "nan"], 1, "learning_rate is nan; it must lie in"),
        (["fit", "bilstm", "--cell", "transformer"], 2, "'transformer' is not one of"),
        (["fit", "bilstm", "--name", "../up"], 1, "name is '../up'; it must consist of letters"),
        (["fit", "bilstm", "--head", "last"], 1, 'head "last" reads the last state and needs direction "forward"'),
        (["fit", "bilstm", "--hidden", "7"], 1, 'hidden is 7; only head "last" has a hidden layer'),
        (["fit", "birnn-mse", "--state-dropout", "0.5"], 1, 'head "timesteps" has no state dropout'),
        (["fit", "bilstm", "--version", " "], 2, "must not be blank"),
        (["fit", "bilstm", "--threads", "0"], 2, "0 is not in the range x>=1"),
        (["fit", "bilstm", "--checkpoint-seconds", "301"], 2, "301.0 is not in the range 0<=x<=300"),
        (["fit", "bilstm", "--resume", "--overwrite"], 2, "give one of them"),
        (["fit", "bilstm", "--data", "a.csv", "--archive", "b.tar.gz"], 2, "give one of them"),
        (["fit", "bilstm", "--data", "nowhere.csv"], 1, "nowhere.csv"),
        (["fit", "bilstm", "--archive", "nowhere.tar.gz"], 1, "nowhere.tar.gz"),
        (["fit", "bilstm", "--init", "encoder", "--embedding", "64"], 1, "have 128 dimensions: leave --embedding out"),
        (["export", "nowhere"], 1, "nowhere is not the folder of a fit"),
        (["evaluate", "nowhere-model"], 1, "nowhere-model"),
        (["evaluate"], 2, "Missing argument 'MODEL'"),
        (["evaluate", "bilstm", "--precision", "fp16"], 1, "precision is 'fp16'; model bilstm has fp32, int8"),
        (["evaluate", "bilstm", "--precision", "int8", "--record"], 2, "leave out --precision"),
        (["evaluate", "bilstm", "--reviews", "9", "--record"], 2, "leave out --precision and --reviews"),
        (["diagnose", "nowhere-model"], 1, "nowhere-model"),
        (["diagnose", "bilstm", "--pairs", "0"], 2, "0 is not in the range x>=1"),
        (["diagnose", "bilstm", "--json", "nowhere/figures.json"], 2, "the folder nowhere does not exist"),
        (["predict"], 2, "No such command 'predict'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_values_are_refused(
    arguments: list[str], status: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = _run(*arguments)
    assert (code, out) == (status, "")
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_folder_that_holds_something_else_is_refused_before_the_fit(csv: Path, tmp_path: Path) -> None:
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "chapter.txt").write_text("years of work")
    status, _, err = _run("fit", "bilstm", "--data", csv, "--to", target, "--run", tmp_path / "run")
    assert status == 1
    assert "holds chapter.txt but no manifest.json" in " ".join(err.split())
    assert not (tmp_path / "run").exists()


def test_bad_rows_are_listed_and_counted(csv: Path, tmp_path: Path) -> None:
    csv.write_text(csv.read_text(encoding="utf-8") + ',1\nfine,perhaps\n"...",0\n', encoding="utf-8")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "checkpoint.npz").write_text("of something else, so that nothing is fitted")
    status, _, err = _run("fit", "bilstm", "--data", csv, "--run", tmp_path / "taken")
    assert status == 1
    assert "it has checkpoint.npz but no config.json" in " ".join(err.split())
    assert "43 rows, labels read as binary: 40 usable (20 positive, 20 negative), 3 skipped" in err
    assert f"2 empty_text: no word in the text; {csv}: 42, 44 ('')" in err.replace("\n", "")
    assert f"1 unreadable_label: a label that --labels does not know; {csv}: 43 ('perhaps')" in err.replace("\n", "")


def test_a_run_folder_with_a_fit_is_refused_without_resume(finished_fit: FinishedFit) -> None:
    arguments = ("fit", "bilstm", "--data", finished_fit.csv, "--name", "tiny", "--run", finished_fit.run.folder)
    status, _, err = _run(*arguments)
    assert status == 1
    assert "already holds a fit; --resume continues it, --overwrite deletes it" in " ".join(err.split())
    status, _, err = _run(*arguments, "--resume", "--units", "5")
    assert status == 1
    assert "config.units is 4 there and 5 here" in " ".join(err.split())


def test_a_run_fitted_on_own_data_never_reads_imdb(
    finished_fit: FinishedFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMDB_ARCHIVE", raising=False)
    monkeypatch.setenv("SENTILINE_CACHE", str(tmp_path / "cache"))
    run = finished_fit.run.folder
    for arguments in (["export", run], ["fit", "bilstm", "--run", run, "--resume", *FLAGS]):
        status, _, err = _run(*arguments)
        assert status == 2
        assert "was fitted on" in err
        assert "give the same --data" in " ".join(err.split())
    assert not (tmp_path / "cache").exists()


def test_export_refuses_other_data_than_the_fits(finished_fit: FinishedFit, csv: Path) -> None:
    status, _, err = _run("export", finished_fit.run.folder, "--data", csv)
    assert status == 1
    assert "holds another fit: data." in " ".join(err.split())


def test_export_makes_the_same_model_again(finished_fit: FinishedFit, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    shutil.copytree(finished_fit.run.folder, run.folder)
    arguments = ("export", run.folder, "--data", finished_fit.csv, "--to", tmp_path / "again", "--version", "1.1.0")
    status, out, err = _run(*arguments)
    assert (status, out) == (0, ""), err
    first, again = Bundle.open(finished_fit.run.bundle / "tiny"), Bundle.open(tmp_path / "again")
    assert again.manifest.version == "1.1.0"
    for name in ("tokenizer.json", "README.md"):
        assert again.read(name) == first.read(name), name
    for name in ("model.onnx", "model.int8.onnx"):
        assert graph_contents(again.read(name)) == graph_contents(first.read(name)), name
    assert again.manifest.document["metrics"] == first.manifest.document["metrics"]


def test_a_model_without_an_additive_form_is_published_too(csv: Path, tmp_path: Path) -> None:
    where = ("--run", tmp_path / "run", "--to", tmp_path / "birnn-mse")
    status, _, err = _run("fit", "birnn-mse", "--data", csv, *where, *FLAGS, "--epochs=1")
    assert status == 0, err
    bundle = Bundle.open(tmp_path / "birnn-mse")
    assert not bundle.manifest.additive
    assert list(bundle.manifest.precisions) == ["fp32"]
    assert "int8 and fp32" not in bundle.read("README.md").decode()


def test_export_refuses_another_reading_of_the_same_file(finished_fit: FinishedFit) -> None:
    status, _, err = _run("export", finished_fit.run.folder, "--data", finished_fit.csv, "--labels", "binary")
    assert status == 1
    assert "data.options is" in " ".join(err.split())
