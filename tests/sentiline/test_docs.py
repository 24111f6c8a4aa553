"""The documents of this area: Python examples run, and no command or option of theirs goes undocumented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from sentiline import errors
from sentiline.cli.main import COMMANDS, main
from sentiline.prediction import Prediction, Sentence, Timestep

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_python_examples_run(models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SENTILINE_MODELS", str(models))
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "python.md").read_text(encoding="utf-8"), re.DOTALL | re.M)
    assert len(blocks) == 6
    namespace: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "python.md", "exec"), namespace)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] in ("POSITIVE", "NEGATIVE")
    assert lines[1] == "bilstm fp32 2"
    assert [line.split()[:3] for line in lines[2:6]] == [
        ["Great", "0", "5"],
        ["cast", "6", "10"],
        ["dull", "12", "16"],
        ["film", "17", "21"],
    ]
    assert lines[6].split()[1:] == ["True", "texts[1]"]
    assert re.fullmatch(r"\['\w+', '\w+', ''\] empty_text", lines[7])
    assert lines[8] == '{"model": "bilstm",'
    namespace["model"].close()


def test_python_names_are_documented() -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    for name in (*Prediction.__dataclass_fields__, *Sentence.__dataclass_fields__, *Timestep.__dataclass_fields__):
        assert f"`{name}`" in text, name
    for name, error in vars(errors).items():
        leaf = isinstance(error, type) and issubclass(error, errors.SentilineError) and not error.__subclasses__()
        assert not leaf or f"`{name}`" in text, name


def test_commands_are_documented() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`sentiline {name}`" in text


@pytest.mark.parametrize("name", ["predict", "score", "models", "serve", "verify"])
def test_options_and_examples_are_documented(name: str) -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    with click.Context(main) as context:
        command = main.get_command(context, name)
    assert command is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert all(f"`{option}" in text for option in parameter.opts), parameter.opts
    for line in re.findall(r"^ +((?:cat .* )?sentiline .*)$", command.help or "", re.M):
        assert line in text, line


def test_the_tokenizer_example_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "tokenizer.md").read_text(encoding="utf-8")
    [(code, output)] = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", text, re.DOTALL | re.M)
    exec(compile(code, "tokenizer.md", "exec"), {})
    assert capsys.readouterr().out == output
