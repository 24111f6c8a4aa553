"""Reviews kept to be shown, and broken into lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiline.predictor import Predictor
from sentiline.reporting.excerpt import MAX_CHARACTERS, Sample
from sentiline.reporting.line_wrapping import lines


def test_a_sample_has_the_text_and_what_each_token_said(predictor: Predictor) -> None:
    text = "A  good\tfilm,\n<br />but\x1b the \u202eending is terrible.  "
    [reading] = predictor.read([text])
    sample = Sample.of(reading, "a.csv, line 2")
    assert sample.text == "A  good    film,\n<br />but\ufffd the \ufffdending is terrible."
    tokens = [(piece, value) for piece, value in sample.pieces if value is not None]
    assert [piece for piece, _ in tokens] == ["A", "good", "film", "but", "the", "ending", "is", "terrible"]
    assert reading.contributions is not None
    assert [value for _, value in tokens] == pytest.approx(reading.contributions.tolist(), abs=1e-4)
    ordered = sorted(tokens, key=lambda one: -(one[1] or 0))
    assert sample.raising == tuple(one for one in ordered if (one[1] or 0) > 0)[:5]
    assert sample.lowering == tuple(one for one in ordered[::-1] if (one[1] or 0) < 0)[:5]
    weights = [weight for _, weight in sample.weighted() if weight is not None]
    assert max(map(abs, weights)) == 1
    assert Sample.from_dict(json.loads(json.dumps(sample.as_dict()))) == sample


def test_a_long_review_is_shortened(predictor: Predictor) -> None:
    [reading] = predictor.read(["good film " * 2_000])
    sample = Sample.of(reading, "a")
    assert sample.shortened is False  # the model read so few tokens of it that they fit
    assert "[…]" in sample.text
    [reading] = predictor.read([f"good {'x' * 3_000} bad"])
    sample = Sample.of(reading, "a")
    assert sample.shortened
    assert sample.text == "good …"
    assert len(sample.text) <= MAX_CHARACTERS + 1
    assert all(len(token) <= 30 for token, _ in (*sample.raising, *sample.lowering))


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=40)


@given(st.lists(st.tuples(WORD, st.none() | st.floats(-1, 1)), min_size=1, max_size=40), st.integers(5, 60))
@settings(max_examples=100, deadline=None)
def test_lines_hold_all_letters_in_order(pieces: list[tuple[str, float | None]], width: int) -> None:
    separated = tuple(part for piece in pieces for part in (piece, (" \n ", None)))
    tokens = tuple((text, value) for text, value in pieces if value)
    raising = tuple(sorted((one for one in tokens if one[1] > 0), key=lambda one: -one[1]))
    lowering = tuple(sorted((one for one in tokens if one[1] < 0), key=lambda one: one[1]))
    sample = Sample("a", 0.5, 0.0, separated, raising, lowering, True, False, "")
    made = lines(sample, width, 10_000)
    assert all(0 < len(line.text) <= width for line in made)
    assert "".join("".join(line.text.split()) for line in made) == "".join("".join(text.split()) for text, _ in pieces)
    weighted = "".join(line.text[start:end] for line in made for start, end, _ in line.spans)
    largest = max((abs(value) for _, value in tokens), default=1.0)
    assert weighted == "".join("".join(text.split()) for text, value in pieces if value and value / largest)
    few = lines(sample, width, 2)
    assert len(few) <= 2
    assert few[:1] == made[:1] or len(made) == 1
    assert few[-1].text.endswith("…") == (len(made) > 2 or made[-1].text.endswith("…")) or len(made) <= 2
