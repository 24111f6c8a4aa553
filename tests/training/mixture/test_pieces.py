"""Sentences and clauses lie inside their text."""

from __future__ import annotations

import pytest

from training.mixture.pieces import clauses, draw_sentences


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("The room was small, but the staff was kind.", ["The room was small", "but the staff was kind."]),
        ("It is slow; I like it", ["It is slow", "I like it"]),
        ("Good food, and cheap drinks", ["Good food", "and cheap drinks"]),
        ("A plain sentence.", []),
        ("But I liked it", []),
        ("", []),
    ],
)
def test_clauses_begin_at_conjunctions(sentence, wanted):
    assert [sentence[start:end] for start, end in clauses(sentence)] == wanted


def test_sentences_are_drawn_from_texts_of_several():
    text = "The film was long. I liked it a lot. Wow."
    drawn = list(draw_sentences([text, "Only one sentence here."], 5, seed=0))
    assert sorted(drawn) == ["I liked it a lot.", "The film was long."]
    assert drawn == list(draw_sentences([text], 5, seed=0))
    assert len(list(draw_sentences([text], 1, seed=0))) == 1
