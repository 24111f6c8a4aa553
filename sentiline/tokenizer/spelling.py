"""The vocabulary of the scheme `words-2`: ids by spelling, and the spellings under which an unknown token is read."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from sentiline.tokenizer.addresses import MENTION
from sentiline.tokenizer.constants import SPECIAL_TOKENS, UNKNOWN_ID
from sentiline.tokenizer.emoji import is_emoji, plain_emoji, similar_emoji

NUMBER, EMOJI_CLASS = "<number>", "<emoji>"

# Contractions written without an apostrophe, where the letters spell no other common word.
_NOT = [
    "ai",
    "are",
    "ca",
    "could",
    "did",
    "does",
    "do",
    "had",
    "has",
    "have",
    "is",
    "might",
    "must",
    "need",
    "should",
    "was",
    "wo",
    "would",
    "were",
]
CONTRACTIONS = {f"{verb}nt": f"{verb}n't" for verb in _NOT} | {
    f"{word}{end}": f"{word}'{end}"
    for word, ends in {
        "i": "m ve", "you": "re ve ll", "we": "ve", "they": "re ve ll", "that": "s ll", "what": "s", "there": "s",
        "here": "s", "he": "s", "she": "s", "it": "ll", "who": "s ve", "y": "all", "would": "ve", "could": "ve",
        "should": "ve",
    }.items()
    for end in ends.split()
}  # fmt: skip

_CONTRACTED = frozenset(
    [
        "it",
        "he",
        "she",
        "that",
        "there",
        "here",
        "what",
        "who",
        "where",
        "how",
        "when",
        "why",
        "let",
        "everything",
        "everyone",
        "nothing",
        "something",
        "this",
    ]
)
_NUMBER = re.compile(
    r"\d+(?:[.,:/-]\d+)*|\d{2,}(?:st|nd|rd|th)|\d+'?s|[3-9](?:rd|th)|\d+[ap]m"
)  # 1,000  80's  10th  7pm
_DOUBLED = re.compile(r"(.)\1+", re.DOTALL)
_LONG_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)
_SYLLABLES = re.compile(r"([^\W\d_]{2,3}?)\1{2,}\w{0,2}")
_CACHED_TOKENS = 50_000
_CACHED_LENGTH = 40
_MOST_RUNS = 6
_MUCH_MORE_FREQUENT = 100


def plain_form(token: str) -> str:
    """Return the form of a token that does not depend on the vocabulary: numbers are a class, runs of `!` a form."""
    first = token[0]
    if first == "@":
        return MENTION
    if first in "!?\u203c\u2047\u2048\u2049\uff01\uff1f":
        return _marks(token)
    if first in ".\u2026":
        return "." if token == "." else "..."
    if first.isalpha():
        if token[:2] in ("xd", "xx") and token.strip("x").strip("d") == "" and "d" in token:
            return "xD"
        return CONTRACTIONS.get(token, token)
    if is_emoji(token):
        return plain_emoji(token)
    if _NUMBER.fullmatch(token) or (unicodedata.category(first)[0] == "N" and not any(map(str.isalpha, token))):
        return NUMBER
    return token


def without_possessive(word: str) -> str:
    """Return a noun without its possessive `'s`; contractions such as "it's" stay."""
    return word[:-2] if word.endswith("'s") and word[:-2] not in _CONTRACTED else word


def has_long_run(token: str) -> bool:
    """Return whether a letter is repeated three times or more."""
    return token.isalpha() and _LONG_RUN.search(token) is not None


class Spellings(dict[str, int]):
    """A map of tokens to ids that looks a missing token up under its other spellings; if all fail it is unknown.

    The ids are those of a vocabulary in order of frequency. What was found for a missing token is kept, up to a limit.
    The id of a misspelt word is negative, because whether it is read so depends on the context: a name stays.

    Attributes:
        known: The ids of the known tokens alone.
        find_typo: Returns the id of the word that an unknown word misspells; None corrects nothing.
    """

    def __init__(self, tokens: Iterable[tuple[str, int]]) -> None:
        """Make the map from tokens and their ids."""
        super().__init__(tokens)
        for special in SPECIAL_TOKENS:
            self.pop(special, None)
        for bare, contraction in CONTRACTIONS.items():
            if contraction in self:
                self[bare] = self[contraction]
        self.known = dict(self)
        self.find_typo: Callable[[str], int] | None = None
        self._cached: list[str] = []

    def __missing__(self, token: str) -> int:
        """Return the id under another spelling, or `UNKNOWN_ID`."""
        if token.isascii() and token.isalpha() and token[0] != "x":  # most unknown tokens are plain words
            found = self.squeezed(token) or UNKNOWN_ID
            if found == UNKNOWN_ID and self.find_typo is not None and (index := self.find_typo(token)) != UNKNOWN_ID:
                found = -index
        else:
            found = self._find(token)
        if len(token) <= _CACHED_LENGTH:
            if len(self._cached) >= _CACHED_TOKENS:
                forgotten, self._cached = self._cached, []
                for old in forgotten:
                    self.pop(old, None)
            self._cached.append(token)
            self[token] = found
        return found

    def _find(self, token: str) -> int:
        plain = plain_form(token)
        if plain != token and (known := self.known.get(plain)) is not None:
            return known
        if is_emoji(plain):
            others = (*similar_emoji(plain), NUMBER if token[-1] == "\u20e3" else EMOJI_CLASS)
            return next((known for other in others if (known := self.known.get(other)) is not None), UNKNOWN_ID)
        for spelling in _spellings(plain):
            known = self.known.get(spelling)
            if known is None:
                known = self.squeezed(spelling)
            if known is not None:
                return known
        return self.known.get(NUMBER, UNKNOWN_ID) if token[0].isdigit() else UNKNOWN_ID

    def squeezed(self, word: str) -> int | None:
        """Return the id of the nearest known spelling with fewer repeated letters, or None.

        Each run of a letter is kept twice or once on its own, so that "goooooddd" is "good" and "woww" is "wow". A
        spelling that is very much more frequent than the nearest is read instead: "sooo" is "so", not "soo".
        """
        if _DOUBLED.search(word) is None:
            return self._syllables(word)
        runs = list(_DOUBLED.finditer(word))
        if len(runs) > _MOST_RUNS or len(word) > 10 * _CACHED_LENGTH:
            return None
        known: list[tuple[int, int]] = []  # letters removed, id
        for lengths in itertools.product((2, 1), repeat=len(runs)):
            pieces, position, removed = [], 0, 0
            for run, length in zip(runs, lengths, strict=True):
                pieces.append(word[position : run.start() + length])
                removed += len(run[0]) - length
                position = run.end()
            pieces.append(word[position:])
            spelling = "".join(pieces)
            index = self.known.get(CONTRACTIONS.get(spelling, spelling))
            if index is not None and index != UNKNOWN_ID and removed:
                known.append((removed, index))
        if not known:
            return self._syllables(word)
        nearest = min(known)[1]
        most_frequent = min(index for _, index in known)
        return most_frequent if most_frequent * _MUCH_MORE_FREQUENT < nearest and has_long_run(word) else nearest

    def _syllables(self, word: str) -> int | None:
        """Return the id of a word of one syllable said over and over, such as "hahahaha", or None."""
        syllables = _SYLLABLES.fullmatch(word)
        return self.known.get(2 * syllables[1], self.known.get(syllables[1])) if syllables else None


def _spellings(token: str) -> Iterator[str]:
    """Yield a token and its spellings without possessive, misplaced or any apostrophes, and accents."""
    yield token
    if "'" in token:
        if token.endswith("'nt"):
            yield token[:-3] + "n't"
        if token.endswith("'s"):
            yield token[:-2]
        yield token.replace("'", "")
    if not token.isascii():
        plain = "".join([char for char in unicodedata.normalize("NFKD", token) if not unicodedata.combining(char)])
        plain = plain.lower()  # again: styled capitals, such as U+1D406, have no lower case before NFKD
        if plain and plain != token:
            yield from _spellings(plain)


def _marks(token: str) -> str:
    asks = any(mark in token for mark in "?\u2047\u2048\u2049\uff1f")
    exclaims = any(mark in token for mark in "!\u203c\u2048\u2049\uff01")
    if asks and exclaims:
        return "?!"
    mark = "?" if asks else "!"
    return mark if len(token) == 1 and token not in "\u203c\u2047" else 2 * mark
