"""The whole classifier against central differences."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from sentiline.reference.classifier import classifier_forward, initialize_classifier, loss_and_gradients
from sentiline.reference.readings import read_pooling
from tests.reference.gradients import Draw, as_float32, check_gradients, draws, dtypes, few


@few
@given(d=draws(max_time=3))
def test_gradients_equal_central_differences(d: Draw) -> None:
    params = initialize_classifier(d.rng, 4, d.features, d.units)
    for value in params.values():
        value += d.normal(*value.shape)
    ids, labels = d.rng.integers(0, 4, (d.batch, d.time)), d.rng.integers(0, 2, d.batch).astype(float)
    _, gradients = loss_and_gradients(ids, labels, params, d.lengths)
    check_gradients(lambda: float(loss_and_gradients(ids, labels, params, d.lengths)[0]), params, gradients)


def test_the_reading_of_its_states_is_its_logit() -> None:
    rng = np.random.default_rng(0)
    params = initialize_classifier(rng, 9, 4, 3)
    params["attention"] += rng.normal(size=6)
    ids, lengths = rng.integers(0, 9, (3, 5)), np.array([5, 1, 3])
    logits, cache = classifier_forward(ids, params, lengths)
    h = cache[4][0]  # the states, as attention pooling kept them
    reading = read_pooling(h, lengths, params)
    np.testing.assert_allclose(reading.logit, logits, rtol=0, atol=1e-14)


def test_float32_stays_float32() -> None:
    params = as_float32(initialize_classifier(np.random.default_rng(0), 9, 4, 3))
    params["bias"] = np.zeros((), np.float32)
    loss, gradients = loss_and_gradients(np.array([[1, 2]]), as_float32(np.ones(1)), params)
    assert dtypes((loss, gradients)) == {"float32"}
