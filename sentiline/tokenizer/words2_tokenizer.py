"""The tokenizer of the scheme `words-2`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import words2
from sentiline.tokenizer.base import TOKENIZERS, Tokenizer
from sentiline.tokenizer.constants import UNKNOWN_ID, Spans
from sentiline.tokenizer.encoding import Truncation
from sentiline.tokenizer.hashtags import HashtagOpener
from sentiline.tokenizer.markup import TAG
from sentiline.tokenizer.spelling import Spellings
from sentiline.tokenizer.typos import TypoIndex

_SEPARATORS = frozenset((".", ",", ";"))
_SENTENCE_ENDS = frozenset(".!?:\n\u2026\"'\u201c\u2018(*-\u2022")


class Words2Tokenizer(Tokenizer):
    """Maps text to vocabulary ids and character spans by the rules of `words-2` (docs/tokenizer.md).

    Attributes:
        correct_typos: Whether an unknown word that is one edit from one clear known word is read as it.
    """

    scheme: ClassVar[str] = "words-2"
    _id_table: ClassVar[type[dict[str, int]]] = Spellings
    _tags: ClassVar[re.Pattern[str]] = TAG
    _tokens: ClassVar[str] = "word, number, emoji, ! or ?"

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        max_tokens: int = 1024,
        truncation: Truncation = "head_tail",
        correct_typos: bool = True,
    ) -> None:
        """Make a tokenizer; see `Tokenizer` for the other arguments and errors.

        Args:
            vocabulary: The tokens in id order, after the special ones the most frequent first.
            max_tokens: As in `Tokenizer`.
            truncation: As in `Tokenizer`.
            correct_typos: Whether an unknown word that is one edit from one clear known word is read as it.
        """
        super().__init__(vocabulary, max_tokens=max_tokens, truncation=truncation)
        self.correct_typos = correct_typos
        self._spellings = cast("Spellings", self._ids)
        self._open_hashtags = HashtagOpener(self._spellings.known)
        if correct_typos:
            self._spellings.find_typo = self._find_typo
        self._typos: TypoIndex | None = None

    def _find_typo(self, word: str) -> int:
        if self._typos is None:  # made when the first unknown word is met, because few processes of many need it
            self._typos = TypoIndex(self.vocabulary)
        return self._typos.find(word)

    def ids(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        """Look up the ids of tokens without their context, in which a misspelt word may be a name."""
        return np.abs(super().ids(tokens))

    def split(self, text: str) -> tuple[list[str], Spans]:
        """Split raw text into tokens and their spans."""
        return words2.split(text, self._open_hashtags)

    def words(self, text: str) -> list[str]:
        """Return only the tokens of `split`, which is faster."""
        return words2.words(text, self._open_hashtags)

    def _read(
        self, text: str, tokens: Sequence[str], find: Callable[[], Spans]
    ) -> tuple[NDArray[np.int32], Callable[[], list[str | None] | None]]:
        ids = super().ids(tokens)
        if np.count_nonzero(ids < 0):
            for place in np.flatnonzero(ids < 0).tolist():
                ids[place] = UNKNOWN_ID if _is_name(text, tokens, place, find) else -ids[place]

        def read_as() -> list[str | None]:
            starts, ends = map(np.ndarray.tolist, find())
            return [
                None if index == UNKNOWN_ID or (read := self.vocabulary[index]) == text[start:end].lower() else read
                for index, start, end in zip(ids.tolist(), starts, ends, strict=True)
            ]

        return ids, read_as

    def _describes_nothing(self, tokens: Sequence[str]) -> bool:
        return not tokens or (tokens[0] in _SEPARATORS and _SEPARATORS.issuperset(tokens))

    def _parameters(self) -> dict[str, Any]:
        return {"correct_typos": self.correct_typos}


def _is_name(text: str, tokens: Sequence[str], place: int, find: Callable[[], Spans]) -> bool:
    """Return whether a word is capitalised in the middle of a sentence."""
    name = tokens[place].capitalize()
    start = text.find(name)
    if start < 0:
        return False
    if text.find(name, start + 1) >= 0 or tokens.count(tokens[place]) > 1:
        start = int(find()[0][place])  # which takes longer
    before = text[max(0, start - 3) : start].rstrip(" ")
    return text.startswith(name, start) and bool(before) and before[-1] not in _SENTENCE_ENDS


TOKENIZERS[Words2Tokenizer.scheme] = Words2Tokenizer
