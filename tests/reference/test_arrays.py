"""Masks and the reversal of padded sequences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.arrays import reverse_within_length, time_mask
from tests.reference.gradients import Draw, drawn, draws


@pytest.mark.parametrize("lengths", [[0, 2], [1, 4], [1, 2, 3]])
def test_lengths_outside_the_batch_are_refused(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="lengths"):
        time_mask(np.array(lengths), 2, 3)


@drawn
@given(draws())
def test_reversal_turns_each_sequence_within_its_length(d: Draw) -> None:
    x = d.normal(d.batch, d.time, d.features)
    turned = reverse_within_length(x, d.lengths)
    for b in range(d.batch):
        n = d.time if d.lengths is None else d.lengths[b]
        np.testing.assert_array_equal(turned[b, :n], x[b, :n][::-1])
        np.testing.assert_array_equal(turned[b, n:], x[b, n:])
    np.testing.assert_array_equal(reverse_within_length(turned, d.lengths), x)
