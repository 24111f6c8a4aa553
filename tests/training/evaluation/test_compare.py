"""The comparison of models: what it takes from manifests, what it measures, what it writes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from sentiline import Predictor
from sentiline.bundle import Bundle
from sentiline.errors import BundleNotFoundError
from tests.bundles import write_bundle
from training.cli.compare import compare as command
from training.config.presets import PRESETS
from training.errors import DataError
from training.evaluation.compare import PUBLISHED, ModelEntry, compare_models, measure_speed, select_bundles
from training.evaluation.compare_report import overview_table, render_report, write_report
from training.nn.model import build_model

TEXTS = [
    "A good film, and so funny!",
    "The plot is terrible. I loved it?",
    "10/10 the best movie about a film that is not a movie",
    "Bad.",
]
NAMES = ("rnn", "gru", "lstm", "bilstm", "rnn-1", "mine")
PNG = b"\x89PNG\r\n\x1a\n"


def training(name: str) -> dict[str, Any]:
    """What a fit of three epochs leaves in a manifest."""
    config = PRESETS[name if name in PRESETS else "bilstm"]
    history = [
        {
            "epoch": epoch,
            "loss": 0.6 / epoch,
            "accuracy": 0.6 + 0.08 * epoch,
            "validation_loss": 0.5 / epoch,
            "validation_accuracy": 0.58 + 0.08 * epoch,
            "seconds": 10.0 * epoch,
        }
        for epoch in (1, 2, 3)
    ]
    return {"config": config.as_dict(), "history": history, "best_epoch": 2}


def figures(accuracy: float) -> dict[str, Any]:
    figure = {"accuracy": accuracy, "interval": 1.25, "reviews": 2511}
    return {"int8": figure, "fp32": {**figure, "accuracy": accuracy + 1}}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles; `rnn` has no test figure, `mine` says nothing of its training."""
    folder = tmp_path_factory.mktemp("models")
    for position, name in enumerate(NAMES):
        metrics = {"validation": figures(80 + position), "test": figures(79.5 + position)}
        if name == "rnn":
            del metrics["test"]
        said = {"training": training(name), "metrics": metrics} if name != "mine" else {}
        write_bundle(folder / name, manifest=said, seed=position)
    return folder


@pytest.fixture(scope="module")
def entries(models: Path) -> dict[str, ModelEntry]:
    found = compare_models([Bundle.open(models / name) for name in NAMES], TEXTS, rounds=3)
    return {entry.name: entry for entry in found}


