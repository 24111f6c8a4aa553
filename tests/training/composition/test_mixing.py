"""Sentences joined with others."""

from __future__ import annotations

from training.composition import Sentence, Span, concatenate, embed
from training.data.review import NEGATIVE, POSITIVE

GOOD = Sentence("The acting was wonderful.", POSITIVE, 0.96, "plain", "a", ("acting", "wonderful"))
BAD = Sentence("The plot was boring", NEGATIVE, 0.04, "plain", "b", ("plot", "boring"))
PLAIN = Sentence("The film lasts 90 minutes.", None, 0.5, "neutral", "c")


def test_opposite_sentences_have_no_label_and_a_span_each() -> None:
    joined = concatenate([BAD, GOOD])
    assert joined.text == "The plot was boring. The acting was wonderful."
    assert (joined.label, joined.target) == (None, 0.5)
    assert joined.spans == (Span(0, 19, NEGATIVE), Span(21, 46, POSITIVE))
    assert joined.words == ("plot", "boring", "acting", "wonderful")


def test_agreeing_sentences_keep_their_label() -> None:
    joined = concatenate([GOOD, GOOD])
    assert (joined.label, joined.target) == (POSITIVE, 0.96)


def test_neutral_sentences_around_one_keep_its_label_and_say_where_it_is() -> None:
    joined = embed(BAD, [PLAIN], [PLAIN])
    assert joined.text == "The film lasts 90 minutes. The plot was boring. The film lasts 90 minutes."
    assert joined.label == NEGATIVE
    assert 0.04 < joined.target <= 0.4
    assert [(joined.text[span.start : span.end], span.label) for span in joined.spans] == [
        (PLAIN.text, None),
        (BAD.text, NEGATIVE),
        (PLAIN.text, None),
    ]
    assert (joined.family, joined.template) == ("plain", "b")


def test_neutral_sentences_alone_stay_neutral() -> None:
    joined = concatenate([PLAIN, PLAIN])
    assert (joined.label, joined.target) == (None, 0.5)
