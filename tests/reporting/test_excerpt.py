"""Excerpts of reviews: text, effects of tokens, truncation."""

from __future__ import annotations

import json

import pytest

from sentiline.predictor import Predictor
from sentiline.reporting.excerpt import MAX_CHARACTERS, Excerpt


def test_an_excerpt_has_the_text_and_the_effect_of_each_token(predictor: Predictor) -> None:
    text = "A  good\tfilm,\n<br />but\x1b the \u202eending is terrible.  "
    [reading] = predictor.read([text])
    excerpt = Excerpt.from_reading(reading, "a.csv, line 2")
    assert excerpt.text == "A  good    film,\n<br />but\ufffd the \ufffdending is terrible."
    tokens = [(piece, value) for piece, value in excerpt.pieces if value is not None]
    assert [piece for piece, _ in tokens] == ["A", "good", "film", "but", "the", "ending", "is", "terrible"]
    assert reading.contributions is not None
    assert [value for _, value in tokens] == pytest.approx(reading.contributions.tolist(), abs=1e-4)
    ordered = sorted(tokens, key=lambda one: -(one[1] or 0))
    assert excerpt.raising == tuple(one for one in ordered if (one[1] or 0) > 0)[:5]
    assert excerpt.lowering == tuple(one for one in ordered[::-1] if (one[1] or 0) < 0)[:5]
    weights = [weight for _, weight in excerpt.weighted_pieces() if weight is not None]
    assert max(map(abs, weights)) == 1
    assert Excerpt.from_dict(json.loads(json.dumps(excerpt.as_dict()))) == excerpt


def test_a_review_longer_than_the_limit_is_shortened(predictor: Predictor) -> None:
    [reading] = predictor.read(["good film " * 2_000])
    excerpt = Excerpt.from_reading(reading, "a")
    assert excerpt.shortened is False  # the model read so few tokens of it that they fit
    assert "[…]" in excerpt.text
    [reading] = predictor.read([f"good {'x' * 3_000} bad"])
    excerpt = Excerpt.from_reading(reading, "a")
    assert excerpt.shortened
    assert excerpt.text == "good …"
    assert len(excerpt.text) <= MAX_CHARACTERS + 1
    assert all(len(token) <= 30 for token, _ in (*excerpt.raising, *excerpt.lowering))
