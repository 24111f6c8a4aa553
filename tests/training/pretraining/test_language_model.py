"""The language model: its loss against numpy, its gradients against the reference cells, its directions, its memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from sentiline.reference.losses import softmax_cross_entropy_backward, softmax_cross_entropy_forward
from sentiline.reference.lstm import LSTM
from sentiline.reference.unroll import unroll_backward, unroll_forward
from tests.training.pretrain_runs import drawn_model, tiny_pretrain_config
from training.data.dataset import pad
from training.nn import backend
from training.pretraining.batches import CandidateSampler, window_at
from training.pretraining.language_model import LanguageModel, build_language_model
from training.pretraining.trainer import Pretrainer

backend.configure(1)

WORDS, BATCH, TIME, WIDTH, UNITS = 13, 3, 7, 5, 4
PLAIN: dict[str, Any] = {"embedding": WIDTH, "units": UNITS, "dropout": 0.0, "streams": BATCH, "window": TIME}
NO_CORRECTION = np.zeros(WORDS, np.float32)
ALL = np.arange(WORDS, dtype=np.int32)


def _ids(seed: int = 1, time: int = TIME) -> NDArray[np.int32]:
    """Both directions' windows of drawn streams; int32 [2, B, T + 1]."""
    stream = np.random.default_rng(seed).integers(0, WORDS, (BATCH, time + 1)).astype(np.int32)
    return window_at(stream, 0, time)


def _states(seed: int = 2) -> NDArray[np.float32]:
    """Drawn states, [direction, hidden or cell, B, H]."""
    return np.random.default_rng(seed).normal(0, 0.5, (2, 2, BATCH, UNITS)).astype(np.float32)


def _sampled(
    model: LanguageModel, ids: NDArray[np.int32], states: NDArray[np.float32], *drawn: NDArray[Any]
) -> tuple[float, NDArray[np.float32]]:
    carried = [(tf.constant(states[side, 0]), tf.constant(states[side, 1])) for side in (0, 1)]
    loss, ended = model.sampled_loss(tf.constant(ids), carried, *map(tf.constant, drawn))
    return float(loss), np.array([[np.asarray(part) for part in state] for state in ended])


def _weights(model: LanguageModel, side: int) -> dict[str, NDArray[np.float64]]:
    kernel, recurrent, bias = (weight.astype(np.float64) for weight in model.directions[side].get_weights())
    return {"W": kernel, "U": recurrent, "b": bias}


def _reference(
    model: LanguageModel,
    ids: NDArray[np.int32],
    states: NDArray[np.float32],
    candidates: NDArray[np.int32],
    correction: NDArray[np.float32],
) -> tuple[float, list[dict[str, NDArray[np.float64]]]]:
    """The sampled loss and its gradients by the LSTM weights of both directions, by the numpy reference in float64."""
    table = np.asarray(model.embedding.embeddings.value, np.float64)
    bias = np.asarray(model.word_bias.value, np.float64)
    scale, total, gradients = WIDTH**-0.5, 0.0, []
    for side in (0, 1):
        read, wanted = ids[side, :, :-1], ids[side, :, 1:]
        initial = tuple(states[side].astype(np.float64))
        hidden, _, cache = unroll_forward(LSTM, table[read], _weights(model, side), initial=initial)
        projection = np.asarray(model.projections[side].kernel.value, np.float64)
        guess = hidden @ projection
        right = (guess * table[wanted]).sum(-1, keepdims=True) * scale + bias[wanted][..., None]
        others = guess @ table[candidates].T * scale + bias[candidates] - correction
        others = np.where(wanted[..., None] == candidates, -np.inf, others)
        scores = np.concatenate([right, others], -1)
        loss, kept = softmax_cross_entropy_forward(scores, np.zeros(wanted.shape, int))
        total += loss / 2
        dscores = softmax_cross_entropy_backward(0.5, kept)
        dguess = (dscores[..., :1] * table[wanted] + dscores[..., 1:] @ table[candidates]) * scale
        gradients.append(unroll_backward(dguess @ projection.T, None, cache).dparams)
    return total, gradients


