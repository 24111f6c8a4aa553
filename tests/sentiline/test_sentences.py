"""Where sentences end, and that what they contribute adds up."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiline.predictor import Predictor, load
from sentiline.reading import Reading
from sentiline.sentences import _PLACE, _places, sentence_spans
from sentiline.tokenizer import split

PIECES = [
    "Good", "bad", "Mr", "e.g", "i.e.", "U.S.", "J", "7.5", "10/10", "p.m", "etc", ".", "...", "\u2026", "!?", "!", " ",
    "\n", "\n\n", "<br />", "<b>", "</p>", "<", ">", '"', "'", "\u201d", ")", "(", "*", "**", "<3", ":)", ":'(",
    "\u3002", "\u2764\ufe0f", "\U0001f600", "don't", "&amp;", "-", "\u017f", "\u212a", "<\u017f>", "\u0130", "\ud83d",
    "1", "No", "The",
]  # fmt: skip
RAGGED = (
    "Good film! -----\nSo <b>funny</b>\U0001f600. It is 10/10... not a bad plot<br /><br />The ending: bad?! \u2026 "
)


@pytest.fixture(scope="module")
def loaded(bundle_path: Path) -> Iterator[Predictor]:
    with load(bundle_path, precision="fp32", threads=1) as predictor:
        yield predictor


@pytest.fixture(scope="module")
def plain(models: Path) -> Iterator[Predictor]:
    with load(models / "scorer", precision="fp32", threads=1) as predictor:
        yield predictor


def spoken(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["I saw it.", "I left."],
        ["i saw it.", "i left."],
        ["So good!", "So bad?", "Really?!", "Yes!!!"],
        ["Wow!", "great film"],
        ["It runs 7.5 hours.", "It got 10/10.", "Fine."],
        ["Mr. Hart met Dr. Lee vs. Ms. Fox, i.e. friends.", "They left."],
        ["See No. 5 and vol. 2.", "Is it a no.", "Yes."],
        ["Popcorn, soda, etc. and more.", "Tea, etc.", "The end."],
        ["It starts at 8 p.m. on weekdays, at 9 p.m.", "The end."],
        ["J. R. R. Tolkien wrote it.", "The U.S. Army paid.", "It flopped in the U.S.", "It sank.", "Fine."],
        ["Slow... and then… it ended.", "Well...", "It did…", "Good."],
        ['"Why?" he asked.', '"Because."', "Then (sadly!) it ended.", "(Really.)", "Fine."],
        ["\u201cIt is bad.", "Really bad.\u201d", "\u2018Oh.\u2019", "Yes."],
        ["The plot is at www.Example.com, v1.2.", "OK!"],
        ["1. The acting is good.", "2. The plot is not.", "It is a 10.", "Fine."],
        ["Loved it!\U0001f600", "So bad.\U0001f44e", "*Great!*", "Ok"],
    ],
)
def test_sentences_end_at_punctuation(sentences: list[str]) -> None:
    assert spoken(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Good<br />\n<br />bad<BR>\u00a0fine<p class='x'>ok", ["Good", "bad", "fine", "ok"]),
        ("<b>Good.</b> <i>Bad.</i>", ["Good.", "Bad."]),
        ("One line\nA line\r\ngoes on here\n \n\nthe end", ["One line", "A line\r\ngoes on here", "the end"]),
        ("a good film.The plot!Great", ["a good film.", "The plot!", "Great"]),
        ("\u6620\u753b\u3002\u3068\u3066\uff01Good", ["\u6620\u753b\u3002", "\u3068\u3066\uff01", "Good"]),
        ("", []),
        (" \n<br/> \t", []),
        ("...", ["..."]),
    ],
)
def test_sentences_end_at_breaks(text: str, sentences: list[str]) -> None:
    assert spoken(text) == sentences


def test_spans_count_code_points() -> None:
    text = "\U0001f600 Great. \U0001f468\u200d\U0001f469 bad!"
    assert sentence_spans(text) == [(0, 8), (9, 17)]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@settings(max_examples=400, deadline=None)
def test_every_token_lies_in_exactly_one_sentence(text: str) -> None:
    spans = sentence_spans(text)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    _, (starts, ends) = split(text)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        assert sum(first <= start and end <= last for first, last in spans) == 1, text[start:end]


@pytest.mark.parametrize(
    "text", [" " * 100_000, "\n" * 100_000, ". " * 50_000, "<" * 100_000, "<br>" * 25_000, ">" * 100_000]
)
def test_hostile_texts_take_no_more_than_their_length(text: str) -> None:
    """Would take minutes if any rule looked at a run of characters once for each of them."""
    assert len(sentence_spans(text)) <= 50_000


@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES)).map("".join) | st.text())
def test_the_short_cut_finds_every_place(text: str) -> None:
    assert [place.span() for place in _places(text)] == [place.span() for place in _PLACE.finditer(text)]


def test_contributions_add_up(loaded: Predictor) -> None:
    [reading] = loaded.read([RAGGED])
    found = reading.sentences()
    assert [sentence.sentence for sentence in found] == [
        "Good film! -----",
        "So <b>funny</b>\U0001f600.",
        "It is 10/10... not a bad plot",
        "The ending: bad?! \u2026",
    ]
    assert reading.contributions is not None
    for sentence in found:
        assert RAGGED[sentence.start : sentence.end] == sentence.sentence
        inside = (reading.encoding.starts >= sentence.start) & (reading.encoding.ends <= sentence.end)
        assert sentence.tokens_used == sentence.tokens_total == np.count_nonzero(inside) > 0
        assert sentence.contribution == math.fsum(reading.contributions[inside].tolist())
        assert sentence.positive == pytest.approx(1 / (1 + math.exp(-sentence.contribution)), abs=1e-12)
        assert sentence.label == ("POSITIVE" if sentence.contribution >= 0 else "NEGATIVE")
        assert sentence.score == max(sentence.positive, 1 - sentence.positive)
    assert sum(sentence.tokens_total for sentence in found) == reading.encoding.tokens_total
    total = reading.bias + math.fsum(sentence.contribution or 0 for sentence in found)
    assert total == pytest.approx(reading.logit, abs=1e-5)


@given(st.lists(st.sampled_from(PIECES), max_size=120).map("".join), st.sampled_from(["head", "tail", "head_tail"]))
@settings(max_examples=60, deadline=None)
def test_contributions_add_up_whatever_the_text(loaded: Predictor, text: str, truncation: Any) -> None:
    [reading] = loaded.read_each([text], truncation=truncation)
    if not isinstance(reading, Reading):
        return
    found = reading.sentences()
    assert reading.contributions is not None
    assert sum(sentence.tokens_used for sentence in found) == reading.encoding.tokens_used
    assert sum(sentence.tokens_total for sentence in found) == reading.encoding.tokens_total
    assert math.fsum(sentence.contribution or 0 for sentence in found) == pytest.approx(
        math.fsum(reading.contributions.tolist()), abs=1e-12
    )


def test_sentences_left_out_in_a_row_are_one(loaded: Predictor) -> None:
    limit = loaded.tokenizer.max_tokens
    text = " ".join(["A good film."] * limit)  # three tokens each: the middle is not read
    [reading] = loaded.read([text], truncation="head_tail")
    found = reading.sentences()
    assert len(found) == 23
    [unread] = [sentence for sentence in found if sentence.tokens_used == 0]  # all that lie in a row are one
    assert unread.tokens_total == 3 * (limit - 22)
    assert unread.sentence == " ".join(["A good film."] * (limit - 22)) == text[unread.start : unread.end]
    assert (unread.contribution, unread.label, unread.score, unread.positive) == (0.0, None, None, None)
    assert {sentence.tokens_total for sentence in found if sentence != unread} == {3}
    cut = [sentence for sentence in found if sentence.tokens_used in (1, 2)]
    assert len(cut) == 2
    assert all(sentence.label is not None for sentence in cut)


@pytest.mark.parametrize("truncation", ["head", "tail", "head_tail"])
def test_a_text_of_tiny_sentences_gives_no_more_of_them_than_tokens_read(loaded: Predictor, truncation: Any) -> None:
    [reading] = loaded.read(["A. " * 33_333], truncation=truncation)
    found = reading.sentences()
    assert len(found) == reading.encoding.tokens_used + 1
    assert sum(sentence.tokens_total for sentence in found) == 33_333


def test_a_model_that_is_not_additive_has_sentences_without_contributions(plain: Predictor) -> None:
    [prediction] = plain.predict(["Good film. Bad plot!"], detail="sentences")
    assert prediction.sentences is not None
    assert prediction.timesteps is None
    for sentence in prediction.sentences:
        assert (sentence.contribution, sentence.label, sentence.score, sentence.positive) == (None, None, None, None)
        assert sentence.tokens_used == sentence.tokens_total > 0


def test_detail_names_what_is_there(loaded: Predictor) -> None:
    [reading] = loaded.read([RAGGED])
    with_sentences = reading.as_dict("sentences")
    assert "timesteps" not in with_sentences
    assert list(with_sentences["sentences"][0]) == [
        "sentence", "start", "end", "label", "score", "positive", "contribution", "tokens_total", "tokens_used"
    ]  # fmt: skip
    assert "sentences" not in reading.as_dict("timesteps")
    assert reading.prediction("none").sentences is None
    assert reading.prediction("sentences").sentences == tuple(reading.sentences())
