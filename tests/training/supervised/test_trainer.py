"""The training step against its formulas: noise, moving average, update, evaluation, and resuming from a state."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.training.fits import tiny_config
from training.config.fit import FitConfig
from training.data.dataset import Dataset, pad
from training.errors import CheckpointError
from training.nn import backend
from training.nn.losses import adversarial_noise
from training.nn.model import SentimentModel, build_model
from training.supervised.trainer import Trainer, assign_weights, model_weights

backend.configure(1)

Array = NDArray[Any]


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    """Run formulas without compiling them, which takes most of the time; the fits of `test_fit.py` are compiled."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


VOCABULARY = 30
PLAIN: dict[str, Any] = {"adversarial": 0.0, "embedding_dropout": 0.0, "token_dropout": 0.0, "state_dropout": 0.0}


def _trainer(steps: int = 20, **changes: Any) -> Trainer:
    """A trainer of the tiny recipe, with the cell and without the noise that TensorFlow builds a graph for quickly."""
    config = tiny_config(**{"vocabulary": VOCABULARY, "cell": "rnn", "adversarial": 0.0, **changes})
    return Trainer(config, build_model(config, VOCABULARY), steps)


def _dataset(count: int, seed: int = 0) -> Dataset:
    generator = np.random.default_rng(seed)
    ids = [generator.integers(1, VOCABULARY, length).astype(np.int32) for length in generator.integers(1, 12, count)]
    return Dataset(tuple(ids), (np.arange(count) % 2).astype(np.int8))


def _step(trainer: Trainer, seed: int) -> tuple[float, float]:
    data = _dataset(8, seed)
    return trainer.step(*pad(data.ids), data.labels)


def _logits(model: SentimentModel, data: Dataset) -> Array:
    return np.asarray(model(*map(keras.ops.convert_to_tensor, pad(data.ids)))["logit"], np.float64)


def test_noise_has_its_norm_and_follows_the_gradient() -> None:
    gradient = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    noise = np.asarray(adversarial_noise(tf.constant(gradient), 1.5))
    flat, along = noise.reshape(5, -1), gradient.reshape(5, -1)
    np.testing.assert_allclose(np.linalg.norm(flat, axis=1), 1.5, rtol=1e-6)
    cosine = (flat * along).sum(axis=1) / np.linalg.norm(flat, axis=1) / np.linalg.norm(along, axis=1)
    np.testing.assert_allclose(cosine, 1, rtol=1e-6)


def test_noise_of_no_gradient_is_nothing() -> None:
    np.testing.assert_array_equal(np.asarray(adversarial_noise(tf.zeros((2, 3, 4)), 1.5)), 0)


def test_noise_raises_the_loss_more_than_a_random_direction() -> None:
    model = build_model(tiny_config(vocabulary=VOCABULARY), VOCABULARY)
    data = _dataset(16)
    ids, lengths = pad(data.ids)
    labels = tf.constant(data.labels, tf.float32)

    def losses(vectors: Any) -> Any:
        logits = model.head.logit(model.states(vectors, tf.constant(lengths)), tf.constant(lengths))
        return tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)

    vectors = tf.constant(np.asarray(model.embedding(ids)))
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        loss = tf.reduce_mean(losses(vectors))
    noise = adversarial_noise(tape.gradient(loss, vectors), 0.05)
    random = adversarial_noise(tf.constant(np.random.default_rng(1).normal(size=vectors.shape), tf.float32), 0.05)
    clean, worst, other = (np.asarray(losses(vectors + shift)) for shift in (0.0, noise, random))
    assert (worst > clean).all()
    assert (worst > other).all()


