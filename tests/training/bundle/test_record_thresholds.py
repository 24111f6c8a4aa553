"""Cut points and thresholds, fitted with the shipped model's own logits and written into a copy of its bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import sentiline
from sentiline.bundle import Bundle, find
from sentiline.errors import OptionError
from training.cli.main import main

_SUBJECTS = ["film", "plot", "cast", "story", "music", "acting", "ending", "script", "camera", "dialogue"]
_PHRASES = {
    "positive": ["wonderful", "excellent", "great", "a joy", "superb", "moving"],
    "negative": ["awful", "terrible", "boring", "a mess", "dreadful", "dull"],
    "neutral": ["long", "from 1990", "in colour", "in French", "about a town", "set in winter"],
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    shipped = find("bilstm").path
    return Path(shutil.copytree(shipped, tmp_path / "models" / "bilstm"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Sixty combinations of each class in each of two files; every tenth text has another class's label."""
    folder = tmp_path / "held-out"
    folder.mkdir()
    names = list(_PHRASES)
    for number, source in enumerate(("shop", "news")):
        rows = ["label,text"]
        for name, phrases in _PHRASES.items():
            for index, (subject, phrase) in enumerate((s, p) for s in _SUBJECTS for p in phrases):
                label = names[(names.index(name) + 1) % 3] if (index + number) % 10 == 0 else name
                rows.append(f"{label},The {subject} is {phrase}{'.' if number else '!'}")
        (folder / f"{source}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], terminal_width=110)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_a_copied_bundle_gets_a_third_label(bundle: Path, files: Path, tmp_path: Path) -> None:
    before = Bundle.open(bundle).manifest
    with sentiline.load(bundle, threads=1) as model, pytest.raises(OptionError, match="has no cut points"):
        model.predict(["a film"], neutral=True)
    written = tmp_path / "figures.json"
    output = run("thresholds", bundle, files, "--neutral", "--json", written)
    assert Bundle.open(bundle).manifest.digest == before.digest, "without --record nothing is written"
    output = run("thresholds", bundle, files, "--neutral", "--record", "--target-error", 5)
    for part in ("shop", "news", "up to 8 tokens", "cut points ", "macro recall"):
        assert part in output
    figures = json.loads(written.read_text(encoding="utf-8"))
    manifest = Bundle.open(bundle).manifest
    assert manifest.cut_points is not None
    assert manifest.cut_points.as_dict()["cut_points"] == figures["neutral"]["cut_points"]
    assert manifest.document["neutral"]["metrics"]["texts"] == {"negative": 120, "neutral": 120, "positive": 120}
    assert [row["name"] for row in manifest.document["metrics"]["risk_coverage"]["sources"]] == ["news", "shop"]
    assert manifest.uncertainty is not None
    assert manifest.uncertainty.unread_rate == 0.25
    card = (bundle / "README.md").read_text(encoding="utf-8")
    for part in ("With the option `neutral`", "Macro recall", "Errors by length and by source", "(risk-lengths.png)"):
        assert part in card
    Bundle.open(bundle).verify()
    with sentiline.load(bundle, threads=1) as model:
        answers = model.predict(["The acting is superb!", "The ending is dreadful!"], neutral=True, detail="timesteps")
        assert [answer.label for answer in answers] == ["POSITIVE", "NEGATIVE"]
        for answer in answers:
            assert answer.timesteps is not None
            total = answer.bias + sum(step.contribution or 0 for step in answer.timesteps)
            assert total == pytest.approx(answer.logit, abs=1e-5)
    measured = run("evaluate", bundle, "--data", files, "--neutral", "--precision", manifest.default_precision)
    accuracy = manifest.document["neutral"]["metrics"]["accuracy"]
    assert f"accuracy {accuracy:.2f} %" in measured


def test_a_damning_part_left_unread_is_not_certain_any_more(bundle: Path, files: Path) -> None:
    text = "A wonderful, superb, great and moving film. " * 70 + "It is awful, a terrible mess. " * 130
    text += "A wonderful, superb, great and moving film. " * 70
    with sentiline.load(bundle, threads=1) as model:
        [before] = model.predict([text])
    assert (before.label, before.truncated, before.uncertain) == ("POSITIVE", True, False)
    run("thresholds", bundle, files, "--record")
    with sentiline.load(bundle, threads=1) as model:
        [after] = model.predict([text])
        assert model.manifest.cut_points is None
    assert (after.label, after.logit, after.uncertain) == ("POSITIVE", before.logit, True)


def test_neutral_needs_files_with_neutral_rows(bundle: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", str(bundle), "--neutral"])
    assert result.exit_code == 2
    assert "IMDB has no neutral reviews" in result.output
