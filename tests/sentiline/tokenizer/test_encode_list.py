"""A list of texts has the tokens, the counts and the errors of each text alone, in every scheme."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiline.errors import InputError, OptionError
from sentiline.text_vectorization import TextVectorizer
from sentiline.tokenizer import SPECIAL_TOKENS, TRUNCATIONS, Tokenizer, Truncation, Words2Tokenizer
from sentiline.tokenizer.words2 import IN_EVERY_VOCABULARY

WORDS = ["the", "i", "like", "a", "good", "bad", "film", "terrible", "acting", "turkey", "wonderful", "so", "was", "it"]
VOCABULARY = [
    *SPECIAL_TOKENS,
    *dict.fromkeys([*WORDS, *IN_EVERY_VOCABULARY, *(f"filler{index}" for index in range(1200))]),
]
PIECES = [
    *WORDS, "terible", "Terible", "Turkes", "actng", "wondrful", "Wondrful.", "film's", "GOOOOD", "zzyzx", "!", ".",
    ",", ":-)", "5/5", "#goodfilm", "<br />", "\U0001f44d\U0001f3fd", "\u00e9t\u00e9", "<unk>", "\u200b",
]  # fmt: skip
TOKENIZERS = [Tokenizer(VOCABULARY, max_tokens=6), Words2Tokenizer(VOCABULARY, max_tokens=6)]
TOKENIZERS.append(Words2Tokenizer(VOCABULARY, max_tokens=6, correct_typos=False))
TOKENIZERS.append(TextVectorizer(VOCABULARY, max_tokens=6))
texts = st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join) | st.text(max_size=20) | st.none() | st.integers()


def alone(tokenizer: Tokenizer, text: Any, policy: Truncation | None) -> tuple[Any, ...]:
    try:
        encoding = tokenizer.encode(text, truncation=policy)
    except InputError as error:
        return [], 0, 0, 0, (type(error), str(error), vars(error))
    return encoding.ids.tolist(), encoding.tokens_used, encoding.tokens_total, encoding.unknown_tokens, None


def together(tokenizer: Tokenizer, some: list[Any], policy: Truncation | None) -> list[tuple[Any, ...]]:
    encoded = tokenizer.encode_list(some, truncation=policy)
    assert encoded.ids.dtype == np.int32
    ids = np.split(encoded.ids, np.cumsum(encoded.tokens_used))
    assert not len(ids.pop())
    found = {index: (type(error), str(error), vars(error)) for index, error in encoded.errors.items()}
    counts = encoded.tokens_used.tolist(), encoded.tokens_total.tolist(), encoded.unknown_tokens().tolist()
    errors = [found.get(index) for index in range(len(some))]
    return list(zip([part.tolist() for part in ids], *counts, errors, strict=True)) if some else []


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=["words-1", "words-2", "words-2 without typos", "vectorizer"])
@given(some=st.lists(texts, max_size=8), policy=st.sampled_from([None, *TRUNCATIONS]))
def test_a_list_is_encoded_as_each_text_alone(tokenizer: Tokenizer, some: list[Any], policy: Truncation | None) -> None:
    assert together(tokenizer, some, policy) == [alone(tokenizer, text, policy) for text in some]


@pytest.mark.parametrize("policy", TRUNCATIONS)
def test_names_and_typos_are_told_apart_in_a_list(policy: Truncation) -> None:
    """Whether a misspelt word is a name depends on its place in its own text, also where the text is cut."""
    tokenizer = Words2Tokenizer(VOCABULARY, max_tokens=6)
    some = [
        "terible", "", "I like Terible films", "Terible", "a good film. Terible!", "like Terible and terible",
        "terible so so so so so so so Terible", "the film the film the film so Wondrful", "Wondrful " * 9,
        "Turkes was it",
    ]  # fmt: skip
    assert together(tokenizer, some, policy) == [alone(tokenizer, text, policy) for text in some]
    known, name = tokenizer.encode_list(["so terible", "so Terible"]).ids.reshape(2, 2)[:, 1].tolist()
    assert (tokenizer.vocabulary[known], tokenizer.vocabulary[name]) == ("terrible", "<unk>")


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(OptionError, match="truncation is 'half'"):
        TOKENIZERS[0].encode_list(["good"], truncation="half")  # type: ignore[arg-type]