def test_a_plain_step_is_adam_on_the_mean_cross_entropy() -> None:
    rate, beta_1, beta_2, epsilon = 1e-3, 0.9, 0.98, 1e-7
    trainer = _trainer(**PLAIN, schedule="constant", clip_norm=0.0, ema=0.0, learning_rate=rate, beta_2=beta_2)
    data = _dataset(8)
    labels = tf.constant(data.labels, tf.float32)
    variables = [variable.value for variable in trainer.model.trainable_variables]
    with tf.GradientTape() as tape:
        reading = trainer.model(*map(tf.constant, pad(data.ids)))
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, reading["logit"]))
    gradients = [np.asarray(tf.convert_to_tensor(gradient), np.float64) for gradient in tape.gradient(loss, variables)]
    before = model_weights(trainer.model)
    said, accuracy = trainer.step(*pad(data.ids), data.labels)
    assert said == pytest.approx(float(loss), abs=1e-6)
    assert accuracy == pytest.approx(float(np.mean((np.asarray(reading["logit"]) > 0) == (data.labels == 1))))
    after = model_weights(trainer.model)
    for (name, weight), gradient in zip(before.items(), gradients, strict=True):
        # Kingma & Ba 2015, Algorithm 1, first step, with ε outside the root as Keras has it
        first = (1 - beta_1) * gradient
        second = (1 - beta_2) * gradient**2
        change = rate * np.sqrt(1 - beta_2) / (1 - beta_1) * first / (np.sqrt(second) + epsilon)
        np.testing.assert_allclose(after[name], weight - change, atol=2e-6, err_msg=name)


def test_the_adversarial_loss_changes_the_step() -> None:
    plain, adversarial = _trainer(**PLAIN), _trainer(**{**PLAIN, "adversarial": 1.5})
    assert _step(plain, 1) == _step(adversarial, 1)  # the loss shown is the clean one
    assert any(
        not np.array_equal(left, right)
        for left, right in zip(
            model_weights(plain.model).values(), model_weights(adversarial.model).values(), strict=True
        )
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "lstm", "adversarial": 1.5},
        {"cell": "gru", "reset_after": False},
        {"direction": "forward"},
        {"layers": 2},
        {"head": "timesteps", "loss": "mse", "state_dropout": 0.0},
        {"head": "last", "direction": "forward", "hidden": 5},
    ],
    ids=str,
)
def test_every_parameter_moves_after_one_step(changes: dict[str, Any]) -> None:
    trainer = _trainer(**changes)
    if changes.get("hidden"):  # ReLU units that are off for the whole batch have no gradient
        trainer.model.head.hidden.bias.assign(np.full(5, 2.0))
    before = model_weights(trainer.model)
    _step(trainer, 1)
    still = [name for name, weight in model_weights(trainer.model).items() if np.array_equal(weight, before[name])]
    assert still == []


def test_the_gradient_is_clipped_to_its_global_norm() -> None:
    changes = {**PLAIN, "schedule": "constant", "ema": 0.0, "learning_rate": 1e-3}
    free, tight = _trainer(**changes, clip_norm=0.0), _trainer(**changes, clip_norm=1e-9)
    moved = []
    for trainer in (free, tight):
        before = model_weights(trainer.model)
        _step(trainer, 1)
        after = model_weights(trainer.model)
        moved.append(max(float(np.abs(after[name] - before[name]).max()) for name in before))
    # Adam undoes scale, but a gradient of norm 1e-9 vanishes next to its ε of 1e-7.
    assert moved[0] == pytest.approx(1e-3, rel=1e-2)
    assert moved[1] < 2e-5


def test_the_learning_rate_decays_to_a_tenth_over_the_planned_steps() -> None:
    trainer = _trainer(steps=4, learning_rate=0.01)
    rates = []
    for number in range(5):
        rates.append(float(trainer.optimizer.learning_rate))
        _step(trainer, number)
    cosine = [0.01 * (0.9 * (1 + np.cos(np.pi * step / 4)) / 2 + 0.1) for step in range(5)]
    np.testing.assert_allclose(rates, cosine, rtol=1e-5)
    assert rates[-1] == pytest.approx(0.001, rel=1e-5)


