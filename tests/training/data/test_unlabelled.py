"""The losses on unlabelled reviews: their formulas, and a fit that uses them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.training.fits import reviews, tiny_config, tiny_data
from training.data.dataset import pad
from training.errors import DataError
from training.nn.losses import binary_entropy, unlabelled_gradients
from training.nn.model import build_model
from training.supervised.fit import fit
from training.supervised.run_folder import Run
from training.supervised.trainer import Trainer

IDS = [np.array(ids, np.int32) for ids in ([3, 4, 5], [6, 7, 8, 9, 10], [2, 3], [11, 12, 13, 14])]
PLAIN = {"embedding_dropout": 0.0, "token_dropout": 0.0, "state_dropout": 0.0, "adversarial": 0.0}


def _trainer(**changes: float) -> Trainer:
    config = tiny_config(**PLAIN, **changes)
    model = build_model(config, 20)
    for weight in (model.head.w_mean, model.head.w_attention):
        weight.assign(weight * 20)  # predictions away from one half, where entropy and divergence have gradients
    return Trainer(config, model, 10)


def test_binary_entropy_is_that_of_the_probability():
    logits = np.linspace(-6, 6, 25)
    p = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(binary_entropy(tf.constant(logits)), -p * np.log(p) - (1 - p) * np.log(1 - p), atol=1e-9)


def test_the_gradient_of_the_entropy_is_that_of_finite_differences():
    trainer = _trainer(entropy=0.7)
    ids, lengths = pad(IDS)
    gradients = unlabelled_gradients(trainer.model, tf.constant(ids), tf.constant(lengths))
    variables = trainer.model.trainable_variables
    place = next(index for index, variable in enumerate(variables) if variable.path.endswith("w_mean"))
    step = 1e-2
    for unit in range(3):
        values = []
        for sign in (1, -1):
            moved = np.asarray(variables[place]).copy()
            moved[unit] += sign * step
            kept = np.asarray(variables[place]).copy()
            variables[place].assign(moved)
            values.append(0.7 * float(tf.reduce_mean(binary_entropy(trainer._evaluate(ids, lengths)))))
            variables[place].assign(kept)
        assert float(gradients[place][unit]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=0.03, abs=1e-5)


def test_virtual_noise_pushes_towards_smoother_predictions():
    trainer = _trainer(virtual=1.0)
    ids, lengths = pad(IDS)

    def divergence() -> float:
        """Mean divergence under many random perturbations of the same norm."""
        vectors = trainer.model.embedding(ids)
        clean = tf.sigmoid(trainer.model.head.logit(trainer.model.states(vectors, lengths), lengths)).numpy()
        total = 0.0
        for seed in range(40):
            noise = np.random.default_rng(seed).normal(size=vectors.shape)
            noise *= (np.arange(ids.shape[1])[None, :] < lengths[:, None])[..., None]
            noise /= np.sqrt((noise**2).sum(axis=(1, 2), keepdims=True))
            states = trainer.model.states(vectors + tf.constant(noise, tf.float32), lengths)
            other = tf.sigmoid(trainer.model.head.logit(states, lengths)).numpy()
            total += float((clean * np.log(clean / other) + (1 - clean) * np.log((1 - clean) / (1 - other))).mean())
        return total / 40

    before = divergence()
    for _ in range(20):
        gradients = unlabelled_gradients(trainer.model, tf.constant(ids), tf.constant(lengths))
        for variable, gradient in zip(trainer.model.trainable_variables, gradients, strict=True):
            variable.assign_sub(0.5 * gradient)
    assert divergence() < 0.7 * before


def test_a_fit_with_unlabelled_reviews_runs_and_learns(tmp_path):
    data = dataclasses.replace(tiny_data(), unlabelled=[review.text for review in reviews(120, seed=9)])
    history = fit(tiny_config(virtual=0.1, entropy=0.05, crops=0.1, epochs=10), data, Run(tmp_path / "run"))
    assert history[-1]["validation_accuracy"] > 0.8


def test_unlabelled_losses_without_unlabelled_reviews_are_refused(tmp_path):
    with pytest.raises(DataError, match="set both to 0"):
        fit(tiny_config(virtual=0.1), tiny_data(), Run(tmp_path / "run"))
