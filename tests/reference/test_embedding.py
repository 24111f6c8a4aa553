"""Word vectors by id."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from sentiline.reference.embedding import embedding_backward, embedding_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


@drawn
@given(d=draws())
def test_gradients_add_up_over_repeated_words(d: Draw) -> None:
    table, dx = d.normal(3, d.features), d.normal(d.batch, d.time, d.features)
    ids = d.rng.integers(0, 3, (d.batch, d.time))
    x, cache = embedding_forward(ids, table)
    np.testing.assert_array_equal(x[0, 0], table[ids[0, 0]])
    check_gradients(
        lambda: float((embedding_forward(ids, table)[0] * dx).sum()),
        {"table": table},
        {"table": embedding_backward(dx, cache)},
    )


def test_float32_stays_float32() -> None:
    x, cache = embedding_forward(np.array([[1, 1]]), as_float32(np.ones((2, 3))))
    assert dtypes((x, embedding_backward(x, cache))) == {"float32"}