def test_averages_follow_their_formula() -> None:
    trainer = _trainer(ema=0.3)
    wanted = {name: weight.astype(np.float64) for name, weight in model_weights(trainer.model).items()}
    for number in range(1, 7):
        _step(trainer, number)
        decay = min(0.3, (1 + number) / (10 + number))  # 2/11, 3/12, 4/13 > 0.3, …
        for name, weight in model_weights(trainer.model).items():
            wanted[name] = decay * wanted[name] + (1 - decay) * weight
    averaged = trainer.averaged_weights()
    assert averaged.keys() == wanted.keys()
    for name, weight in averaged.items():
        np.testing.assert_allclose(weight, wanted[name], atol=1e-6, err_msg=name)
        assert not np.array_equal(weight, model_weights(trainer.model)[name]), name


def test_evaluate_uses_the_averages_and_gives_the_weights_back() -> None:
    trainer = _trainer(ema=0.9, learning_rate=0.05)
    for number in range(4):
        _step(trainer, number)
    data = _dataset(50, 99)
    before = trainer.state()
    loss, accuracy = trainer.evaluate(data, batch_size=16)
    after = trainer.state()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)
    averaged = build_model(trainer.config, VOCABULARY)
    assign_weights(averaged, trainer.averaged_weights())
    for model, alike in ((averaged, True), (trainer.model, False)):
        logits = _logits(model, data)
        own = float(np.mean(np.log1p(np.exp(np.where(data.labels == 1, -logits, logits)))))
        assert (abs(own - loss) < 1e-6) is alike
    assert accuracy == pytest.approx(float(np.mean((_logits(averaged, data) > 0) == (data.labels == 1))))


def test_evaluate_gives_the_weights_back_after_an_error() -> None:
    trainer = _trainer()
    _step(trainer, 1)
    before = model_weights(trainer.model)
    with pytest.raises(KeyError), trainer.averaged():
        raise KeyError
    for name, weight in model_weights(trainer.model).items():
        np.testing.assert_array_equal(weight, before[name], err_msg=name)


def test_without_an_average_the_weights_are_evaluated_as_they_are() -> None:
    trainer = _trainer(ema=0.0)
    _step(trainer, 1)
    assert trainer.averages == []
    for name, weight in trainer.averaged_weights().items():
        np.testing.assert_array_equal(weight, model_weights(trainer.model)[name], err_msg=name)


def test_a_restored_trainer_continues_bit_for_bit() -> None:
    tf.config.run_functions_eagerly(False)
    first = _trainer(cell="lstm", adversarial=1.5)
    for number in range(3):
        _step(first, number)
    state = {name: array.copy() for name, array in first.state().items()}
    second = _trainer(cell="lstm", adversarial=1.5)
    second.restore(state)
    for number in range(3, 6):
        assert _step(first, number) == _step(second, number)
    for name, array in first.state().items():
        np.testing.assert_array_equal(second.state()[name], array, err_msg=name)
    assert any("random" in name for name in state), "the dropout generator belongs to the state"
    assert {name.partition("/")[0] for name in state} == {"model", "adam", "average"}


def test_dropout_differs_at_every_step() -> None:
    trainer = _trainer(learning_rate=1e-9, ema=0.0)
    losses = [_step(trainer, 1)[0] for _ in range(3)]
    assert len(set(losses)) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 5}, "has shape"),
        ({"layers": 2}, "only one of them has"),
        ({"ema": 0.0}, "only one of them has average/"),
        ({"cell": "gru"}, "only one of them has"),
    ],
    ids=str,
)
def test_restore_refuses_another_model(changes: dict[str, Any], message: str) -> None:
    state = _trainer(**changes).state()
    with pytest.raises(CheckpointError, match=f"another model: .*{message}"):
        _trainer().restore(state)


def test_seeds_decide_the_initial_weights() -> None:
    config: FitConfig = tiny_config()
    first, same, other = (
        model_weights(build_model(one, VOCABULARY)) for one in (config, config, dataclasses.replace(config, seed=1))
    )
    for name, weight in first.items():
        np.testing.assert_array_equal(same[name], weight, err_msg=name)
    assert not np.array_equal(first["tiny/embedding/embeddings"], other["tiny/embedding/embeddings"])


def test_a_state_can_be_restored_whatever_else_the_process_has_built() -> None:
    state = _trainer().state()
    for _ in range(3):
        _trainer(cell="gru")
    _trainer().restore(state)
