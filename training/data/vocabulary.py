"""Vocabularies from texts, most frequent token first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from sentiline.tokenizer import SPECIAL_TOKENS, words, words2
from sentiline.tokenizer.spelling import CONTRACTIONS, Spellings, has_long_run, plain_form, without_possessive

_LONG_RUN = re.compile(r"(.)\1{2,}")


def build_vocabulary(texts: Iterable[str], size: int, scheme: str = "words-1") -> tuple[str, ...]:
    """Choose the tokens that occur in the most texts, most frequent first, ties in alphabetical order.

    Args:
        texts: Raw texts, which must not be test reviews.
        size: The maximum number of entries, including the special tokens.
        scheme: The splitting rules, "words-1" or "words-2". A vocabulary of "words-2" holds every class, emoticon and
            common emoji, seen or not, and no spelling with a letter three times in a row.
    """
    split_words = words2.words if scheme == "words-2" else words
    frequency: Counter[str] = Counter()
    for text in texts:
        frequency.update(set(split_words(text)))
    always: tuple[str, ...] = ()
    if scheme == "words-2":
        frequency = _fold(frequency)
        always = words2.IN_EVERY_VOCABULARY
    ranked = sorted(frequency.items(), key=lambda item: (-item[1], item[0]))
    room = size - len(SPECIAL_TOKENS)
    rest = (
        [token for token, _ in ranked if token not in frozenset(always)] if always else [token for token, _ in ranked]
    )
    kept = [*always[:room], *rest[: max(room - len(always), 0)]]
    return (*SPECIAL_TOKENS, *sorted(kept, key=lambda token: (-frequency[token], token)))


def _fold(frequency: Counter[str]) -> Counter[str]:
    """Return the frequencies of the forms that `words-2` reads: classes, contractions, squeezed letters."""
    forms: Counter[str] = Counter()
    for token, count in frequency.items():
        forms[without_possessive(plain_form(token))] += count
    for bare, contraction in CONTRACTIONS.items():
        if bare in forms:
            forms[contraction] += forms.pop(bare)
    stretched = {token: forms.pop(token) for token in list(forms) if has_long_run(token)}
    known = [token for token, count in sorted(forms.items(), key=lambda item: (-item[1], item[0])) if count > 1]
    spellings = Spellings(zip(known, range(len(SPECIAL_TOKENS), len(known) + len(SPECIAL_TOKENS)), strict=True))
    for token, count in stretched.items():
        index = spellings.squeezed(token)
        forms[_LONG_RUN.sub(r"\1\1", token) if index is None else known[index - len(SPECIAL_TOKENS)]] += count
    return forms
