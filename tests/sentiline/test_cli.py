"""The command line: every example of its help runs; output for machines and people; exit codes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sentiline import __version__
from sentiline.cli.main import COMMANDS, main
from sentiline.predictor import load

ROOT = Path(__file__).resolve().parents[2]
TEXT = "I loved this wonderful movie! But the zzz ending was bad."

Cli = Callable[..., Result]


@pytest.fixture
def cli(models: Path) -> Cli:
    def run(*arguments: str, stdin: bytes = b"", **environ: str) -> Result:
        runner = CliRunner(env={"SENTILINE_MODELS": str(models), "COLUMNS": "80", "NO_COLOR": None} | environ)
        return runner.invoke(main, arguments, input=stdin, prog_name="sentiline")

    return run


def examples(command: str | None) -> list[str]:
    """The example lines of a help text: indented by two, naming `sentiline`."""
    arguments = [command, "--help"] if command else ["--help"]
    lines = CliRunner().invoke(main, arguments, prog_name="sentiline").output.splitlines()
    return [line.strip() for line in lines if "sentiline " in line and line.startswith("    ")]


@pytest.mark.parametrize("line", [*examples(None), *examples("predict"), *examples("models")])
def test_examples_of_the_help_run(line: str, models: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "sentiline"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sentiline "$@"\n')
    program.chmod(0o755)
    (tmp_path / "review.txt").write_text("A film about nothing,\nand I loved it.\n")
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    environ = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "SENTILINE_MODELS": str(models)}
    done = subprocess.run(line, shell=True, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    outputs = [done.stdout, *(file.read_text() for file in tmp_path.glob("answer.json"))]
    assert any("bilstm" in output for output in outputs) or "Usage: " in done.stdout


def test_examples_are_found() -> None:
    assert len(examples(None)) == 3
    assert len(examples("predict")) == 7
    assert len(examples("models")) == 2


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys\nfrom sentiline.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "print(sorted(set(sys.modules) & {'numpy', 'onnxruntime', 'rich', 'bentoml'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_commands_exist_under_their_names(name: str) -> None:
    with click.Context(main) as context:
        command = main.get_command(context, name)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_version_and_unknown_command(cli: Cli) -> None:
    assert cli("--version").output == f"sentiline, version {__version__}\n"
    result = cli("predct")
    assert result.exit_code == 2
    assert "No such command 'predct'" in result.stderr


def test_python_m_runs_the_command(models: Path) -> None:
    command = [sys.executable, "-m", "sentiline", "predict", "--json", "good"]
    environ = os.environ | {"SENTILINE_MODELS": str(models)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=True)
    assert json.loads(done.stdout)["model"] == "bilstm"


def test_json_is_the_answer_of_the_library(cli: Cli, models: Path) -> None:
    with load(models / "bilstm") as predictor:
        expected = predictor.answer(predictor.read([TEXT, "été ♥"]), "timesteps")
    result = cli("predict", "--json", TEXT, "été ♥")
    assert result.exit_code == 0
    assert json.loads(result.stdout_bytes.decode("utf-8")) == expected
    assert list(expected["predictions"][0]["timesteps"][0]) == [
        "token",
        "start",
        "end",
        "unknown",
        "positive",
        "contribution",
        "running",
    ]


def test_options_change_the_json_as_in_python(cli: Cli, models: Path) -> None:
    arguments = ("--precision", "fp32", "--truncation", "tail", "--detail", "none", "--threads", "1")
    result = cli("predict", "--json", "--model", str(models / "bilstm"), *arguments, "good " * 40 + "bad " * 40)
    with load(models / "bilstm", precision="fp32", threads=1) as predictor:
        expected = predictor.read(["good " * 40 + "bad " * 40], truncation="tail")
    assert json.loads(result.stdout)["predictions"] == [expected[0].as_dict("none")]


def test_texts_are_read_in_order_of_arguments_input_and_files(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfboring film\n")
    result = cli("predict", "--json", "good film", "-", "-f", str(tmp_path / "a.txt"), stdin=b"the worst\nplot")
    predictions = json.loads(result.stdout)["predictions"]
    tokens = [[step["token"] for step in prediction["timesteps"]] for prediction in predictions]
    assert tokens == [["good", "film"], ["the", "worst", "plot"], ["boring", "film"]]


def test_predictions_are_printed_for_people(cli: Cli) -> None:
    result = cli("predict", TEXT)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout  # no terminal, no colours
    lines = result.stdout.splitlines()
    assert lines[0].split()[0] in ("POSITIVE", "NEGATIVE")
    assert lines[0].endswith("12 tokens, 1 unknown")
    assert lines[1].startswith("verdict so far ")
    assert lines[-1] == "bilstm 0.0.1, int8"


def test_sentences_are_printed_for_people(cli: Cli, models: Path) -> None:
    text = "I loved\nthis wonderful movie! " + "So fine. " * 80 + "But the ending was bad."
    with load(models / "bilstm") as predictor:
        [prediction] = predictor.predict([text], detail="sentences")
    lines = cli("predict", "--detail", "sentences", text).stdout.splitlines()
    assert prediction.sentences is not None
    first, *middle, last = prediction.sentences
    assert f"{first.contribution:+8.2f}  I loved this wonderful movie!" in lines
    assert f"{last.contribution:+8.2f}  But the ending was bad." in lines
    [unread] = [sentence.sentence for sentence in middle if sentence.tokens_used == 0]
    shown = " ".join(" ".join(lines).split())
    assert f"not read {unread[:60]} ... {unread[-60:]}".replace("  ", " ") in shown


def test_colours_follow_force_color_and_no_color(cli: Cli) -> None:
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    assert "\x1b[38;2;" in cli("predict", TEXT, **forced).stdout
    plain = cli("predict", TEXT, **forced, NO_COLOR="1").stdout
    assert "38;" not in plain
    assert "48;" not in plain
    assert "{+" in plain or "{-" in plain


def test_a_terminal_without_unicode_shows_the_text(models: Path) -> None:
    command = [sys.executable, "-m", "sentiline", "predict", "good film ♥"]
    environ = os.environ | {"SENTILINE_MODELS": str(models), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"good film" in done.stdout.replace(b"{+", b"").replace(b"+}", b"").replace(b"{-", b"").replace(b"-}", b"")


def test_several_texts_are_numbered(cli: Cli) -> None:
    lines = cli("predict", "--detail", "none", "good", "bad").stdout.splitlines()
    assert [line for line in lines if line.startswith("[")] == ["[1/2]", "[2/2]"]
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["predict"], 2, "no text: give one in quotes, or --file PATH, or - for standard input"),
        (["predict", ""], 2, "Error: text 1: the text is empty; send at least one word"),
        (["predict", "good", "..."], 2, "Error: text 2: the text has 3 characters but no word"),
        (["predict", "-"], 2, "Error: standard input: the text is empty"),
        (["predict", "--file", "/nonexistent.txt"], 2, "cannot read /nonexistent.txt: No such file or directory"),
        (["predict", "--file", "/"], 2, "cannot read /: Is a directory"),
        (["predict", "--truncation", "error", "good " * 65], 2, "text 1: the text has 65 tokens"),
        (["predict", "--truncation", "middle", "good"], 2, "'middle' is not one of"),
        (["predict", "--detail", "all", "good"], 2, "'all' is not one of"),
        (["predict", "--threads", "0", "good"], 2, "0 is not in the range x>=1"),
        (["predict", "--precision", "fp16", "good"], 2, "precision is 'fp16'; model bilstm has fp32, int8"),
        (["predict", "--model", "bilsm", "good"], 1, "no model named 'bilsm'; did you mean \"bilstm\"?"),
        (["predict", "--model", "./none", "good"], 1, "no model bundle at none: found nothing there"),
    ],
)
def test_errors_exit_with_one_message(cli: Cli, arguments: list[str], code: int, message: str) -> None:
    result = cli(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


def test_an_unusable_models_folder_exits_with_2(cli: Cli) -> None:
    result = cli("models", SENTILINE_MODELS="/nonexistent")
    assert result.exit_code == 2
    assert "SENTILINE_MODELS names /nonexistent, which is not a folder" in result.stderr


def test_input_that_is_not_utf8(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    result = cli("predict", "-f", str(tmp_path / "latin.txt"))
    assert result.exit_code == 2
    assert "latin.txt is not UTF-8: byte 0xe9 at position 3; convert it first" in result.stderr
    assert "standard input is not UTF-8" in cli("predict", "-", stdin=b"\xff").stderr


def test_name_of_a_file_is_hinted_at(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "review.txt").write_text("good film")
    result = cli("predict", "--json", "review.txt")
    assert result.exit_code == 0
    assert "scoring the words 'review.txt'; to read the file of that name use --file" in result.stderr
    assert [step["token"] for step in json.loads(result.stdout)["predictions"][0]["timesteps"]] == ["review", "txt"]


def test_models_lists_the_installed_models(cli: Cli, models: Path) -> None:
    result = cli("models")
    assert result.exit_code == 0
    assert f"bilstm: {models / 'bilstm'}" in result.stdout.splitlines()
    assert "int8 *" in result.stdout


def test_models_json_lists_sizes_and_accuracies(cli: Cli, models: Path) -> None:
    entries = {entry["name"]: entry for entry in json.loads(cli("models", "--json").stdout)["models"]}
    entry = entries["bilstm"]
    assert (entry["path"], entry["version"], entry["error"]) == (str(models / "bilstm"), "0.0.1", None)
    assert (entry["vocabulary"], entry["max_tokens"], entry["default_precision"]) == (37, 64, "int8")
    assert entry["precisions"]["fp32"]["bytes"] == (models / "bilstm" / "model.onnx").stat().st_size
    assert entry["precisions"]["fp32"]["test_accuracy"] is None


def test_models_shows_test_accuracy(cli: Cli, edit: Callable[..., Path]) -> None:
    path = edit(metrics={"test": {"int8": {"accuracy": 91.236}}})
    result = cli("models", SENTILINE_MODELS=str(path.parent))
    assert "91.24 %" in result.stdout


def test_models_shows_damage(cli: Cli, copy: Path) -> None:
    (copy / "model.onnx").write_bytes(b"x")
    result = cli("models", SENTILINE_MODELS=str(copy.parent))
    assert result.exit_code == 1
    assert "damaged" in result.stdout
    assert "model.onnx is damaged: expected" in result.stdout
    [entry, *_] = json.loads(cli("models", "--json", SENTILINE_MODELS=str(copy.parent)).stdout)["models"]
    assert "expected" in entry["error"]
    used = cli("predict", "--precision", "fp32", "good", SENTILINE_MODELS=str(copy.parent))
    assert used.exit_code == 1
    assert "model.onnx is damaged" in used.stderr


def run_shell(line: str, models: Path) -> subprocess.CompletedProcess[str]:
    """Run a line whose `$S` is the command."""
    environ = os.environ | {"S": f"{sys.executable} -m sentiline", "SENTILINE_MODELS": str(models)}
    return subprocess.run(["sh", "-c", line], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("arguments", ["--help", "predict --json good", "predict good"])
def test_output_that_cannot_be_written(models: Path, arguments: str) -> None:
    done = run_shell(f"$S {arguments} > /dev/full", models)
    assert (done.returncode, done.stderr) == (2, "Error: standard output: No space left on device\n")


@pytest.mark.parametrize("arguments", ["--help", "predict --json good", "predict good"])
def test_a_reader_that_went_away_is_no_error(models: Path, arguments: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environ = os.environ | {"SENTILINE_MODELS": str(models)}
    command = [sys.executable, "-m", "sentiline", *arguments.split()]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environ, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", ["predict -", "score - -o never.csv", "score - --format csv -o never.csv"])
def test_standard_input_that_is_closed(models: Path, arguments: str) -> None:
    done = run_shell(f"$S {arguments} <&-", models)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "standard input is closed" in done.stderr
