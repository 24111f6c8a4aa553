"""Sentences and clauses cut from longer texts, which a teacher labels because nobody else has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from sentiline.sentences import sentence_spans

# A clause begins after one of these words; the word itself belongs to the clause that it introduces.
_BORDER = re.compile(r"\s*(?:[;:]|,?\s(?=(?:but|although|though|however|yet|except|while|whereas)\s)|,\s(?=and\s))\s*", re.I)
_SHORTEST_CLAUSE, _LONGEST_PIECE = 2, 60


def sentences(texts: Iterable[str], each: int, seed: int) -> Iterator[str]:
    """Draw up to `each` sentences of every text, of at most 60 words.

    Args:
        texts: Raw texts.
        each: The number of sentences per text.
        seed: The seed of the choice.
    """
    generator = np.random.default_rng(seed)
    for text in texts:
        found = [text[start:end] for start, end in sentence_spans(text)]
        usable = [sentence for sentence in found if 2 <= len(sentence.split()) <= _LONGEST_PIECE]
        if len(found) > 1 and usable:
            for index in generator.permutation(len(usable))[:each]:
                yield usable[index]


def clauses(sentence: str) -> list[tuple[int, int]]:
    """Divide a sentence into clauses at conjunctions, semicolons and colons.

    Returns:
        The spans of two or more clauses in code points; [] for a sentence that has only one.
    """
    spans, start = [], 0
    for border in (*_BORDER.finditer(sentence), None):
        end = len(sentence) if border is None else border.start()
        if len(sentence[start:end].split()) >= _SHORTEST_CLAUSE:
            spans.append((start, end))
        elif spans or border is None:
            return []
        start = end if border is None else border.end()
    return spans if len(spans) > 1 else []