def test_all_installed_models_are_chosen_in_the_order_of_the_presets(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTILINE_MODELS", str(models))
    chosen = [bundle.manifest.name for bundle in select_bundles(())]
    assert [name for name in chosen if name in NAMES] == ["bilstm", "lstm", "gru", "rnn", "rnn-1", "mine"]
    assert [bundle.manifest.name for bundle in select_bundles(("rnn", "gru"))] == ["gru", "rnn"]
    assert [bundle.path for bundle in select_bundles((str(models / "rnn"),))] == [models / "rnn"]


def test_an_unknown_model_is_an_error(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTILINE_MODELS", str(models))
    with pytest.raises(BundleNotFoundError, match="lsmt"):
        select_bundles(("lstm", "lsmt"))


def test_an_entry_holds_what_the_manifest_says_of_the_default_precision(entries: dict[str, ModelEntry]) -> None:
    lstm = entries["lstm"]
    assert lstm.precision == "int8"
    assert lstm.validation is not None
    assert (lstm.validation.percent, lstm.validation.interval, lstm.validation.reviews) == (82, 1.25, 2511)
    assert lstm.test is not None
    assert lstm.test.percent == 81.5
    assert lstm.reported_accuracy == ("test", lstm.test)
    assert lstm.seconds_per_epoch == 20
    assert lstm.best_epoch == 2
    assert lstm.parameters == lstm.architecture["parameters"] > 0
    rnn = entries["rnn"]
    assert rnn.test is None
    assert rnn.reported_accuracy == ("validation", rnn.validation)
    mine = entries["mine"]
    assert (mine.seconds_per_epoch, mine.test, mine.validation, mine.reported_accuracy) == (None, None, None, None)


@pytest.mark.parametrize("name", PRESETS)
def test_recurrent_parameters_are_those_of_the_keras_layers(name: str, entries: dict[str, ModelEntry]) -> None:
    model = build_model(PRESETS[name], 10)
    built = sum(int(np.prod(weight.shape)) for layer in model.recurrent for weight in layer.trainable_variables)
    described = dataclasses.replace(entries["lstm"], config=PRESETS[name].as_dict())
    assert described.recurrent_parameters == built


def test_speeds_are_of_one_run_and_consistent(entries: dict[str, ModelEntry]) -> None:
    for entry in entries.values():
        speed = entry.speed
        assert 0 < speed.fastest <= speed.milliseconds <= speed.slowest
        assert speed.reviews_per_second == pytest.approx(1000 / speed.milliseconds)
        assert speed.ratio is not None
    assert entries["bilstm"].speed.ratio == 1


def test_tokens_are_counted_as_each_model_cuts_them(models: Path, tmp_path: Path) -> None:
    short = write_bundle(tmp_path / "short", max_tokens=2)
    with Predictor(Bundle.open(models / "gru"), threads=1) as gru, Predictor(Bundle.open(short), threads=1) as cut:
        speeds = measure_speed({"gru": gru, "short": cut}, [*TEXTS, "...", ""], rounds=1)
        whole = [gru.tokenizer.encode(text).tokens_used for text in TEXTS]  # the last two texts hold no token
        assert speeds["gru"].tokens == np.mean(whole)
        assert speeds["short"].tokens == np.mean([min(2, tokens) for tokens in whole])
        assert speeds["gru"].ratio is speeds["short"].ratio is None  # nothing to be relative to
        with pytest.raises(DataError, match="none of the 2 texts"):
            measure_speed({"gru": gru}, ["...", ""], rounds=1)


def test_the_table_has_a_row_a_model_and_dashes_for_what_is_unknown(entries: dict[str, ModelEntry]) -> None:
    header, _, *rows = overview_table(list(entries.values())).splitlines()
    assert len(rows) == len(NAMES)
    cells = {row.split("|")[1].strip(" `"): [cell.strip() for cell in row.split("|")[2:-1]] for row in rows}
    titles = [title.strip() for title in header.split("|")[2:-1]]
    lstm, mine, rnn = (dict(zip(titles, cells[name], strict=True)) for name in ("lstm", "mine", "rnn"))
    assert lstm["parameters"] == f"{entries['lstm'].parameters:,}"
    assert (lstm["train s/epoch"], lstm["epochs"]) == ("20", "3")
    assert (lstm["validation"], lstm["test"]) == ("82.00 ± 1.25", "81.50 ± 1.25")
    assert lstm["ms/review"] == f"{entries['lstm'].speed.milliseconds:.2f}"
    assert (mine["train s/epoch"], mine["epochs"], mine["validation"], mine["test"]) == ("-", "-", "-", "-")
    assert (rnn["validation"], rnn["test"]) == ("80.00 ± 1.25", "-")


def test_the_page_says_what_was_measured_and_what_is_missing(entries: dict[str, ModelEntry]) -> None:
    page = render_report(list(entries.values()), ["comparison.png", "curves.png"], texts=4, rounds=3)
    assert "on 4 validation reviews" in page
    assert "median of 3 interleaved rounds" in page
    assert "Without a recorded test accuracy: `rnn`, `mine`." in page
    assert "| the plain recipe, forward | `gru` | 37,248 | 3.0 |" in page
    assert f"| `rnn-1` | {PUBLISHED['rnn-1']} | 84.00 ± 1.25 | +26.7 |" in page
    assert "padded on the right" in page


def test_sections_without_a_model_are_left_out(entries: dict[str, ModelEntry]) -> None:
    page = render_report([entries["lstm"]], [], texts=4, rounds=1)
    for absent in ("## Elman", "## Published", "## Learning curves", "![", "Without a recorded"):
        assert absent not in page
    lonely = dataclasses.replace(entries["lstm"].speed, ratio=None)
    assert "bilstm = 1" not in overview_table([dataclasses.replace(entries["lstm"], speed=lonely)])


def test_the_report_replaces_an_older_one_and_leaves_nothing_else(
    entries: dict[str, ModelEntry], tmp_path: Path
) -> None:
    folder = tmp_path / "docs" / "zoo"
    first = write_report(list(entries.values()), folder, texts=4, rounds=3)
    assert [path.name for path in first] == ["README.md", "comparison.png", "curves.png"]
    before = {path.name: path.read_bytes() for path in first}
    assert before["comparison.png"].startswith(PNG)
    assert before["curves.png"].startswith(PNG)
    write_report([entries["lstm"], entries["rnn"]], folder, texts=4, rounds=3)
    assert {path.name for path in folder.iterdir()} == set(before)
    assert all((folder / name).read_bytes() != content for name, content in before.items())


def test_models_that_say_nothing_have_a_table_and_no_picture(entries: dict[str, ModelEntry], tmp_path: Path) -> None:
    assert [path.name for path in write_report([entries["mine"]], tmp_path, texts=4, rounds=3)] == ["README.md"]


def test_the_command_compares_bundles_on_real_reviews(models: Path, imdb_archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "report"
    arguments = [str(models / "rnn"), str(models / "bilstm"), "--archive", str(imdb_archive), "--output", str(output)]
    result = CliRunner().invoke(command, [*arguments, "--reviews", "5", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    page = (output / "README.md").read_text(encoding="utf-8")
    assert "| `rnn` |" in page
    assert "on 5 validation reviews" in page
    manifests = [
        json.loads((models / name / "manifest.json").read_text(encoding="utf-8")) for name in ("rnn", "bilstm")
    ]
    assert [manifest["metrics"].get("test") is None for manifest in manifests] == [True, False]  # read, not written
