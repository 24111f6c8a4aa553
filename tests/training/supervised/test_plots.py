"""The histogram of lengths shows the lengths that there are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from training.supervised.plots import length_edges, length_histogram


@pytest.mark.parametrize(
    ("lengths", "bars"),
    [([1] * 9, 1), ([5, 6, 7] * 100, 7), ([*range(1, 31)] * 10, 30), ([*range(5, 900)], 60), ([20] * 999 + [5000], 20)],
)
def test_the_bars_reach_the_99th_percentile(lengths: list[int], bars: int) -> None:
    tokens = np.array(lengths, np.int32)
    edges = length_edges(tokens)
    assert len(edges) - 1 <= 61
    assert abs(len(edges) - 1 - bars) <= 1
    assert edges[0] == 0.5
    assert edges[-1] >= np.percentile(tokens, 99)
    assert edges[-1] <= 1.1 * np.percentile(tokens, 99) + 1
    assert len(set(np.diff(edges))) == 1
    counts, _ = np.histogram(np.minimum(tokens, int(edges[-1])), edges)
    assert counts.sum() == len(tokens)
    if len(set(lengths)) > 1 and max(lengths) <= 60:  # every length has a bar of its own
        assert np.count_nonzero(counts) == len(set(lengths))


@pytest.mark.parametrize("limit", [3, 1024])
def test_the_histogram_is_a_picture(limit: int) -> None:
    content = length_histogram(np.array([3, 4, 4, 5], np.int32), limit)
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (1040, 364)
