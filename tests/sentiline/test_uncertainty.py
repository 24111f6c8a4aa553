"""Models that say when they do not know: below, at and above both thresholds, in Python and on the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sentiline.cli.main import main
from sentiline.predictor import Predictor, load
from sentiline.uncertainty import LengthThreshold, Thresholds
from tests.bundles import UNSURE, WORDS, write_bundle

TEXT = "good film zzz and so boring"  # 1 of 6 tokens is unknown
Edit = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with thresholds and one without."""
    models = tmp_path_factory.mktemp("unsure")
    write_bundle(models / "bilstm", manifest=UNSURE)
    write_bundle(models / "plain", additive=False, manifest=UNSURE)
    write_bundle(models / "old")
    return models


def run(folder: Path, *arguments: str) -> Result:
    runner = CliRunner(env={"SENTILINE_MODELS": str(folder), "COLUMNS": "80", "NO_COLOR": "1"})
    result = runner.invoke(main, arguments, prog_name="sentiline")
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize(
    ("confidence", "rate", "doubts"),
    [
        (lambda score: score, 1.0, 0),
        (lambda score: math.nextafter(score, 0), 1.0, 0),
        (lambda score: math.nextafter(score, 1), 1.0, 1),
        (lambda _: 0.5, 1 / 6, 0),
        (lambda _: 0.5, math.nextafter(1 / 6, 1), 0),
        (lambda _: 0.5, math.nextafter(1 / 6, 0), 1),
        (lambda _: 1.0, 0.0, 2),
    ],
)
def test_at_a_threshold_it_knows_and_beyond_it_does_not(
    predictor: Predictor, edit: Edit, confidence: Callable[[float], float], rate: float, doubts: int
) -> None:
    [before] = predictor.predict([TEXT])
    assert (before.unknown_tokens, before.tokens_used, before.uncertain) == (1, 6, None)
    path = edit(uncertainty={"confidence": confidence(before.score), "unknown_rate": rate})
    with load(path, precision=predictor.precision, threads=1) as unsure:
        [reading] = unsure.read([TEXT])
        [after] = unsure.predict([TEXT], detail="sentences")
    assert len(reading.uncertainty_reasons()) == doubts
    assert after.uncertain is reading.uncertain is (doubts > 0)
    assert (after.score, after.logit) == (before.score, before.logit), "a threshold changes no verdict"


@pytest.mark.parametrize(
    ("used", "unknown", "rate"), [(10, 1, 0.1), (10, 3, 0.3), (100, 29, 0.29), (1024, 307, 307 / 1024), (3, 0, 0.0)]
)
def test_a_share_that_equals_the_threshold_is_not_beyond_it(used: int, unknown: int, rate: float) -> None:
    assert Thresholds(0.5, rate).reasons(0.5, unknown, used) == []
    assert len(Thresholds(0.5, rate).reasons(0.5, unknown + 1, used)) == 1


def test_every_model_with_thresholds_can_tell(folder: Path) -> None:
    texts = [" ".join(WORDS[index : index + 4]) for index in range(len(WORDS) - 4)] + ["zzz qqq good"]
    for name in ("bilstm", "plain"):
        with load(folder / name) as model:
            answers = model.predict(texts)
        assert [one.uncertain for one in answers] == [
            one.score < 0.75 or one.unknown_tokens / one.tokens_used > 0.25 for one in answers
        ]
        assert {one.uncertain for one in answers} == {True, False}


@pytest.mark.parametrize("detail", ["none", "sentences", "timesteps"])
def test_json_marks_uncertain_predictions(folder: Path, detail: str) -> None:
    def uncertain(*arguments: str) -> Any:
        answer = json.loads(run(folder, "predict", "--json", "--detail", detail, *arguments).stdout)
        return [prediction["uncertain"] for prediction in answer["predictions"]]

    with load(folder / "bilstm") as model:
        expected = [one.uncertain for one in model.predict([TEXT, "zzz qqq good"])]
    assert uncertain(TEXT, "zzz qqq good") == expected
    assert expected[1] is True
    assert uncertain("--model", "old", TEXT) == [None]


