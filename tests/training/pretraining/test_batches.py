"""Streams of words: nothing is lost or doubled, windows join without a gap, sampled candidates are not biased."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.pretraining.batches import BOUNDARY_ID, CandidateSampler, join_into_streams, window_at, windows_per_epoch

DOCUMENTS = [np.arange(10 * number + 2, 10 * number + 2 + length, dtype=np.int32) for number, length in
             enumerate((3, 1, 7, 4, 9, 2, 5))]  # fmt: skip


def _split(row: NDArray[np.int32]) -> list[tuple[int, ...]]:
    """What lies between boundaries."""
    parts: list[list[int]] = [[]]
    for token in row.tolist():
        if token == BOUNDARY_ID:
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts if part]


def test_one_stream_holds_every_text_once_in_random_order_with_a_boundary_after_each() -> None:
    stream = join_into_streams(DOCUMENTS, 1, np.random.default_rng(0))
    assert (stream.dtype, stream.shape) == (np.int32, (1, sum(map(len, DOCUMENTS)) + len(DOCUMENTS)))
    assert stream[0, -1] == BOUNDARY_ID
    found, given = _split(stream[0]), [tuple(ids.tolist()) for ids in DOCUMENTS]
    assert sorted(found) == sorted(given)
    assert found != given
    assert (stream == BOUNDARY_ID).sum() == len(DOCUMENTS)


def test_the_order_follows_from_the_generator() -> None:
    one, same, other = (join_into_streams(DOCUMENTS, 2, np.random.default_rng([0, epoch])) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_streams_are_the_whole_cut_in_equal_parts(count: int) -> None:
    whole = join_into_streams(DOCUMENTS, 1, np.random.default_rng(3))[0]
    cut = join_into_streams(DOCUMENTS, count, np.random.default_rng(3))
    assert cut.shape == (count, len(whole) // count)
    np.testing.assert_array_equal(cut.ravel(), whole[: cut.size])


def test_forward_windows_guess_every_token_but_the_first_once() -> None:
    stream = join_into_streams(DOCUMENTS, 2, np.random.default_rng(0))
    width = 3
    count = windows_per_epoch(38, 2, width)
    assert stream.shape == (2, 19)
    assert count == 6
    read = np.concatenate([window_at(stream, number, width)[0, :, :-1] for number in range(count)], axis=1)
    wanted = np.concatenate([window_at(stream, number, width)[0, :, 1:] for number in range(count)], axis=1)
    np.testing.assert_array_equal(read, stream[:, :18])
    np.testing.assert_array_equal(wanted, stream[:, 1:])


def test_backward_windows_are_those_of_the_reversed_streams() -> None:
    stream = join_into_streams(DOCUMENTS, 2, np.random.default_rng(0))
    for number in range(windows_per_epoch(38, 2, 4)):
        both = window_at(stream, number, 4)
        assert both.shape == (2, 2, 5)
        end = stream.shape[1] - 4 * number
        np.testing.assert_array_equal(both[1], stream[:, end - 5 : end][:, ::-1])
        np.testing.assert_array_equal(both[1], window_at(stream[:, ::-1], number, 4)[0])


def test_each_direction_guesses_a_neighbour_of_the_word_it_reads() -> None:
    stream = np.arange(2, 23, dtype=np.int32).reshape(1, 21)
    forward, backward = window_at(stream, 2, 5)
    np.testing.assert_array_equal(forward[:, 1:] - forward[:, :-1], 1)
    np.testing.assert_array_equal(backward[:, 1:] - backward[:, :-1], -1)


@pytest.mark.parametrize(
    ("tokens", "count", "width", "expected"), [(0, 4, 5, 0), (3, 4, 5, 0), (23, 4, 5, 0), (24, 4, 5, 1), (44, 4, 5, 2)]
)
def test_windows_are_whole(tokens: int, count: int, width: int, expected: int) -> None:
    assert windows_per_epoch(tokens, count, width) == expected


def _counts(words: int) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(0, 500, words)


def test_half_of_the_candidates_are_the_most_frequent_words_and_sure() -> None:
    counts = _counts(40)
    candidates, correction = CandidateSampler(counts, 12).sample(np.random.default_rng(0))
    assert (candidates.dtype, correction.dtype, candidates.shape, correction.shape) == (
        np.int32, np.float32, (12,), (12,))  # fmt: skip
    assert set(candidates[:6].tolist()) == set(np.argsort(-counts, kind="stable")[:6].tolist())
    np.testing.assert_array_equal(correction[:6], 0)
    assert not set(candidates[6:].tolist()) & set(candidates[:6].tolist())


def test_the_correction_is_the_log_of_how_often_a_word_is_expected() -> None:
    counts = _counts(40)
    candidates = CandidateSampler(counts, 12)
    tail = np.argsort(-counts, kind="stable")[6:]
    share = np.maximum(counts, 1)[tail] ** 0.75
    expected = dict(zip(tail.tolist(), 6 * share / share.sum(), strict=True))
    rounds, seen = 20_000, np.zeros(40)
    generator = np.random.default_rng(0)
    for _ in range(rounds):
        drawn, correction = candidates.sample(generator)
        np.add.at(seen, drawn[6:], 1)
        np.testing.assert_allclose(np.exp(correction[6:]), [expected[word] for word in drawn[6:].tolist()], rtol=1e-5)
    for word, mean in expected.items():
        assert abs(seen[word] / rounds - mean) < 5 * (mean / rounds) ** 0.5, word


def test_the_corrected_sum_over_candidates_is_that_over_the_vocabulary_on_average() -> None:
    counts = _counts(40)
    candidates, generator = CandidateSampler(counts, 12), np.random.default_rng(2)
    scores = generator.normal(0, 1, 40)
    sums = [
        np.exp(scores[drawn] - correction).sum()
        for drawn, correction in (candidates.sample(generator) for _ in range(20_000))
    ]
    assert abs(np.mean(sums) - np.exp(scores).sum()) < 5 * np.std(sums) / len(sums) ** 0.5


def test_a_vocabulary_no_larger_than_the_sure_half_needs_no_draw() -> None:
    candidates, correction = CandidateSampler(_counts(5), 10).sample(np.random.default_rng(0))
    assert sorted(candidates.tolist()) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(correction, 0)
