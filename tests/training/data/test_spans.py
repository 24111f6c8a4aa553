"""Spans lie inside their texts; batches of them are drawn by a seed."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.spans import SpanSampler, SpanTargets
from training.errors import DataError


def targets(spans, lengths=(4, 3)) -> SpanTargets:
    owners, starts, ends, probabilities = zip(*spans, strict=True)
    return SpanTargets(
        ids=tuple(np.arange(2, 2 + length, dtype=np.int32) for length in lengths),
        owners=np.array(owners, np.int32),
        starts=np.array(starts, np.int32),
        ends=np.array(ends, np.int32),
        probabilities=np.array(probabilities, np.float32),
    )


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 0, 5, 0.9)],
        [(0, -1, 2, 0.9)],
        [(0, 2, 2, 0.9)],
        [(0, 3, 2, 0.9)],
        [(2, 0, 1, 0.9)],
        [(-1, 0, 1, 0.9)],
        [(1, 0, 1, 0.9), (0, 0, 1, 0.9)],
    ],
)
def test_a_span_outside_its_text_or_out_of_order_is_refused(spans):
    with pytest.raises(DataError, match="span"):
        targets(spans)


def test_joined_collections_keep_the_owners():
    one = targets([(0, 0, 2, 0.9), (1, 1, 3, 0.1)])
    joined = SpanTargets.join([one, one])
    assert joined.owners.tolist() == [0, 1, 2, 3]
    assert len(joined.ids) == 4


def test_a_token_has_the_target_of_the_smallest_span_with_an_opinion():
    found = SpanSampler(targets([(0, 0, 1, 0.5), (0, 1, 3, 0.125), (0, 0, 4, 0.875)]), 4).draw(np.random.default_rng(0))
    assert found.ids.tolist() == [[2, 3, 4, 5]]
    assert found.tokens.tolist() == [[0.875, 0.125, 0.125, 0.875]]
    assert found.starts[0, :4].tolist() == [0, 1, 0, 0]
    assert found.ends[0, :4].tolist() == [1, 3, 4, 0]


def test_draws_depend_on_the_seed_alone():
    given = targets([(text, 0, 1 + text % 3, 0.9) for text in range(30)], lengths=[3 + text % 5 for text in range(30)])

    def drawn(seed: int) -> list[list[object]]:
        return [array.tolist() for array in SpanSampler(given, 4).draw(np.random.default_rng(seed)).arrays()]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
