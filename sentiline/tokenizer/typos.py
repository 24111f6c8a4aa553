"""Unknown words that are one edit away from exactly one clear known word."""

from __future__ import annotations

from collections.abc import Sequence

from sentiline.tokenizer.constants import UNKNOWN_ID

SHORTEST = 5
_SHORTEST_KNOWN = 4
_MOST_FREQUENT = 15_000  # rarer words are no clear reading of anything
_CLEARLY_MORE_FREQUENT = 8


class TypoIndex:
    """Finds the known word that an unknown word is most likely a misspelling of.

    The index holds every known word under all its spellings with one letter left out, so that a look-up needs no
    search: two words one edit apart share such a spelling, or one is such a spelling of the other.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Make the index of a vocabulary in order of frequency."""
        self._ids = {
            word: index
            for index, word in enumerate(vocabulary[:_MOST_FREQUENT])
            if len(word) >= _SHORTEST_KNOWN and word.isascii() and word.isalpha()
        }
        self._known: dict[str, tuple[str, ...]] = {}  # the known words by their spellings
        known = self._known
        for word in self._ids:
            for spelling in _spellings(word):
                known[spelling] = (*known[spelling], word) if spelling in known else (word,)

    def find(self, word: str) -> int:
        """Return the id of the one clear known word at one edit from a word, or `UNKNOWN_ID`.

        An edit inserts, deletes or replaces a letter or swaps two neighbours. The first letter is not edited: "amoral"
        is not "moral".
        """
        if len(word) < SHORTEST or len(word) > 30 or not (word.isascii() and word.isalpha()):
            return UNKNOWN_ID
        known = self._known
        candidates = {other for spelling in _spellings(word) if spelling in known for other in known[spelling]}
        if not candidates:
            return UNKNOWN_ID
        ranked = sorted(self._ids[other] for other in candidates if _one_edit(word, other))
        if not ranked or (len(ranked) > 1 and ranked[0] * _CLEARLY_MORE_FREQUENT > ranked[1]):
            return UNKNOWN_ID
        return ranked[0]


def _spellings(word: str) -> list[str]:
    """Return a word, and the word with each letter but the first left out."""
    return [word, *[word[:index] + word[index + 1 :] for index in range(1, len(word))]]


def _one_edit(one: str, other: str) -> bool:
    """Return whether two different words, which share a spelling with a letter left out, are one edit apart."""
    if len(one) != len(other):
        return abs(len(one) - len(other)) == 1
    differing = [index for index, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    if len(differing) == 1:
        return True
    first, last = differing[0], differing[-1]
    return len(differing) == 2 and last == first + 1 and one[first] == other[last] and one[last] == other[first]
