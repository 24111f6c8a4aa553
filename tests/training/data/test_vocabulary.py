"""Vocabularies from texts."""

from __future__ import annotations

from sentiline.tokenizer import Words2Tokenizer
from sentiline.tokenizer.words2 import IN_EVERY_VOCABULARY
from training.data.vocabulary import build_vocabulary

TEXTS = ["so good", "soooo gooood!!", "It isnt good", "isn't it good 5/5 :-)", "so bad", "the film's good", "a film"]


def test_a_vocabulary_of_words2_holds_every_class_and_no_stretched_spelling() -> None:
    vocabulary = build_vocabulary(TEXTS, 1000, "words-2")
    assert set(IN_EVERY_VOCABULARY) < set(vocabulary)
    assert vocabulary[:3] == ("<pad>", "<unk>", "good")
    assert not {"soooo", "gooood", "isnt", "film's", "5/5", ":-)"} & set(vocabulary)
    assert {"so", "isn't", "film"} < set(vocabulary)
    assert build_vocabulary(reversed(TEXTS), 1000, "words-2") == vocabulary
    encoding = Words2Tokenizer(vocabulary).encode("soooo gooood isnt film's 5/5 :-) !!!")
    assert encoding.unknown_tokens == 0


def test_the_size_of_a_vocabulary_is_kept() -> None:
    for size in (3, 50, len(IN_EVERY_VOCABULARY) + 5):
        vocabulary = build_vocabulary(TEXTS, size, "words-2")
        assert len(vocabulary) == size == len(set(vocabulary))
    assert "good" in vocabulary
