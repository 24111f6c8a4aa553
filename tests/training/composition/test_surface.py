"""How sentences are written, and their spans."""

from __future__ import annotations

import random

import pytest

from training.composition import Span, expand_contractions, with_articles
from training.composition.surface import extract_spans, write
from training.data.review import NEGATIVE, POSITIVE


def test_marks_become_spans() -> None:
    text, spans = extract_spans("although \ue001 the plot was dull\ue002 , \ue000i loved it \ue002.")
    assert [(text[span.start : span.end], span.label) for span in spans] == [
        ("the plot was dull", NEGATIVE),
        ("i loved it", POSITIVE),
    ]


def test_sentences_are_written_in_many_ways() -> None:
    rng = random.Random(0)
    written = {write("it isn't \ue000good\ue002. i don't care.", NEGATIVE, rng, framed=False)[0] for _ in range(400)}
    expected = {
        "It isn't good. I don't care.",
        "It is not good. I do not care.",
        "It isn\u2019t good. I don\u2019t care.",
        "It isnt good. I dont care.",
        "it is n't good . i do n't care .",
        "it isn't good. i don't care",
        "It Isn't Good. I Don't Care.",
    }
    assert expected <= written


def test_a_span_survives_every_way_of_writing() -> None:
    rng = random.Random(1)
    for _ in range(300):
        text, spans = write("but \ue000we didn't hate it\ue002.", POSITIVE, rng, framed=True)
        (span,) = spans
        assert isinstance(span, Span)
        assert text[span.start : span.end].lower().startswith("we did")
        assert text[span.start : span.end].lower().endswith("hate it")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can't and won't", "I cannot and will not"),
        ("It isn't, it wasn't", "It is not, it was not"),
        ("isn't it good? Wasn't it?", "isn't it good? Wasn't it?"),
    ],
)
def test_contractions_are_written_out(text: str, expected: str) -> None:
    assert expand_contractions(text) == expected


@pytest.mark.parametrize(
    ("before", "phrase", "expected"),
    [
        ("We met a ", "Iranian family", "We met an Iranian family"),
        ("an ", "unique film", "a unique film"),
        ("A ", "honest man", "An honest man"),
        ("It took an ", "hour", "It took an hour"),
        ("a ", "unimaginative film", "an unimaginative film"),
        ("a ", "Ukrainian film", "a Ukrainian film"),
        ("a ", "useful lamp", "a useful lamp"),
        ("of ", "apples", "of apples"),
    ],
)
def test_articles(before: str, phrase: str, expected: str) -> None:
    assert with_articles(before, phrase) == expected
