"""Unknown words that are one edit away from exactly one clear known word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sentiline.tokenizer.constants import SPECIAL_TOKENS, UNKNOWN_ID

SHORTEST = 5
_SHORTEST_KNOWN = 4
_MOST_FREQUENT = 15_000  # rarer words are no clear reading of anything
_CLEARLY_MORE_FREQUENT = 8
_CACHED_WORDS = 20_000


class TypoIndex:
    """Finds the known word that an unknown word is most likely a misspelling of.

    The index holds every known word under all its spellings with one letter left out, so that a look-up needs no
    search: two words one edit apart share such a spelling, or one is such a spelling of the other.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Make the index of a vocabulary in order of frequency."""
        words = vocabulary[len(SPECIAL_TOKENS) : _MOST_FREQUENT]
        self._ids = {
            word: index
            for index, word in enumerate(words, len(SPECIAL_TOKENS))
            if len(word) >= _SHORTEST_KNOWN and word.isascii() and word.isalpha()
        }
        shortened: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
        for word in self._ids:
            for shorter in _deletions(word):
                shortened[shorter] += (word,)
        self._shortened = dict(shortened)
        self._cache: dict[str, int] = {}

    def find(self, word: str) -> int:
        """Return the id of the one clear known word at one edit from a word, or `UNKNOWN_ID`.

        An edit inserts, deletes or replaces a letter or swaps two neighbours. The first letter is not edited: "amoral" is
        not "moral".
        """
        if len(word) < SHORTEST or len(word) > 30 or not (word.isascii() and word.isalpha()):
            return UNKNOWN_ID
        found = self._cache.get(word)
        if found is None:
            if len(self._cache) >= _CACHED_WORDS:
                self._cache = {}
            found = self._cache[word] = self._find(word)
        return found

    def _find(self, word: str) -> int:
        candidates = set(self._shortened.get(word, ()))
        for shorter in _deletions(word):
            if shorter in self._ids:
                candidates.add(shorter)
            candidates.update(self._shortened.get(shorter, ()))
        ranked = sorted(self._ids[known] for known in candidates if known[0] == word[0] and _one_edit(word, known))
        if not ranked or (len(ranked) > 1 and ranked[0] * _CLEARLY_MORE_FREQUENT > ranked[1]):
            return UNKNOWN_ID
        return ranked[0]


def _deletions(word: str) -> set[str]:
    return {word[:index] + word[index + 1 :] for index in range(len(word))}


def _one_edit(one: str, other: str) -> bool:
    """Return whether two different words, which share a spelling with a letter left out, are one edit apart."""
    if len(one) != len(other):
        return True
    differing = [index for index, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    if len(differing) == 1:
        return True
    first, last = differing[0], differing[-1]
    return len(differing) == 2 and last == first + 1 and one[first] == other[last] and one[last] == other[first]
