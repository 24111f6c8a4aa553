"""Labels of three classes by cut points over the logit: the definition, Python's options, and the manifest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiline.cut_points import CutPoints, label_of
from sentiline.errors import BundleCorruptError, OptionError
from sentiline.prediction import Probabilities
from sentiline.predictor import Predictor, load
from sentiline.uncertainty import LengthThreshold
from tests.bundles import THREE_WAY, write_bundle

Edit = Callable[..., Path]
TEXTS = ["I loved it", "so boring: the worst", "It is a film. The plot is terrible!", "wonderful"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with load(write_bundle(tmp_path_factory.mktemp("models") / "threeway", manifest=THREE_WAY), threads=1) as loaded:
        yield loaded


@pytest.mark.parametrize("logit", [-1000.0, -40.0, -3.1, -0.5, 0.0, 0.2, 1.5, 7.0, 40.0, 1000.0])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.3, 0.31), (-60.0, 60.0)])
def test_probabilities_are_those_of_the_definition(logit: float, low: float, high: float) -> None:
    cut_points = CutPoints(low, high)
    found = cut_points.probabilities(logit)
    assert sum(dataclasses.astuple(found)) == pytest.approx(1, abs=1e-15)
    assert min(dataclasses.astuple(found)) >= 0
    if abs(logit) < 100:
        assert found.negative == pytest.approx(1 / (1 + math.exp(logit - low)))
        assert found.positive == pytest.approx(1 / (1 + math.exp(high - logit)))
    for share, odds in zip(dataclasses.astuple(found), dataclasses.astuple(cut_points.log_odds(logit)), strict=True):
        assert math.isfinite(odds)
        if 1e-9 < share < 1 - 1e-9:
            assert odds == pytest.approx(math.log(share / (1 - share)), abs=1e-6)


def test_the_label_is_the_most_probable_class() -> None:
    assert label_of(Probabilities(0.2, 0.5, 0.3)) == ("NEUTRAL", 0.5, pytest.approx(0.625))
    assert label_of(Probabilities(0.6, 0.3, 0.1)) == ("NEGATIVE", 0.6, pytest.approx(2 / 3))
    assert label_of(Probabilities(0.4, 0.2, 0.4))[0] == "POSITIVE"
    assert label_of(Probabilities(0.4, 0.4, 0.2))[0] == "NEUTRAL"


@pytest.mark.parametrize("detail", ["none", "timesteps", "sentences"])
def test_only_label_score_and_uncertainty_change(model: Predictor, detail: Any) -> None:
    for two, three in zip(
        model.predict(TEXTS, detail=detail), model.predict(TEXTS, detail=detail, neutral=True), strict=True
    ):
        assert two.probabilities is None
        assert three.probabilities == CutPoints(-0.5, 1.5).probabilities(two.logit)
        assert three.label == label_of(three.probabilities)[0]
        assert three.score == max(dataclasses.astuple(three.probabilities))
        changed = {"label", "score", "uncertain", "probabilities", "sentences"}
        for name in {field.name for field in dataclasses.fields(two)} - changed:
            assert getattr(three, name) == getattr(two, name), name
        for one, other in zip(two.sentences or (), three.sentences or (), strict=True):
            assert other.contribution is not None
            expected = label_of(CutPoints(-0.5, 1.5).probabilities(other.contribution))
            assert (other.label, other.score) == expected[:2]
            assert (other.positive, other.contribution) == (one.positive, one.contribution)


def test_dicts_have_the_probabilities_only_if_asked_for(model: Predictor) -> None:
    [two], [three] = model.read(TEXTS[:1]), model.read(TEXTS[:1], neutral=True)
    assert "probabilities" not in two.as_dict()
    assert list(three.as_dict()) == [*two.as_dict(), "probabilities"]
    assert sum(three.as_dict()["probabilities"].values()) == pytest.approx(1)
    [error, reading] = model.read_each(["...", TEXTS[0]], neutral=True)
    assert isinstance(error, Exception)
    assert reading.as_dict() == three.as_dict()  # type: ignore[union-attr]


def test_a_model_without_cut_points_refuses(predictor: Predictor) -> None:
    for method in (predictor.predict, predictor.read, predictor.read_each):
        with pytest.raises(OptionError, match="has no cut points") as raised:
            method(TEXTS, neutral=True)
        assert raised.value.field == "neutral"
        assert "model bilstm 0.0.1 " in str(raised.value)
        assert "leave neutral out" in str(raised.value)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_neutral_is_a_flag(model: Predictor, value: Any) -> None:
    with pytest.raises(OptionError, match="must be True or False"):
        model.predict(TEXTS, neutral=value)


def test_thresholds_of_three_labels_are_their_own(model: Predictor) -> None:
    thresholds = model.manifest.cut_points.thresholds  # type: ignore[union-attr]
    for reading in model.read(TEXTS, neutral=True):
        assert reading.thresholds is thresholds
        first, second, _ = sorted(dataclasses.astuple(reading.probabilities), reverse=True)
        assert reading.confidence == pytest.approx(first / (first + second))
        assert reading.uncertain is bool(reading.uncertainty_reasons())
    assert {reading.thresholds for reading in model.read(TEXTS)} == {model.manifest.uncertainty}
    assert model.manifest.uncertainty is not None
    assert model.manifest.uncertainty.lengths == (LengthThreshold(4, 0.95), LengthThreshold(8, 0.85))


def test_three_labels_fall_back_on_the_thresholds_of_two(edit: Edit) -> None:
    path = edit(
        uncertainty={"confidence": 0.9, "unknown_rate": 0.5}, neutral={"cut_points": {"negative": -1, "positive": 1}}
    )
    with load(path, threads=1) as model:
        [reading] = model.read(["a film"], neutral=True)
        assert reading.thresholds == model.manifest.uncertainty


CUTS = {"negative": -1.0, "positive": 1.0}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"neutral": []}, '"neutral" must be an object with the object "cut_points"'),
        ({"neutral": {"cut_points": 3}}, '"neutral" must be an object with the object "cut_points"'),
        ({"neutral": {"cut_points": {"negative": -1}}}, '"neutral.cut_points.positive" must be a number from -100'),
        ({"neutral": {"cut_points": {"negative": "a", "positive": 1}}}, '"neutral.cut_points.negative" must be a'),
        ({"neutral": {"cut_points": {"negative": 1, "positive": 1}}}, "must be greater than 1, which is negative"),
        ({"neutral": {"cut_points": CUTS, "uncertainty": {"confidence": 2}}}, '"neutral.uncertainty.confidence" must'),
        ({"uncertainty": {"confidence": 0.8, "unknown_rate": 0.2, "lengths": {}}}, '"uncertainty.lengths" must be'),
        (
            {"uncertainty": {"confidence": 0.8, "unknown_rate": 0.2, "lengths": [{"max_tokens": 0, "confidence": 1}]}},
            r'"uncertainty.lengths\[0\].max_tokens" must be a whole number of at least 1',
        ),
        (
            {
                "uncertainty": {
                    "confidence": 0.8,
                    "unknown_rate": 0.2,
                    "lengths": [{"max_tokens": 8, "confidence": 1}, {"max_tokens": 8, "confidence": 1}],
                }
            },
            r'"uncertainty.lengths\[1\].max_tokens" must be a whole number of at least 9',
        ),
        ({"uncertainty": {"confidence": 0.8, "unknown_rate": 0.2, "unread_rate": 0}}, '"uncertainty.unread_rate" must'),
    ],
)
def test_a_malformed_manifest_is_refused(edit: Edit, entries: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleCorruptError, match=message):
        load(edit(**entries))
