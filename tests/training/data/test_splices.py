"""Splices hold pieces of one review of each sentiment, and their loss teaches the timesteps."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.training.fits import tiny_config
from training.data.dataset import Dataset
from training.data.splices import Splicer
from training.errors import ConfigError, DataError
from training.nn.losses import splice_gradients
from training.nn.model import build_model


def _reviews(count: int = 12, length: int = 40) -> Dataset:
    """Review k holds the ids 100 k, 100 k + 1, …; those of odd k are positive."""
    ids = tuple(np.arange(100 * number, 100 * number + length, dtype=np.int32) + 2 for number in range(count))
    return Dataset(ids, np.array([0.9 if number % 2 else 0.1 for number in range(count)], np.float32))


def test_every_splice_is_one_piece_of_a_review_of_each_sentiment():
    ids, lengths, targets = Splicer(_reviews(), 64).draw(np.random.default_rng(0))
    assert ids.shape == targets.shape == (64, lengths.max())
    orders = set()
    for row, length, target in zip(ids, lengths, targets, strict=True):
        assert not row[length:].any()
        assert not target[length:].any()
        tokens, labels = row[:length] - 2, target[:length]
        seam = int(np.flatnonzero(np.diff(labels))[0]) + 1
        halves = tokens[:seam], tokens[seam:]
        for half, label in zip(halves, (labels[0], labels[-1]), strict=True):
            assert 20 <= len(half) <= 40
            assert (np.diff(half) == 1).all()
            assert label == pytest.approx(0.9 if half[0] // 100 % 2 else 0.1)
        assert {round(float(labels[0]), 1), round(float(labels[-1]), 1)} == {0.1, 0.9}
        orders.add(bool(labels[0] > labels[-1]))
    assert orders == {True, False}


def test_reviews_that_are_short_or_unsure_are_not_spliced():
    data = _reviews(4)
    labels = np.array([0.1, 0.9, 0.3, 0.7], np.float32)
    ids, _, _ = Splicer(Dataset(data.ids, labels), 32).draw(np.random.default_rng(0))
    assert {int(token) // 100 for token in ids[ids > 0] - 2} == {0, 1}
    with pytest.raises(DataError, match="no positive review has the 20 tokens that a splice needs"):
        Splicer(Dataset(data.ids, np.full(4, 0.1, np.float32)), 4)
    with pytest.raises(DataError, match="no negative review has the 20 tokens that a splice needs"):
        Splicer(Dataset(tuple(ids[:10] for ids in data.ids), labels), 4)


def test_the_loss_is_the_mean_cross_entropy_of_the_tokens():
    config = tiny_config(embedding_dropout=0.0, token_dropout=0.0, state_dropout=0.0, splices=0.5)
    model = build_model(config, 20)
    ids, lengths = np.array([[3, 4, 5, 0], [6, 7, 8, 9]], np.int32), np.array([3, 4], np.int32)
    targets = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], np.float32)
    gradients = splice_gradients(model, tf.constant(ids), tf.constant(lengths), tf.constant(targets))
    variables = model.trainable_variables
    place = next(index for index, variable in enumerate(variables) if variable is model.head.bias)
    logits = model.head.timestep_logits(model.states(model.embedding(ids), lengths)).numpy()
    mask = np.arange(4)[None, :] < lengths[:, None]
    expected = 0.5 * ((1 / (1 + np.exp(-logits)) - targets) * mask).sum() / mask.sum()
    assert float(gradients[place]) == pytest.approx(expected, rel=1e-4)
    scores = model.head.outputs(model.states(model.embedding(ids), lengths), lengths)["scores"].numpy()
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)) * mask, atol=1e-6)


@pytest.mark.parametrize("changes", [{"direction": "forward"}, {"head": "timesteps", "state_dropout": 0.0}])
def test_heads_that_are_not_read_at_each_timestep_refuse_splices(changes):
    with pytest.raises(ConfigError, match="only a bidirectional model"):
        tiny_config(splices=0.5, **changes)
