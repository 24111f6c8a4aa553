"""Every head on every kind of model: exact sums, prefixes, padding, and gradients that reach every weight."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.config.fit import FitConfig
from training.config.presets import PRESETS
from training.data.dataset import pad
from training.nn.model import SentimentModel, build_model
from training.supervised.trainer import Trainer, model_weights

Array = NDArray[Any]
VOCABULARY = 40
LENGTHS = (9, 1, 14, 6)
# These presets cover every head, cell and direction, and stacked layers; the others run in the long tests.
HEADS = ["bilstm", "lstm", "rnn-1", "gru-1", "lstm-100", "gru-100", "birnn-mse", "bilstm-stacked"]


def presets(wanted: Callable[[FitConfig], bool] = lambda _: True) -> list[Any]:
    """The names of the presets that satisfy a condition; those outside `HEADS` are marked as long."""
    names = [name for name, config in PRESETS.items() if wanted(config)]
    return [name if name in HEADS else pytest.param(name, marks=pytest.mark.long) for name in names]


def small(name: str) -> FitConfig:
    """The preset with fewer units, so that a test takes no time; a head of one unit keeps it."""
    config = PRESETS[name]
    return dataclasses.replace(
        config, units=min(config.units, 5), embedding=6, hidden=min(config.hidden, 7), vocabulary=VOCABULARY
    )


def lively(name: str) -> SentimentModel:
    """A model whose weights are large enough that states differ, attention is uneven and no bias is 0."""
    model = build_model(small(name), VOCABULARY)
    generator = np.random.default_rng(sum(map(ord, name)))
    for variable in model.trainable_variables:
        variable.assign(generator.normal(0, 0.8, variable.shape))
    return model


def reviews() -> list[NDArray[np.int32]]:
    generator = np.random.default_rng(11)
    return [generator.integers(1, VOCABULARY, length).astype(np.int32) for length in LENGTHS]


def read(model: SentimentModel, ids: Array, lengths: Array) -> dict[str, Array]:
    reading = model(ids, lengths)
    return {name: np.asarray(value) for name, value in reading.items() if value is not None}


def sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-values.astype(np.float64))))


@pytest.mark.parametrize("name", HEADS)
def test_the_reading_has_the_shapes_of_the_graph_contract(name: str) -> None:
    ids, lengths = pad(reviews())
    reading = read(lively(name), ids, lengths)
    assert reading["logit"].shape == reading["bias"].shape == (4,)
    assert reading["scores"].shape == (4, 14)
    assert ("contributions" in reading) == (PRESETS[name].head != "timesteps")
    assert all(value.dtype == np.float32 for value in reading.values())


@pytest.mark.parametrize("name", presets(lambda config: config.head != "timesteps"))
def test_contributions_and_bias_sum_to_the_logit(name: str) -> None:
    model = lively(name)
    ids, lengths = pad(reviews())
    reading = read(model, ids, lengths)
    total = reading["bias"] + reading["contributions"].sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(total, reading["logit"], atol=2e-6)
    assert np.ptp(reading["bias"]) == 0  # the bias is of the model, not of the review
    states = model.states(model.embedding(ids), lengths)
    trained_on = np.asarray(model.head.logit(states, lengths))  # what the loss sees is what is read
    np.testing.assert_allclose(trained_on, reading["logit"], atol=5e-6)


@pytest.mark.parametrize("name", presets(lambda config: config.direction == "forward"))
def test_a_forward_models_score_at_t_is_its_verdict_on_the_first_t_tokens(name: str) -> None:
    model = lively(name)
    for review in reviews():
        whole = read(model, review[None], np.array([len(review)], np.int32))
        logits = read(model, *pad([review[:cut] for cut in range(1, len(review) + 1)]))["logit"]
        np.testing.assert_allclose(whole["scores"][0], sigmoid(logits), atol=2e-6)
        steps = np.diff(logits, prepend=whole["bias"])  # what a token contributes is how it changes the verdict
        np.testing.assert_allclose(whole["contributions"][0], steps, atol=5e-6)


@pytest.mark.parametrize("name", ["bilstm", "bigru", "birnn-mse"])
def test_a_bidirectional_models_score_depends_on_what_comes_after(name: str) -> None:
    model = lively(name)
    review = reviews()[2]
    whole = read(model, review[None], np.array([14], np.int32))
    cut = read(model, review[None, :7], np.array([7], np.int32))
    assert np.abs(whole["scores"][0, :7] - cut["scores"][0]).max() > 1e-3


def test_the_verdict_of_birnn_mse_is_the_mean_of_its_scores() -> None:
    ids, lengths = pad(reviews())
    reading = read(lively("birnn-mse"), ids, lengths)
    mean = reading["scores"].sum(axis=1, dtype=np.float64) / lengths
    np.testing.assert_allclose(sigmoid(reading["logit"]), mean, atol=1e-6)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_state_of_a_one_unit_model_is_its_probability(cell: str) -> None:
    model = lively(f"{cell}-1")
    ids, lengths = pad(reviews())
    states = np.asarray(model.states(model.embedding(ids), lengths))[:, :, 0]
    inside = np.arange(ids.shape[1]) < lengths[:, None]
    reading = read(model, ids, lengths)
    np.testing.assert_allclose(reading["scores"], states * inside, atol=1e-6)
    np.testing.assert_allclose(sigmoid(reading["logit"]), states[range(4), lengths - 1], atol=1e-6)
    assert reading["bias"].tolist() == [0, 0, 0, 0]


# Keras warns of a softmax over one timestep, which a review of one token is.
@pytest.mark.filterwarnings("ignore:[^a-zA-Z]*.*You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("name", presets())
def test_padding_changes_nothing(name: str) -> None:
    model = lively(name)
    ids, lengths = pad(reviews())
    batch = read(model, ids, lengths)
    wider = read(model, np.pad(ids, ((0, 0), (0, 5))), lengths)
    for key, value in batch.items():
        reference = wider[key] if value.ndim == 1 else wider[key][:, : ids.shape[1]]
        np.testing.assert_allclose(value, reference, atol=2e-6, err_msg=key)
    for row, review in enumerate(reviews()):
        alone = read(model, review[None], lengths[row : row + 1])
        for key, value in alone.items():
            found = batch[key][row] if value.ndim == 1 else batch[key][row, : len(review)]
            np.testing.assert_allclose(found, value[0], atol=2e-6, err_msg=key)
            if value.ndim == 2:
                assert not batch[key][row, len(review) :].any(), f"{key} on padding"
                assert not wider[key][row, len(review) :].any(), f"{key} on padding"


@pytest.mark.parametrize("name", ["bilstm-stacked", "gru", "rnn-1", "lstm-100", "gru-100", "birnn-mse"])
def test_one_step_moves_every_weight(name: str) -> None:
    config = small(name)
    model = build_model(config, VOCABULARY)
    before = model_weights(model)
    ids, lengths = pad(reviews())
    trainer = Trainer(config, model, steps=10)
    loss, accuracy = trainer.step(ids, lengths, np.array([0, 1, 1, 0], np.int8))
    assert 0 < loss < 2
    assert accuracy in (0, 0.25, 0.5, 0.75, 1)
    after = model_weights(model)
    assert len(before) == len(model.trainable_variables)  # paths tell all weights apart
    assert [path for path, weight in before.items() if np.array_equal(weight, after[path])] == []