def _candidates(seed: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    counts = np.random.default_rng(seed).integers(1, 100, WORDS)
    return CandidateSampler(counts, 8).sample(np.random.default_rng(seed))


@pytest.mark.parametrize("drawn", [(ALL, NO_CORRECTION), _candidates()], ids=["all words", "sampled"])
def test_the_gradients_are_those_of_the_numpy_reference(drawn: tuple[NDArray[np.int32], NDArray[np.float32]]) -> None:
    model, ids, states = drawn_model(tiny_pretrain_config(**PLAIN)), _ids(), _states()
    carried = [(tf.constant(states[side, 0]), tf.constant(states[side, 1])) for side in (0, 1)]
    layers = [[variable.value for variable in layer.trainable_variables] for layer in model.directions]
    with tf.GradientTape() as tape:
        loss, _ = model.sampled_loss(tf.constant(ids), carried, *map(tf.constant, drawn))
    found = tape.gradient(loss, layers)
    expected_loss, expected = _reference(model, ids, states, *drawn)
    assert float(loss) == pytest.approx(expected_loss, abs=1e-5)
    for side in (0, 1):
        for name, gradient in zip("WUb", found[side], strict=True):
            assert np.abs(expected[side][name]).max() > 1e-3, name
            np.testing.assert_allclose(np.asarray(gradient), expected[side][name], atol=1e-5, err_msg=f"{side} {name}")


def test_with_all_words_as_candidates_the_loss_is_that_of_the_whole_vocabulary() -> None:
    model = drawn_model(tiny_pretrain_config(**PLAIN))
    ids = _ids()
    sampled, _ = _sampled(model, ids, np.zeros((2, 2, BATCH, UNITS), np.float32), ALL, NO_CORRECTION)
    whole = model.full_vocabulary_loss(tf.constant(ids[0]), tf.constant([TIME + 1] * BATCH)).numpy()
    assert sampled == pytest.approx(whole.sum() / (2 * BATCH * TIME), abs=1e-5)


def test_padding_and_neighbours_do_not_change_a_text() -> None:
    model = drawn_model(tiny_pretrain_config(**PLAIN))
    documents = [np.random.default_rng(n).integers(1, WORDS, n).astype(np.int32) for n in (2, 9, 5)]
    together = model.full_vocabulary_loss(*map(tf.constant, pad(documents))).numpy()
    alone = sum(model.full_vocabulary_loss(*map(tf.constant, pad([ids]))).numpy() for ids in documents)
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_the_backward_direction_reads_reversed_texts_as_the_forward_one_reads_texts() -> None:
    """Given the weights of the backward direction, the forward one finds in reversed texts what that found."""
    config = tiny_pretrain_config(**PLAIN)
    model, mirrored = drawn_model(config), drawn_model(config)
    for side in (0, 1):
        for layers, mirror in ((model.directions, mirrored.directions), (model.projections, mirrored.projections)):
            mirror[1 - side].set_weights(layers[side].get_weights())
    document = np.random.default_rng(5).integers(1, WORDS, 9).astype(np.int32)
    forward, backward = model.full_vocabulary_loss(*map(tf.constant, pad([document]))).numpy()
    mirrored_forward, mirrored_backward = mirrored.full_vocabulary_loss(
        *map(tf.constant, pad([document[::-1]]))
    ).numpy()
    assert abs(forward - backward) > 0.1
    assert (mirrored_forward, mirrored_backward) == pytest.approx((backward, forward), rel=1e-5)


def test_states_carried_over_windows_are_those_of_one_long_window() -> None:
    model = drawn_model(tiny_pretrain_config(**PLAIN))
    stream = np.random.default_rng(1).integers(0, WORDS, (BATCH, 2 * TIME + 1)).astype(np.int32)
    whole, ended = _sampled(model, window_at(stream, 0, 2 * TIME), _states(), ALL, NO_CORRECTION)
    first, between = _sampled(model, window_at(stream, 0, TIME), _states(), ALL, NO_CORRECTION)
    second, last = _sampled(model, window_at(stream, 1, TIME), between, ALL, NO_CORRECTION)
    assert whole == pytest.approx((first + second) / 2, abs=1e-5)
    np.testing.assert_allclose(last, ended, atol=1e-5)


def test_a_step_leaves_the_states_at_the_end_of_its_window_and_forgets_on_demand() -> None:
    model, ids = drawn_model(tiny_pretrain_config(**PLAIN)), _ids()
    loss, ended = _sampled(model, ids, np.zeros((2, 2, BATCH, UNITS), np.float32), ALL, NO_CORRECTION)
    trainer = Pretrainer(model.config, model, 10)
    assert trainer.step(ids, ALL, NO_CORRECTION) == pytest.approx(loss, abs=1e-5)
    np.testing.assert_allclose(trainer.carried.numpy(), ended, atol=1e-5)
    _, going_on = _sampled(model, ids, trainer.carried.numpy(), ALL, NO_CORRECTION)
    trainer.step(ids, ALL, NO_CORRECTION)
    np.testing.assert_allclose(trainer.carried.numpy(), going_on, atol=1e-5)
    trainer.reset_states()
    np.testing.assert_array_equal(trainer.carried.numpy(), 0)


CAUSES, EFFECTS = 4, 2
"""Words 1 to 4 are each followed by one of two words of their own, and these by any of words 1 to 4."""


def _effects(cause: int) -> list[int]:
    return [1 + CAUSES + EFFECTS * (cause - 1) + number for number in range(EFFECTS)]


@pytest.fixture(scope="module")
def learned() -> LanguageModel:
    """A model that was trained on streams of causes and effects."""
    config = tiny_pretrain_config(embedding=16, units=16, streams=16, window=8, dropout=0.1, learning_rate=0.03)
    generator = np.random.default_rng(0)
    causes = generator.integers(1, 1 + CAUSES, (16, 600))
    effects = 1 + CAUSES + EFFECTS * (causes - 1) + generator.integers(0, EFFECTS, causes.shape)
    stream = np.stack([causes, effects], -1).reshape(16, -1).astype(np.int32)
    model = build_language_model(config, np.bincount(stream.ravel()), None)
    trainer = Pretrainer(config, model, 140)
    losses = [trainer.step(window_at(stream, number, 8), ALL, NO_CORRECTION) for number in range(140)]
    assert np.mean(losses[-20:]) < 0.6 * losses[0]
    return model


def _most_likely(model: LanguageModel, side: int, words: list[int], count: int) -> set[int]:
    """What one direction expects after reading these words, in its order."""
    zero = tf.zeros([1, model.config.units])
    guess, _ = model.predict_next(model.embedding(tf.constant([words])), side, (zero, zero), training=False)
    table, bias = model.embedding.embeddings.value.numpy(), model.word_bias.value.numpy()
    logits = guess.numpy()[0, -1] @ table.T * model.config.embedding**-0.5 + bias
    return set(np.argsort(-logits)[:count].tolist())


def test_the_forward_direction_learns_the_next_word_and_the_backward_one_the_word_before(
    learned: LanguageModel,
) -> None:
    causes = set(range(1, 1 + CAUSES))
    for cause in causes:
        assert _most_likely(learned, 0, [2, _effects(2)[0], cause], EFFECTS) == set(_effects(cause))
        for effect in _effects(cause):
            assert _most_likely(learned, 0, [cause, effect], CAUSES) == causes
            assert _most_likely(learned, 1, [3, effect], 1) == {cause}


def test_evaluation_leaves_weights_states_and_dropout_as_they_were(learned: LanguageModel) -> None:
    trainer = Pretrainer(learned.config, learned, 10)
    before = trainer.state()
    documents = [np.array(ids, np.int32) for ids in ([1, 5, 2, 7], [3, 9], [4, 12, 1, 6, 2, 8])]
    first, again = trainer.evaluate(documents), trainer.evaluate(documents[::-1])
    assert first == pytest.approx(again, rel=1e-5)
    assert 0 < first[0] < np.log(WORDS)
    for name, array in trainer.state().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_the_initial_bias_is_the_log_share_and_given_vectors_are_taken() -> None:
    counts, vectors = np.array([4, 0, 12, 16], np.int64), np.arange(20, dtype=np.float32).reshape(4, 5)
    model = build_language_model(tiny_pretrain_config(**PLAIN), counts, vectors)
    np.testing.assert_allclose(model.word_bias.value, np.log(np.array([4, 1, 12, 16]) / 32), rtol=1e-6)
    np.testing.assert_array_equal(model.embedding.embeddings.value, vectors)


def test_equal_configs_give_equal_models_and_seeds_others() -> None:
    one, same, other = (
        build_language_model(tiny_pretrain_config(**PLAIN, seed=seed), np.ones(9, np.int64), None) for seed in (0, 0, 1)
    )
    for left, right in zip(one.trainable_variables, same.trainable_variables, strict=True):
        np.testing.assert_array_equal(left.value, right.value)
    assert (np.asarray(one.directions[0].cell.kernel) != np.asarray(other.directions[0].cell.kernel)).any()


def test_bfloat16_products_are_near_those_of_float32() -> None:
    exact, rounded = (drawn_model(tiny_pretrain_config(**PLAIN, precision=precision)) for precision in
                      ("float32", "bfloat16"))  # fmt: skip
    for one, other in zip(exact.trainable_variables, rounded.trainable_variables, strict=True):
        np.testing.assert_array_equal(one.value, other.value)
        assert other.dtype == "float32"
    losses = [_sampled(model, _ids(), _states(), *_candidates())[0] for model in (exact, rounded)]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] != losses[0]
