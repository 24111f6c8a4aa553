"""Texts that repeat each other are one group, and end up in one part of a split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import labelled_file
from training.data.near_duplicates import STRETCH, group_near_duplicates, normalize
from training.data.review import Label, Review

LONG = "we waited for three hours at the gate and nobody told us what had happened to the plane or when it would leave"


@pytest.mark.parametrize(
    "copy",
    [
        "Lost my bag again, thanks",
        "LOST MY BAG AGAIN... THANKS!!!",
        "  lost my bag   again thanks\n",
        "@airline lost my bag again thanks https://t.co/abc",
        "RT @ann: Lost my bag again, thanks 😡",
        "Lost my <b>bag</b> again &amp; thanks",
        "Löst my bag again, thanks",
        "Lost my bag againnnn, thanks".replace("nnnn", "n"),
    ],
)
def test_what_is_not_a_word_makes_no_difference(copy: str) -> None:
    assert normalize(copy) == normalize("Lost my bag again, thanks")
    assert len(set(group_near_duplicates(["Lost my bag again, thanks", copy, "found it"]))) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [("rated 1/10", "rated 10/10"), ("text 11", "text 111"), ("good", "not good"), ("good 1", "good 2"), ("🙂", "🙁")],
)
def test_other_words_and_numbers_do(one: str, other: str) -> None:
    assert len(set(group_near_duplicates([one, other]))) == 2


def test_long_texts_that_differ_in_one_place_are_near_duplicates() -> None:
    words = LONG.split()
    assert len(words) - 1 >= 2 * STRETCH - 2
    long = [*words, "on", "monday", "morning"]
    for place in (0, len(long) // 2, len(long) - 1):
        changed = [*long[:place], "really", *long[place + 1 :]]
        assert len(set(group_near_duplicates([" ".join(long), " ".join(changed)]))) == 1
    assert len(set(group_near_duplicates([" ".join(long), " ".join(long[::-1])]))) == 2


def test_groups_join_through_others() -> None:
    first, last = [f"a{n}" for n in range(12)], [f"z{n}" for n in range(12)]
    texts = [" ".join(first + last), " ".join([*first, *(f"m{n}" for n in range(12))])]
    texts.append(" ".join([*(f"q{n}" for n in range(12)), *last]))
    assert group_near_duplicates(texts) == [min(texts)] * 3


@given(st.lists(st.text(max_size=30), max_size=20))
def test_the_order_of_the_texts_does_not_matter(texts: list[str]) -> None:
    assert group_near_duplicates(texts[::-1])[::-1] == group_near_duplicates(texts)


@pytest.mark.parametrize("film", [None, "x"])
def test_no_near_duplicate_is_in_both_parts(film: str | None) -> None:
    labels: tuple[Label, Label] = (0, 1)
    reviews = []
    for number in range(60):
        for copy in ("{}", "RT @ann: {}!!", "{} https://t.co/{}", "{}".upper()):
            text = copy.format(f"flight number {number} was as ever", number)
            reviews.append(Review(text, labels[number % 2], film=None if film is None else f"{film}{len(reviews)}"))
    for seed in range(5):
        train, validation = labelled_file.split(reviews, fraction=0.2, seed=seed)
        assert not {normalize(review.text) for review in train} & {normalize(review.text) for review in validation}
        assert len(validation) == 48 if film is None else 48 <= len(validation) < 52


def test_one_large_group_stays_in_training() -> None:
    labels: tuple[Label, Label] = (0, 1)
    reviews = [Review("thanks!" + "!" * (number % 7), 1) for number in range(100)]
    reviews += [Review(f"text {number}", labels[number % 2]) for number in range(100)]
    for seed in range(5):
        _, validation = labelled_file.split(reviews, fraction=0.1, seed=seed)
        assert len(validation) == 20
        assert all(review.text.startswith("text") for review in validation)
