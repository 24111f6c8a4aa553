"""The model card says what the manifest says, for a model of IMDB and for one of the user's own data."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from sentiline.bundle import Bundle
from tests.training.fits import FinishedFit
from training.bundle.model_card import render_card


@pytest.fixture
def manifest(finished_fit: FinishedFit) -> dict[str, Any]:
    """The fit's manifest, to change."""
    return copy.deepcopy(dict(Bundle.open(finished_fit.run.bundle / "tiny").manifest.document))


def _cells(card: str, title: str) -> list[str]:
    (line,) = (line for line in card.splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_shipped_card_is_what_render_writes(finished_fit: FinishedFit, manifest: dict[str, Any]) -> None:
    card = (finished_fit.run.bundle / "tiny" / "README.md").read_text(encoding="utf-8")
    assert card == render_card(manifest, manifest["files"])


def test_the_card_has_the_numbers_of_the_manifest(manifest: dict[str, Any]) -> None:
    card = render_card(manifest, manifest["files"])
    for precision, figure in manifest["metrics"]["validation"].items():
        assert _cells(card, f"validation | {precision}")[2:5] == [
            f"{figure['accuracy']:.2f} ± {figure['interval']:.2f} %",
            f"{figure['loss']:.4f}",
            f"{figure['reviews']:,}",
        ]
        calibration = figure["calibration"]
        assert _cells(card, f"{precision} | validation")[2:4] == [
            f"{calibration['ece']:.2f} %",
            f"{calibration['chance']:.2f} %",
        ]
    assert _cells(card, "parameters")[1] == f"{manifest['architecture']['parameters']:,}"
    for key, value in manifest["training"]["config"].items():
        if key not in ("name", "summary"):
            assert _cells(card, f"`{key}`")[1] == f"`{value}`"
    for what, row in manifest["metrics"]["export"]["largest_difference"].items():
        assert f"{row['probability']:.1e}" in _cells(card, what)
    assert any("numpy float64" in what for what in manifest["metrics"]["export"]["largest_difference"])
    for package, version in manifest["versions"].items():
        assert f"{package} {version}" in card
    assert f"those of epoch {manifest['training']['best_epoch']}" in card


def test_pictures_are_shown_if_they_are_there(manifest: dict[str, Any]) -> None:
    assert set(re.findall(r"\((\w+\.png)\)", render_card(manifest, manifest["files"]))) == {
        *("curves.png", "lengths.png", "reliability.png", "risk.png")
    }
    assert ".png" not in render_card(manifest, ["model.onnx"])


def test_a_model_of_own_data_claims_nothing_about_imdb(manifest: dict[str, Any]) -> None:
    card = render_card(manifest, [])
    assert "imdb" not in card.lower()
    assert "English" not in card
    assert "license:" not in card
    assert "Data: mine.csv (" in card


def test_a_model_of_imdb_names_it(manifest: dict[str, Any]) -> None:
    manifest["data"] = {
        "name": "imdb (Large Movie Review Dataset v1.0)",
        "training_reviews": 22_489,
        "validation_reviews": 2_511,
        "unlabelled_reviews": 50_000,
    }
    figure = manifest["metrics"]["validation"]["int8"]
    manifest["metrics"]["test"] = {"int8": {**figure, "accuracy": 91.236, "reviews": 25_000}}
    card = render_card(manifest, [])
    front = card.split("---")[1]
    assert "datasets:\n- stanfordnlp/imdb" in front
    assert "license: mit" in front
    assert "split: test" in front
    assert "value: 91.24" in front
    assert _cells(card, "test | int8")[2].startswith("91.24 ±")
    assert "22,489 training reviews, 2,511 validation reviews, 50,000 unlabelled reviews" in card
    assert "English film reviews are what it learned from" in card


@pytest.mark.parametrize(
    ("changes", "additive", "text"),
    [
        ({"head": "pooling", "direction": "bidirectional"}, True, "the\nwhole text from both sides"),
        ({"head": "last", "direction": "forward"}, True, "the change of the running logit"),
        ({"head": "timesteps", "direction": "bidirectional"}, False, "`contribution` and `running` are null"),
    ],
    ids=["pooling", "last", "timesteps"],
)
def test_the_card_says_what_a_contribution_is(
    manifest: dict[str, Any], changes: dict[str, str], additive: bool, text: str
) -> None:
    manifest["architecture"].update(changes)
    manifest["additive"] = additive
    assert text.replace("\n", " ") in render_card(manifest, [])
