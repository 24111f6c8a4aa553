"""Reviews as token ids: the vocabulary, encodings, and batches of similar length."""

from __future__ import annotations

import numpy as np
import pytest

from sentiline.tokenizer import Tokenizer
from training.data.dataset import Dataset, bucketed_batches, encode, pad, sorted_batches
from training.data.review import Review
from training.data.vocabulary import build_vocabulary


def test_the_vocabulary_counts_texts_and_not_occurrences() -> None:
    texts = ["good good good bad", "bad plot", "Bad PLOT film", "apt film"]
    assert build_vocabulary(texts, 7) == ("<pad>", "<unk>", "bad", "film", "plot", "apt", "good")
    assert build_vocabulary(texts, 4) == ("<pad>", "<unk>", "bad", "film")
    assert build_vocabulary(reversed(texts), 7) == build_vocabulary(texts, 7)


def test_encode_cuts_and_lists_what_has_no_token() -> None:
    tokenizer = Tokenizer(("<pad>", "<unk>", "good", "bad"), max_tokens=4, truncation="head_tail")
    reviews = [
        Review("good", 1),
        Review("...", 0),
        Review("bad bad films good good bad", 0),
        Review("", 1),
        Review("good films", 1),
    ]
    data = encode(reviews, tokenizer)
    assert [ids.tolist() for ids in data.ids] == [[2], [3, 3, 2, 3], [2, 1]]
    assert (data.labels.tolist(), data.labels.dtype) == ([1, 0, 1], np.int8)
    assert data.skipped == (1, 3)
    assert (data.lengths.tolist(), data.lengths.dtype) == ([1, 4, 2], np.int32)


def test_encode_of_nothing_is_empty() -> None:
    data = encode([], Tokenizer(("<pad>", "<unk>")))
    assert (data.ids, data.labels.tolist(), data.skipped, data.lengths.tolist()) == ((), [], (), [])


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_batches_are_a_permutation_of_the_reviews(size: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 400, 333).astype(np.int32)
    batches = bucketed_batches(lengths, size, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(333))
    assert len(batches) == -(-333 // size)
    assert sorted(map(len, batches))[1:] == [size] * (len(batches) - 1)  # one may be smaller


def test_batches_hold_similar_lengths_in_random_order() -> None:
    lengths = np.random.default_rng(0).integers(1, 400, 2048).astype(np.int32)
    batches = bucketed_batches(lengths, 32, np.random.default_rng(1))
    used = sum(int(lengths[batch].sum()) for batch in batches)
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    in_order = sum(32 * int(part.max()) for part in lengths.reshape(-1, 32))
    assert used / padded > 0.85 > 0.6 > used / in_order
    means = [float(lengths[batch].mean()) for batch in batches]
    assert abs(float(np.corrcoef(means, range(len(means)))[0, 1])) < 0.4


def test_batches_depend_on_the_generator_alone() -> None:
    lengths = np.random.default_rng(0).integers(1, 400, 500).astype(np.int32)

    def draw(seed: list[int]) -> list[list[int]]:
        return [batch.tolist() for batch in bucketed_batches(lengths, 16, np.random.default_rng(seed))]

    assert draw([0, 3]) == draw([0, 3])
    first, second = draw([0, 3]), draw([0, 4])
    assert {frozenset(batch) for batch in first}.isdisjoint({frozenset(batch) for batch in second})  # other neighbours


def test_evaluation_batches_run_from_short_to_long() -> None:
    lengths = np.array([5, 1, 9, 1, 7], np.int32)
    assert [batch.tolist() for batch in sorted_batches(lengths, 2)] == [[1, 3], [0, 4], [2]]


def test_padding_is_on_the_right() -> None:
    data = Dataset((np.array([4, 5, 6], np.int32), np.array([7], np.int32)), np.array([1, 0], np.int8))
    ids, lengths = pad(data.ids)
    assert (ids.tolist(), ids.dtype) == ([[4, 5, 6], [7, 0, 0]], np.int32)
    assert (lengths.tolist(), lengths.dtype) == ([3, 1], np.int32)
