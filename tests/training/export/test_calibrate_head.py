"""What is folded into a head scales logit, bias and contributions alike and shifts the bias; they still add up."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.training.fits import tiny_config
from training.data.dataset import Dataset, pad
from training.export.calibrate_head import calibrate_head
from training.nn.model import SentimentModel, build_model

WORDS = 50


def _model(**changes: Any) -> SentimentModel:
    model = build_model(tiny_config(**changes), WORDS)
    generator = np.random.default_rng(5)
    for variable in model.head.trainable_variables:
        variable.assign(generator.normal(0, 2, variable.shape))
    return model


def _data(count: int) -> Dataset:
    generator = np.random.default_rng(2)
    ids = tuple(generator.integers(1, WORDS, generator.integers(1, 12)).astype(np.int32) for _ in range(count))
    return Dataset(ids, np.zeros(count, np.int8))


def _read(model: SentimentModel, data: Dataset) -> dict[str, Any]:
    ids, lengths = map(keras.ops.convert_to_tensor, pad(data.ids))
    return {name: np.asarray(value, np.float64) for name, value in model(ids, lengths).items() if value is not None}


HEADS = [
    {},
    {"direction": "forward"},
    {"direction": "forward", "head": "last", "hidden": 3},
    {"direction": "forward", "head": "last"},
]


@pytest.mark.parametrize("changes", HEADS, ids=["pooling", "prefix", "last, hidden", "last"])
def test_everything_is_scaled_and_adds_up(changes: dict[str, Any]) -> None:
    model, data = _model(**changes), _data(6)
    before = _read(model, data)
    model.head.scale(2.5, -0.7)
    after = _read(model, data)
    for name, shift in (("logit", -0.7), ("bias", -0.7), ("contributions", 0.0)):
        np.testing.assert_allclose(after[name], before[name] / 2.5 + shift, rtol=1e-5, atol=1e-6)
    inside = before["scores"] > 0
    odds = np.log(before["scores"][inside] / (1 - before["scores"][inside]))
    np.testing.assert_allclose(after["scores"][inside], 1 / (1 + np.exp(0.7 - odds / 2.5)), rtol=1e-4)
    assert not after["scores"][~inside].any()
    np.testing.assert_allclose(after["bias"] + after["contributions"].sum(axis=1), after["logit"], rtol=0, atol=1e-5)


def test_what_is_fitted_is_what_the_labels_have() -> None:
    model, data = _model(), _data(3000)
    model.embedding.embeddings.assign(np.random.default_rng(4).normal(0, 5, (WORDS, 8)))
    logits = _read(model, data)["logit"]
    assert logits.std() > 1
    labels = np.random.default_rng(3).random(3000) < 1 / (1 + np.exp(0.9 - logits / 1.8))  # too sure, and too positive
    found = calibrate_head(model, Dataset(data.ids, labels.astype(np.int8)))
    assert found.temperature == pytest.approx(1.8, rel=0.15)
    assert found.shift == pytest.approx(-0.9, abs=0.15)
    assert found.note == ""
    scaled = logits / found.temperature + found.shift
    np.testing.assert_allclose(_read(model, data)["logit"], scaled, rtol=1e-5, atol=1e-5)


def test_a_model_that_cannot_be_calibrated_is_left_alone() -> None:
    model, data = _model(), _data(20)
    before = _read(model, data)
    found = calibrate_head(model, data)
    assert (found.temperature, found.shift) == (1, 0)
    assert "20 validation reviews are too few" in found.note
    np.testing.assert_array_equal(_read(model, data)["logit"], before["logit"])


@pytest.mark.parametrize(
    "changes",
    [
        {"head": "unit", "direction": "forward", "units": 1, "activation": "sigmoid", "cell": "rnn"},
        {"head": "timesteps"},
    ],
    ids=["unit", "timesteps"],
)
def test_a_head_that_ends_in_no_linear_step_is_not_scaled(changes: dict[str, Any]) -> None:
    model = build_model(tiny_config(state_dropout=0.0, **changes), WORDS)
    found = calibrate_head(model, _data(300))
    assert (found.temperature, found.shift) == (1, 0)
    assert f'head "{changes["head"]}" does not end in a linear step' in found.note
