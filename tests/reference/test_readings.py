"""What each head says at each timestep, against what it says of each prefix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.activations import sigmoid
from sentiline.reference.pooling import attention_pool_forward, mean_pool_forward
from sentiline.reference.readings import (
    ReferenceOutput,
    log_odds,
    read_last,
    read_pooling,
    read_prefix_pooling,
    read_timesteps,
    read_unit,
)
from tests.reference.gradients import Array, Draw, drawn, draws

Read = Callable[[Array, Array], ReferenceOutput]


def _heads(d: Draw) -> dict[str, Read]:
    pooling = {name: d.normal(d.units) for name in ("attention", "w_mean", "w_attention")} | {"bias": np.array(0.3)}
    last = {"v": d.normal(d.units), "c": np.array(-0.2)}
    hidden = {"V": d.normal(d.units, 4), "d": d.normal(4), "v": d.normal(4), "c": np.array(0.1)}
    return {
        "pooling": lambda h, n: read_pooling(h, n, pooling),
        "prefix pooling": lambda h, n: read_prefix_pooling(h, n, pooling),
        "last": lambda h, n: read_last(h, n, last),
        "hidden": lambda h, n: read_last(h, n, hidden),
        "unit": lambda h, n: read_unit(sigmoid(h[..., :1]), n),
        "timesteps": lambda h, n: read_timesteps(h, n, last),
    }


@pytest.mark.parametrize("head", ["pooling", "prefix pooling", "last", "hidden", "unit"])
@drawn
@given(d=draws(max_time=6))
def test_contributions_sum_to_the_logit(head: str, d: Draw) -> None:
    h, lengths = d.normal(d.batch, d.time, d.units), np.full(d.batch, d.time) if d.lengths is None else d.lengths
    reading = _heads(d)[head](h, lengths)
    assert reading.contributions is not None
    np.testing.assert_allclose(reading.bias + reading.contributions.sum(axis=1), reading.logit, rtol=0, atol=1e-12)
    for b, n in enumerate(lengths):
        np.testing.assert_array_equal(reading.contributions[b, n:], 0)
        np.testing.assert_array_equal(reading.scores[b, n:], 0)


@pytest.mark.parametrize("head", ["prefix pooling", "last", "hidden", "unit"])
@drawn
@given(d=draws(max_time=6))
def test_forward_models_say_at_t_what_they_say_of_the_first_t_tokens(head: str, d: Draw) -> None:
    h, lengths = d.normal(d.batch, d.time, d.units), np.full(d.batch, d.time)
    read = _heads(d)[head]
    scores = read(h, lengths).scores
    for t in range(1, d.time + 1):
        prefix = read(h[:, :t], np.full(d.batch, t))
        np.testing.assert_allclose(scores[:, t - 1], sigmoid(prefix.logit), rtol=0, atol=1e-14)


@pytest.mark.parametrize("head", ["pooling", "timesteps"])
@drawn
@given(d=draws(max_time=6))
def test_other_models_say_at_t_what_they_say_of_that_state_alone(head: str, d: Draw) -> None:
    h, ones = d.normal(d.batch, d.time, d.units), np.ones(d.batch, int)
    read = _heads(d)[head]
    scores = read(h, np.full(d.batch, d.time)).scores
    for t in range(d.time):
        np.testing.assert_allclose(scores[:, t], sigmoid(read(h[:, t : t + 1], ones).logit), rtol=0, atol=1e-9)


@drawn
@given(draws())
def test_pooling_is_one_linear_layer_on_both_pools(d: Draw) -> None:
    h, lengths = d.normal(d.batch, d.time, d.units), np.full(d.batch, d.time) if d.lengths is None else d.lengths
    params = {name: d.normal(d.units) for name in ("attention", "w_mean", "w_attention")} | {"bias": np.array(0.3)}
    mean, _ = mean_pool_forward(h, lengths)
    attended, _ = attention_pool_forward(h, params["attention"], lengths)
    expected = 0.3 + mean @ params["w_mean"] + attended @ params["w_attention"]
    np.testing.assert_allclose(read_pooling(h, lengths, params).logit, expected, rtol=0, atol=1e-12)


def test_timesteps_average_probabilities() -> None:
    h, lengths = np.array([[[0.0], [np.log(3)], [50.0]]]), np.array([2])
    reading = read_timesteps(h, lengths, {"v": np.ones(1), "c": np.array(0.0)})
    np.testing.assert_allclose(reading.scores, [[0.5, 0.75, 0]], rtol=1e-14)
    np.testing.assert_allclose(sigmoid(reading.logit), [0.625], rtol=1e-14)
    assert reading.contributions is None


def test_log_odds_stay_finite() -> None:
    np.testing.assert_allclose(log_odds(np.array([0.0, 0.5, 1.0])), [-16.118, 0, 16.118], rtol=1e-4)
