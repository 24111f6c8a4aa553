"""The LSTM that training steps through, against the numpy reference and against the Keras layer that it replaces."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from sentiline.reference.lstm import LSTM
from sentiline.reference.unroll import unroll_backward, unroll_forward
from tests.training.fits import tiny_config
from training.nn import backend
from training.nn.backend.tensorflow_lstm import lstm
from training.nn.model import build_model

backend.configure(1)

SHAPES = pytest.mark.parametrize(("batch", "time", "width", "units"), [(3, 7, 4, 5), (1, 1, 1, 1), (2, 40, 6, 3)])


def _drawn(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def _close(ours: Any, theirs: Any) -> None:
    theirs = np.asarray(theirs)
    assert np.abs(np.asarray(ours) - theirs).max() <= 2e-6 * max(1, np.abs(theirs).max())


@SHAPES
def test_states_and_every_gradient_are_those_of_the_reference(batch: int, time: int, width: int, units: int) -> None:
    x, hidden, cell = _drawn(batch, time, width), _drawn(batch, units, seed=1), _drawn(batch, units, seed=2)
    params = {"W": _drawn(width, 4 * units), "U": _drawn(units, 4 * units), "b": _drawn(4 * units)}
    by_states, by_last = _drawn(batch, time, units, seed=3), _drawn(batch, units, seed=4)
    exact = {name: value.astype(np.float64) for name, value in params.items()}
    h, final, cache = unroll_forward(LSTM, x.astype(np.float64), exact, initial=(hidden, cell))
    wanted = unroll_backward(by_states, (np.zeros_like(by_last), by_last), cache)

    inputs = [tf.constant(array) for array in (x, *params.values(), hidden, cell)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        states, last = lstm(*inputs)
        total = tf.reduce_sum(states * by_states) + tf.reduce_sum(last * by_last)
    found = tape.gradient(total, inputs)
    _close(states, h)
    _close(last, final[1])
    for ours, theirs in zip(found, (wanted.dx, *wanted.dparams.values(), *wanted.dinitial), strict=True):
        _close(ours, theirs)


@SHAPES
@pytest.mark.parametrize("kept", [False, True], ids=["zeros first", "state carried"])
def test_a_keras_layer_is_computed_as_keras_would(batch: int, time: int, width: int, units: int, kept: bool) -> None:
    layer = keras.layers.LSTM(units, return_sequences=True, return_state=kept)
    layer.build((None, None, width))
    layer.set_weights([_drawn(*weight.shape) for weight in layer.get_weights()])
    state = [tf.constant(_drawn(batch, units, seed=seed)) for seed in (1, 2)] if kept else None
    by_states, x = _drawn(batch, time, units, seed=3), tf.constant(_drawn(batch, time, width))

    def read(through: Any) -> list[Any]:
        variables = [variable.value for variable in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            results = through(x)
            states, *rest = results if kept else (results,)
            total = tf.reduce_sum(states * by_states)
        return [states, *rest, *tape.gradient(total, [x, *variables])]

    ours = read(lambda inputs: backend.run_recurrent(layer, inputs, state))
    for found, wanted in zip(ours, read(lambda inputs: layer(inputs, initial_state=state)), strict=True):
        _close(found, wanted)


OTHERS: dict[str, dict[str, Any]] = {
    "sigmoid": {"activation": "sigmoid"},
    "hard gates": {"recurrent_activation": "hard_sigmoid"},
    "no bias": {"use_bias": False},
    "backwards": {"go_backwards": True},
    "last state": {"return_sequences": False},
    "bfloat16": {"dtype": "mixed_bfloat16"},
}


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_other_layers_are_left_to_keras(options: dict[str, Any]) -> None:
    layer, x = keras.layers.LSTM(3, **{"return_sequences": True, **options}), tf.constant(_drawn(2, 5, 4))
    layer.build((None, None, 4))
    found, wanted = backend.run_recurrent(layer, x), layer(x)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(np.asarray(tf.cast(found, "float32")), np.asarray(tf.cast(wanted, "float32")))


def test_a_model_reads_the_same_in_training_and_else() -> None:
    config = tiny_config(layers=2, embedding_dropout=0, token_dropout=0, state_dropout=0)
    model = build_model(config, 30)
    ids, lengths = tf.constant([[3, 4, 5, 6], [7, 8, 0, 0]]), tf.constant([4, 2])
    vectors = model.embedding(ids)
    _close(model.states(vectors, lengths, model.draw_masks(ids)), model.states(vectors, lengths))
