"""Rewritings change what they say, and nothing else."""

from __future__ import annotations

import random
import re

import pytest

from training.composition import generate
from training.data.review import NEGATIVE, POSITIVE
from training.invariance import (
    REWRITINGS,
    add_agreeing,
    add_disagreeing,
    measure_invariance,
    neutral_sentences,
    rewrite,
)
from training.invariance.characters import INVISIBLE
from training.invariance.rewriting import NEGATORS
from training.invariance.typos import add_typo

TEXT = "I don't think Ahmed and 12 Muslims met a German nurse in Turkey; she is not bad."


def many(kind: str, text: str, count: int = 60) -> set[str]:
    rng = random.Random(1)
    return {found for _ in range(count) if (found := REWRITINGS[kind](text, rng)) is not None}


@pytest.mark.parametrize("kind", REWRITINGS)
def test_each_changes_the_text_and_repeats_for_a_seed(kind: str) -> None:
    first, second = (REWRITINGS[kind](TEXT, random.Random(5)) for _ in range(2))
    assert first is not None
    assert first != TEXT
    assert first == second


@pytest.mark.parametrize("kind", REWRITINGS)
def test_each_returns_none_or_another_text(kind: str) -> None:
    rng = random.Random(2)
    texts = [*(sentence.text for sentence in generate(300, seed=4)), "", " ", "?", "a", "No.", "10/10", "👍"]
    for text in texts:
        rewritten = REWRITINGS[kind](text, rng)
        assert rewritten is None or rewritten != text, (text, rewritten)


def test_a_typo_is_one_edit_and_spares_negators_and_short_words() -> None:
    rng = random.Random(0)
    text = "Nobody would not like this wonderful old film without hardly any fun"
    for _ in range(500):
        rewritten = add_typo(text, rng)
        assert rewritten is not None
        (word,) = set(rewritten.split()) - set(text.split())
        assert word[0] in "ltwf"
    assert add_typo("No, it is not for me, nobody", rng) is None
    assert {"not", "never", "nobody", "without", "hardly", "lacks"} <= NEGATORS


def test_case() -> None:
    assert many("lower", "It IS Good") == {"it is good"}
    assert many("upper", "It is good") == {"IT IS GOOD"}
    assert many("title", "it isn't good") == {"It Isn't Good"}
    assert many("lower", "fine") == set()


def test_final_punctuation_changes_but_no_question_does() -> None:
    assert many("punctuation", "It works.") == {"It works", "It works .", "It works!", "It works!!"}
    assert "It works." in many("punctuation", "It works")
    assert many("punctuation", "Does it work?") == set()


def test_invisible_characters_stand_inside_words() -> None:
    for rewritten in many("invisible", "a lovely day"):
        assert re.search(rf"\w[{''.join(INVISIBLE)}]\w", rewritten)
        assert re.sub(rf"[{''.join(INVISIBLE)}]", "", rewritten) == "a lovely day"


def test_repeated_letters() -> None:
    assert "I looooved it" in many("repeated_letter", "I loved it", 300)
    assert all(re.sub(r"(.)\1{2,}", r"\1", text) == "I loved it" for text in many("repeated_letter", "I loved it"))


def test_apostrophes() -> None:
    found = many("apostrophe", "It isn't John's", 300)
    assert {"It isn\u2019t John\u2019s", "It isn\u00b4t John\u00b4s", "It isnt John's"} <= found


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("expanded_contractions", "It isn't and it won't", "It is not and it will not"),
        ("expanded_contractions", "Isn't it good?", None),
        ("contractions", "It is not, I cannot, they will not", "It isn't, I can't, they won't"),
        ("contractions", "It is good", "It's good"),
        ("contractions", "Good", None),
    ],
)
def test_contractions(kind: str, text: str, expected: str | None) -> None:
    assert REWRITINGS[kind](text, random.Random(0)) == expected


def test_names_are_swapped_within_a_sex_and_words_that_only_look_like_them_stay() -> None:
    found = many("name", "Mary liked the film")
    assert len(found) >= 20
    assert "James liked the film" not in found
    assert many("name", "The rosa wall") == set()


def test_articles_follow_a_swapped_nationality() -> None:
    found = many("nationality", "We met a German family", 300)
    assert "We met an Iranian family" in found
    assert "We met a Ukrainian family" in found
    assert not any(re.search(r"\ba [AEIO]|\ban [^AEIO]", text) for text in found)
    assert many("nationality", "polish the floor") == set()


def test_countries_and_groups_are_swapped() -> None:
    assert "My flight goes to Nigeria." in many("country", "My flight goes to Turkey.", 400)
    assert "The article is about lesbians." in many("group", "The article is about Muslims.", 400)


@pytest.mark.parametrize(
    "text", ["4/5", "It gets 10 out of 10", "3 stars", "costs $20", "in 2019", "version 1.5", "50%"]
)
def test_ratings_prices_and_years_keep_their_numbers(text: str) -> None:
    assert many("number", text) == set()


def test_other_numbers_change() -> None:
    assert {len(re.findall(r"\d", text)) for text in many("number", "We were 25 people")} == {2}
    assert "It has five doors" in many("number", "It has three doors", 200)


def test_neutral_sentences_are_many_and_stand_before_or_after() -> None:
    assert len(neutral_sentences()) >= 150
    assert all(text.endswith(" Not bad") for text in many("neutral_before", "Not bad"))
    assert all(text.startswith("Not bad. ") for text in many("neutral_after", "Not bad"))


def test_emoji_agree_or_disagree() -> None:
    rng = random.Random(0)
    happy = {add_agreeing("Good", POSITIVE, rng) for _ in range(100)}
    assert happy == {add_disagreeing("Good", NEGATIVE, rng) for _ in range(300)} | happy
    assert {"Good :)", "Good 👍"} <= happy
    assert {"Good :(", "Good 👎"} <= {add_disagreeing("Good", POSITIVE, rng) for _ in range(300)}


def test_a_random_rewriting_is_named() -> None:
    found = rewrite("Not bad at all", random.Random(0))
    assert found is not None
    kind, text = found
    assert kind in REWRITINGS
    assert text != "Not bad at all"
    assert rewrite("Good", random.Random(0), ["number", "name"]) is None


def test_turned_verdicts_are_counted() -> None:
    def shouting(texts: list[str]) -> list[float]:
        return [float(text.isupper()) for text in texts]

    found = measure_invariance(shouting, ["It works", "It broke on Monday"])
    assert found["upper"] == (2, 2)
    assert found["lower"] == (0, 2)
    assert found["name"] == (0, 0)
