"""Crops are whole sentences of the text, in order, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from sentiline.sentences import sentence_spans
from sentiline.tokenizer import SPECIAL_TOKENS, Tokenizer
from training.data.crops import crop, encode_crop, with_crops

TEXT = "A good film. Mr. Hart was bad! Really?<br />It went on... and on. The end. Film number 7.5."
TOKENIZER = Tokenizer((*SPECIAL_TOKENS, "good", "bad", "film"))


def test_a_crop_is_one_to_three_sentences_in_a_row():
    spans = sentence_spans(TEXT)
    pieces = {
        TEXT[spans[first][0] : spans[last][1]]
        for first in range(len(spans))
        for last in range(first, min(first + 3, len(spans)))
    }
    assert {crop(TEXT, np.random.default_rng(seed)) for seed in range(400)} == pieces


@pytest.mark.parametrize("text", ["one sentence only", "", "   "])
def test_a_text_of_at_most_one_sentence_stays_as_it_is(text):
    assert crop(text, np.random.default_rng(0)) == text


def test_a_crop_without_a_token_falls_back_to_the_whole_text():
    text = "... --- ... Good film."
    whole = TOKENIZER.encode(text).ids.tolist()
    assert {tuple(encode_crop(text, TOKENIZER, np.random.default_rng(seed)).tolist()) for seed in range(30)} == {
        tuple(whole)
    }


def test_the_share_of_cropped_texts_is_what_was_asked_for():
    documents, texts = [TOKENIZER.encode(TEXT).ids] * 2000, [TEXT] * 2000
    replaced = with_crops(documents, texts, 0.3, TOKENIZER, np.random.default_rng(1))
    shorter = sum(len(after) < len(before) for before, after in zip(documents, replaced, strict=True))
    assert abs(shorter / 2000 - 0.3) < 0.04
    assert with_crops(documents[:5], texts[:5], 0.0, TOKENIZER, np.random.default_rng(1)) == documents[:5]
