"""The numpy classifier trained: on a toy task step for step with Keras, and on real reviews."""

from __future__ import annotations

import itertools
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiline.reference.adam import initialize_adam, update_adam
from sentiline.reference.classifier import (
    classifier_forward,
    initialize_classifier,
    loss_and_gradients,
    train_classifier,
)
from sentiline.tokenizer import SPECIAL_TOKENS, Tokenizer, split
from tests.reference.gradients import Array

VOCABULARY = 12
RATE = 2**-6
# Keras rounds the learning rate and the powers of the betas through float32, even for float64 weights: only numbers
# that float32 holds exactly let the two agree to 1e-10.
EXACT_BETAS, DEFAULT_BETAS = (0.875, 0.984375), (0.9, 0.999)
Batch = tuple[Array, Array, Array]


def _toy_batches(rng: np.random.Generator, count: int) -> list[Batch]:
    """Does 1 come before 2? Other tokens, and the length, say nothing."""
    batches = []
    for _ in range(count):
        lengths = rng.integers(4, 11, 32)
        ids = rng.integers(3, VOCABULARY, (32, 10))
        labels = rng.integers(0, 2, 32)
        for row, (length, label) in enumerate(zip(lengths, labels, strict=True)):
            first, second = sorted(rng.choice(length, 2, replace=False))
            ids[row, [first, second]] = (1, 2) if label else (2, 1)
            ids[row, length:] = 0
        batches.append((ids, labels.astype(float), lengths))
    return batches


def test_toy_task_is_learned() -> None:
    rng = np.random.default_rng(0)
    params = initialize_classifier(rng, VOCABULARY, 6, 8)
    params, losses = train_classifier(_toy_batches(rng, 300), params, learning_rate=0.02)
    assert np.mean(losses[:10]) > 0.6
    assert np.mean(losses[-20:]) < 0.05
    (ids, labels, lengths), *_ = _toy_batches(np.random.default_rng(1), 1)
    logits, _ = classifier_forward(ids, params, lengths)
    assert ((logits > 0) == (labels > 0.5)).mean() >= 0.95


@pytest.mark.parametrize(
    ("inside", "betas", "at_least", "at_most"),
    [(False, EXACT_BETAS, 0, 1e-10), (False, DEFAULT_BETAS, 0, 1e-5), (True, EXACT_BETAS, 1e-4, 1)],
    ids=["keras", "keras with its default betas", "textbook"],
)
def test_training_keeps_step_with_keras(
    inside: bool, betas: tuple[float, float], at_least: float, at_most: float
) -> None:
    keras, tf = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    rng = np.random.default_rng(2)
    params = initialize_classifier(rng, VOCABULARY, 4, 3)
    params["attention"] += 0.5 * rng.standard_normal(params["attention"].shape)
    sides = {
        side: keras.layers.LSTM(3, return_sequences=True, dtype="float64", go_backwards=side == "backward")
        for side in ("forward", "backward")
    }
    for side, layer in sides.items():
        layer.build((None, None, 4))
        layer.set_weights([params[f"{side}.{name}"] for name in ("W", "U", "b")])
    others = ("embedding", "attention", "w_mean", "w_attention", "bias")
    variables = {name: keras.Variable(params[name], dtype="float64", name=name) for name in others}
    trained: dict[str, Any] = dict(variables)
    for side, layer in sides.items():
        trained |= {f"{side}.{name}": v for name, v in zip(("W", "U", "b"), layer.trainable_variables, strict=True)}
    optimizer = keras.optimizers.Adam(RATE, *betas)
    optimizer.build(list(trained.values()))

    def step(ids: Array, labels: Array, lengths: Array) -> float:
        with tf.GradientTape() as tape:
            mask = tf.sequence_mask(lengths, ids.shape[1])
            x = tf.gather(variables["embedding"].value, ids)
            backward = tf.reverse(sides["backward"](x, mask=mask), [1])
            h = tf.concat([sides["forward"](x, mask=mask), backward], axis=-1)
            inside_review = tf.cast(mask, h.dtype)[:, :, None]
            mean = tf.reduce_sum(h * inside_review, 1) / lengths[:, None].astype(float)
            energy = tf.where(mask, tf.linalg.matvec(h, variables["attention"].value), -np.inf)
            context = tf.reduce_sum(tf.nn.softmax(energy)[:, :, None] * h, 1)
            logits = variables["bias"].value + tf.linalg.matvec(mean, variables["w_mean"].value)
            logits += tf.linalg.matvec(context, variables["w_attention"].value)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.constant(labels), logits))
        gradients = tape.gradient(loss, [variable.value for variable in trained.values()])
        optimizer.apply([tf.convert_to_tensor(g) for g in gradients], list(trained.values()))
        return float(loss)

    m, v = initialize_adam(params)
    apart = 0.0
    for number, (ids, labels, lengths) in enumerate(_toy_batches(rng, 12), start=1):
        loss, gradients = loss_and_gradients(ids, labels, params, lengths)
        params, m, v = update_adam(params, gradients, m, v, number, RATE, *betas, epsilon_inside_sqrt=inside)
        theirs = step(ids, labels, lengths)
        apart = max(apart, abs(float(loss) - theirs))
        apart = max(apart, *(np.abs(params[name] - trained[name].numpy()).max() for name in params))
    assert at_least <= apart <= at_most  # the textbook's epsilon is another optimizer, and this test can tell


def _reviews(archive: Path, kind: str, count: int) -> list[str]:
    with tarfile.open(archive) as tar:
        members = (member for member in tar if member.isfile() and f"/train/{kind}/" in member.name)
        return [tar.extractfile(member).read().decode() for member in itertools.islice(members, count)]  # type: ignore[union-attr]


def test_loss_falls_on_real_reviews(imdb_archive: Path) -> None:
    negative, positive = (_reviews(imdb_archive, kind, 150) for kind in ("neg", "pos"))
    texts = [text for pair in zip(negative, positive, strict=True) for text in pair]
    labels = np.tile([0.0, 1.0], 150)
    counts: dict[str, int] = {}
    for text in texts:
        for token in split(text)[0]:
            counts[token] = counts.get(token, 0) + 1
    frequent = sorted(counts, key=lambda token: (-counts[token], token))[:2000]
    tokenizer = Tokenizer([*SPECIAL_TOKENS, *frequent], max_tokens=40, truncation="tail")
    encoded = [tokenizer.encode(text).ids for text in texts]
    lengths = np.array([len(ids) for ids in encoded])
    ids = np.zeros((len(texts), 40), np.int32)
    for row, review in zip(ids, encoded, strict=True):
        row[: len(review)] = review
    batches = [(ids[at : at + 50], labels[at : at + 50], lengths[at : at + 50]) for at in range(0, 300, 50)]
    params = initialize_classifier(np.random.default_rng(3), len(tokenizer.vocabulary), 16, 8)
    params, losses = train_classifier(batches * 6, params, learning_rate=0.01)
    epochs = np.reshape(losses, (6, 6)).mean(axis=1)
    assert 0.68 < epochs[0] < 0.71
    assert epochs[-1] < 0.25
    assert (np.diff(epochs) < 0).all()
