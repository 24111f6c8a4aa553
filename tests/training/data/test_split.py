"""Seeded splits: disjoint, complete, in proportion, and refused where they cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.review import Label, Review
from training.data.split import film_disjoint, film_folds, stratified
from training.errors import DataError

LABELS: tuple[Label, Label] = (0, 1)


def _reviews(films: list[str]) -> list[Review]:
    return [Review(f"text {n}", LABELS[n % 2], film=film, id=str(n)) for n, film in enumerate(films)]


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60), st.floats(0.05, 0.6), st.integers(0, 99))
def test_a_film_is_on_one_side_and_no_review_is_lost(films: list[str], fraction: float, seed: int) -> None:
    reviews = _reviews(films)
    try:
        train, validation = film_disjoint(reviews, fraction=fraction, seed=seed)
    except DataError as error:
        assert "part would hold" in str(error)  # noqa: PT017 (the property has two outcomes)
        return
    assert sorted((review.id for review in train + validation), key=int) == [review.id for review in reviews]
    assert not {review.film for review in train} & {review.film for review in validation}
    assert len(validation) >= fraction * len(reviews)
    # one film less would be too little
    smallest = min(films.count(film) for film in {review.film or "" for review in validation})
    largest = max(films.count(film) for film in {review.film or "" for review in validation})
    assert 0 < smallest <= largest
    assert len(validation) - largest < fraction * len(reviews)


def test_films_that_share_a_text_stay_together() -> None:
    reviews = [Review(f"{film} {n}", LABELS[n], film=film) for film in "abcdefgh" for n in (0, 1)]
    chain = [Review("one", 0, film="a"), Review("one", 0, film="e"), Review("two", 1, film="e")]
    chain.append(Review("two", 1, film="h"))
    for seed in range(20):
        _, validation = film_disjoint(reviews + chain, fraction=0.3, seed=seed)
        assert len({review.film for review in validation} & {"a", "e", "h"}) in (0, 3)


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60), st.integers(2, 6), st.integers(0, 99))
def test_folds_share_no_film_and_are_of_like_size(films: list[str], count: int, seed: int) -> None:
    reviews = _reviews(films)
    try:
        folds = film_folds(reviews, count, seed=seed)
    except DataError as error:
        assert f"cannot be divided into {count} folds" in str(error)  # noqa: PT017 (the property has two outcomes)
        return
    assert (folds.dtype, folds.shape) == (np.int8, (len(films),))
    for film in set(films):
        assert len({fold for fold, name in zip(folds.tolist(), films, strict=True) if name == film}) == 1
    sizes = np.bincount(folds, minlength=count)
    assert len(sizes) == count
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= max(films.count(film) for film in films)
    turned = film_folds(reviews[::-1], count, seed=seed)
    np.testing.assert_array_equal(turned[::-1], folds)


def test_folds_keep_films_that_share_a_text_together() -> None:
    reviews = [Review(f"{film} {n}", LABELS[n], film=film) for film in "abcdefgh" for n in (0, 1)]
    chain = [Review("one", 0, film="a"), Review("one", 0, film="e"), Review("two", 1, film="e")]
    chain.append(Review("two", 1, film="h"))
    for seed in range(20):
        folds = film_folds(reviews + chain, 3, seed=seed).tolist()
        assert len({fold for fold, review in zip(folds, reviews + chain, strict=True) if review.film in "aeh"}) == 1


def test_folds_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="2…127"):
        film_folds(_reviews(list("abcd")), 1)
    with pytest.raises(DataError, match="cannot be divided into 3 folds"):
        film_folds(_reviews(list("aabb")), 3)
    with pytest.raises(DataError, match="has no film"):
        film_folds([Review("a", 0), Review("b", 1)], 2)


def test_stratified_keeps_the_proportion() -> None:
    reviews = [Review(f"text {n}", 1 if n < 300 else 0) for n in range(400)]
    train, validation = stratified(reviews, fraction=0.1)
    assert [sum(review.label == label for review in validation) for label in LABELS] == [10, 30]
    assert len(train) == 360
    assert stratified(reviews, fraction=0.1) == (train, validation)
    assert stratified(reviews, fraction=0.1, seed=8) != (train, validation)
    assert {review.text for review in stratified(reviews[::-1], fraction=0.1)[1]} == {
        review.text for review in validation
    }


def test_stratified_keeps_copies_of_a_text_on_one_side() -> None:
    reviews = [Review(f"text {n % 20}", LABELS[n % 2]) for n in range(100)] + [Review("text 3", 0)]
    for seed in range(10):
        train, validation = stratified(reviews, fraction=0.3, seed=seed)
        assert not {review.text for review in train} & {review.text for review in validation}
        assert len(train) + len(validation) == 101


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    for split in (film_disjoint, stratified):
        with pytest.raises(DataError, match=r"validation fraction is .*; it must lie between 0 and 1"):
            split(_reviews(["a", "b", "c", "d"]), fraction=fraction)


def test_impossible_splits_say_what_would_be_missing() -> None:
    with pytest.raises(DataError, match="review 'line 2' has no film"):
        film_disjoint([Review("x", 1, film="a"), Review("y", 0, id="line 2")])
    with pytest.raises(DataError, match="training part would hold no review"):
        film_disjoint(_reviews(["a"] * 9))
    with pytest.raises(DataError, match="validation part would hold only"):
        film_disjoint([Review(f"{n}", LABELS[n % 2], film=f"{n}") for n in range(10)])
    with pytest.raises(DataError, match="no review"):
        film_disjoint([])