def test_the_terminal_says_so_and_why(folder: Path) -> None:
    def lines(*arguments: str) -> list[str]:
        return run(folder, "predict", "--detail", "none", *arguments).stdout.splitlines()

    for text, uncertain in (
        ("zzz qqq good xxx", "? uncertain: more than 25 % of the tokens unknown"),
        ("It was fine, but not great", "? uncertain: less than 75 % sure"),
        ("a zzz", "? uncertain: less than 75 % sure; more than 25 % of the tokens unknown"),
    ):
        shown = lines(text)
        assert shown[0].startswith(("POSITIVE", "NEGATIVE"))
        assert shown[1:-1] == [uncertain]
    assert not any("uncertain" in line for line in lines("So boring: the worst plot."))
    assert not any("uncertain" in line for line in lines("--model", "old", "zzz qqq good"))


def test_models_json_has_the_thresholds(folder: Path) -> None:
    entries = {entry["name"]: entry for entry in json.loads(run(folder, "models", "--json").stdout)["models"]}
    assert entries["bilstm"]["uncertainty"] == UNSURE["uncertainty"]
    assert entries["old"]["uncertainty"] is None


def test_percentages_are_as_exact_as_need_be() -> None:
    assert Thresholds(0.87654321, 0.005).reasons(0.6, 1, 3) == [
        "less than 87.65 % sure",
        "more than 0.5 % of the tokens unknown",
    ]


def test_short_texts_need_the_confidence_of_their_length() -> None:
    thresholds = Thresholds(0.7, 1.0, (LengthThreshold(4, 0.95), LengthThreshold(8, 0.85)))
    for tokens, needed in ((1, 0.95), (4, 0.95), (5, 0.85), (8, 0.85), (9, 0.7), (500, 0.7)):
        assert thresholds.reasons(needed, 0, tokens) == []
        assert thresholds.reasons(math.nextafter(needed, 0), 0, tokens) == [f"less than {100 * needed:.4g} % sure"]


def test_unread_tokens_raise_the_confidence_needed() -> None:
    thresholds = Thresholds(0.8, 1.0, unread_rate=0.25)
    assert thresholds.reasons(0.8, 0, 100, 100) == []
    assert thresholds.reasons(0.89, 0, 875, 1000) == ["less than 90 % sure"]
    assert thresholds.reasons(0.91, 0, 875, 1000) == []
    assert thresholds.reasons(0.996, 0, 1024, 1841) == ["more than 25 % of the tokens unread"]
    assert thresholds.reasons(1.0, 0, 749, 1000) == ["more than 25 % of the tokens unread"]
    assert Thresholds(0.8, 1.0).reasons(0.996, 0, 1024, 1841) == [], "earlier bundles do not look at what is unread"


def test_flags_are_the_reasons_of_many_texts() -> None:
    generator = np.random.default_rng(0)
    total = generator.integers(1, 60, 2000)
    used = np.minimum(total, generator.integers(1, 60, 2000))
    unknown = np.minimum(used, generator.integers(0, 10, 2000))
    confidence = generator.choice([0.5, 0.7, 0.85, 0.9, 0.95, 1.0], 2000)
    for thresholds in (
        Thresholds(0.7, 0.25, (LengthThreshold(4, 0.95), LengthThreshold(8, 0.85)), 0.25),
        Thresholds(0.85, 0.3),
    ):
        expected = [bool(thresholds.reasons(*row)) for row in zip(confidence, unknown, used, total, strict=True)]
        assert thresholds.flags(confidence, unknown, used, total).tolist() == expected
        assert 0 < sum(expected) < 2000


def test_a_text_with_much_unread_is_uncertain(edit: Edit) -> None:
    path = edit(uncertainty={"confidence": 0.5, "unknown_rate": 1.0, "unread_rate": 0.25})
    with load(path, threads=1) as model:
        limit = model.tokenizer.max_tokens
        for words, expected in ((limit, False), (limit + 3, False), (2 * limit, True)):
            [prediction] = model.predict(["good " * words])
            assert (prediction.uncertain, prediction.truncated) == (expected, words > limit), prediction


def test_thresholds_round_trip_through_a_manifest(edit: Edit) -> None:
    for entries in ({}, {"lengths": [{"max_tokens": 3, "confidence": 0.9}], "unread_rate": 0.5}):
        document = UNSURE["uncertainty"] | entries
        with load(edit(uncertainty=document), threads=1) as model:
            assert model.manifest.uncertainty is not None
            assert model.manifest.uncertainty.as_dict() == document
