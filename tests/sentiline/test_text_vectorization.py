"""The tokenizer of models that were fitted behind a TextVectorization layer."""

from __future__ import annotations

import pytest

from sentiline.errors import BundleCorruptError, EmptyTextError, OptionError
from sentiline.text_vectorization import TextVectorizer, read_tokenizer
from sentiline.tokenizer import Tokenizer

VOCABULARY = ["<pad>", "<unk>", "good", "wellmade", "dont", "É", "é"]


def test_words_are_those_of_keras_and_spans_cover_them_as_written() -> None:
    text = "  GOOD,\tWell-made! ... don't É\u00a0é"
    tokens, (starts, ends) = TextVectorizer(VOCABULARY).split(text)
    assert tokens == ["good", "wellmade", "dont", "É\u00a0é"]
    assert [text[start:end] for start, end in zip(starts, ends, strict=True)] == [
        "GOOD,",
        "Well-made!",
        "don't",
        "É\u00a0é",
    ]
    encoding = TextVectorizer(VOCABULARY).encode(text)
    assert encoding.ids.tolist() == [2, 3, 4, 1]
    assert TextVectorizer(VOCABULARY).words(text) == tokens


def test_standardization_and_splitting_are_options() -> None:
    assert TextVectorizer(VOCABULARY, standardize="lower").words("Don't stop!") == ["don't", "stop!"]
    assert TextVectorizer(VOCABULARY, standardize=None).words("Good a.b") == ["Good", "a.b"]
    assert TextVectorizer(VOCABULARY, split_by="character").split("A b.")[0] == ["a", " ", "b"]
    with pytest.raises(OptionError, match="standardize is 'upper'"):
        TextVectorizer(VOCABULARY, standardize="upper")


def test_a_tokenizer_is_read_from_its_json() -> None:
    made = TextVectorizer(VOCABULARY, max_tokens=7, standardize="lower", split_by="character")
    found = read_tokenizer(made.to_json())
    assert isinstance(found, TextVectorizer)
    assert (found.vocabulary, found.max_tokens, found.standardize, found.split_by) == (
        made.vocabulary,
        7,
        "lower",
        "character",
    )
    assert type(read_tokenizer(Tokenizer(VOCABULARY).to_json())) is Tokenizer
    with pytest.raises(BundleCorruptError, match="not a tokenizer"):
        read_tokenizer(made.to_json().replace('"split"', '"cut"'))


def test_a_text_without_words_is_refused_and_a_long_one_cut() -> None:
    with pytest.raises(EmptyTextError, match="3 characters but no word"):
        TextVectorizer(VOCABULARY).encode("!!!")
    encoding = TextVectorizer(VOCABULARY, max_tokens=2).encode("good good bad")
    assert (encoding.tokens_used, encoding.tokens_total, encoding.truncated) == (2, 3, True)
