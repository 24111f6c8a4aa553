"""The tokenizer of training and serving: raw text to token ids and character spans.

A `Tokenizer` is a vocabulary and a few named parameters, stored as JSON in every bundle.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NoReturn, get_args

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import (
    BundleCorruptError,
    EmptyTextError,
    InputError,
    OptionError,
    TextTooLongError,
    TextTypeError,
)

Truncation = Literal["error", "head", "tail", "head_tail"]
TRUNCATIONS: tuple[Truncation, ...] = get_args(Truncation)

PADDING_ID = 0
UNKNOWN_ID = 1
SPECIAL_TOKENS = ("<pad>", "<unk>")

SCHEME = "words-1"  # names the splitting rules below; a bundle made with other rules is refused, never misread

_MARKUP = re.compile(r"</?[a-z][a-z0-9]*\b[^<>]{0,200}>|&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.ASCII)

# Combining accents, and the vowel signs and points that some scripts write as marks, are parts of a word.
_MARK = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0980-\u0dff"
    r"\u0e31-\u0e4e\u0eb1-\u0ece\u0f71-\u0fbc\u102b-\u109d\u200c\u200d"
)

# One capturing group around the whole token makes re.split() return gap, token, gap, token, …, gap, and the
# running sum of their lengths gives every span without a Python-level loop. The first two lines change no result:
# they match the most common characters at once, which more than halves the time (docs/tokenizer.md). Groups are not
# possessive, because before Python 3.11.5 a possessive group kept the text of a failed repetition.
_TOKEN = re.compile(
    rf"""(
    (?![ .,])(?:                                                        # no token begins with one of these
      [a-z]++(?=[ .,!?])                                                # a plain word, as two lines below
    | \d+(?:[.,/]\d+)+                                                # 10/10  7.5  1,000
    | [^\W_]++(?:[{_MARK}]+[^\W_]*)*(?:'[^\W_]+)*                     # a word in any script; don't
    | [:;=]['-]?[()dp/\\](?![^\W_]) | <3                             # emoticons
    | [!?]+ | \*+                                                     # !!!  ?!  ****
    | [\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]   # symbols and emoji, one by one
    ))""",
    re.VERBOSE,
)
Spans = tuple[NDArray[np.int32], NDArray[np.int32]]  # the starts and the ends of tokens

_APOSTROPHES = "\u2019\u2018\u02bc\uff07"  # read as the plain apostrophe
_REPEATED = re.compile(r"(.)\1{2,}", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """One tokenized text, cut to the model's limit.

    Attributes:
        ids: The vocabulary ids, int32 [tokens_used]; `UNKNOWN_ID` where the token is not in the vocabulary.
        tokens_total: The number of tokens in the whole text, before truncation.
        find: Returns `starts` and `ends`, computing them when they are first needed.
        split: Splits a text as the tokenizer does, into all its tokens and their spans.
        tokens_used: The number of tokens that the model reads.
        unknown_tokens: The number of used tokens that are not in the vocabulary.
    """

    ids: NDArray[np.int32]
    tokens_total: int
    find: Callable[[], Spans]
    split: Callable[[str], tuple[list[str], Spans]] = lambda text: split(text)
    tokens_used: int = field(init=False)
    unknown_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        # every prediction, metric and threshold asks for them, so they are counted once
        object.__setattr__(self, "tokens_used", len(self.ids))
        object.__setattr__(self, "unknown_tokens", int(np.count_nonzero(self.ids == UNKNOWN_ID)))

    @property
    def starts(self) -> NDArray[np.int32]:
        """The index of each token's first code point in the raw text, int32 [tokens_used]."""
        return self.find()[0]

    @property
    def ends(self) -> NDArray[np.int32]:
        """The index after each token's last code point, int32 [tokens_used]; `raw[start:end]` is the token."""
        return self.find()[1]

    @property
    def truncated(self) -> bool:
        """Whether tokens were left out."""
        return self.tokens_total > self.tokens_used


@dataclass(frozen=True, slots=True, eq=False)
class EncodedList:
    """N tokenized texts in arrays, each cut to the model's limit.

    Attributes:
        ids: The vocabulary ids of all texts in their order, int32.
        tokens_used: The number of tokens that the model reads of each text, int64 [N]; 0 where there is an error.
        tokens_total: The number of tokens of each text before truncation, int64 [N]; 0 where there is an error.
        errors: The error of each text that cannot be scored, by index.
    """

    ids: NDArray[np.int32]
    tokens_used: NDArray[np.int64]
    tokens_total: NDArray[np.int64]
    errors: dict[int, InputError]

    def unknown_tokens(self) -> NDArray[np.int64]:
        """Return the number of used tokens of each text that are not in the vocabulary, int64 [N]."""
        counts = np.concatenate(([0], np.cumsum(self.ids == UNKNOWN_ID)))
        return np.diff(counts[np.concatenate(([0], np.cumsum(self.tokens_used)))])


def split(text: str) -> tuple[list[str], Spans]:
    """Split raw text into lower-cased tokens and their spans.

    HTML tags and character entities separate tokens and are dropped. Spans count Unicode code points.

    Args:
        text: The raw text, any Unicode.

    Returns:
        `(tokens, (starts, ends))`: the n lower-cased tokens, and their spans in the raw text as int32 [n].

    Example:
        >>> tokens, (starts, ends) = split("<br />Isn't GREAT!")
        >>> tokens
        ["isn't", 'great', '!']
        >>> list(zip(starts.tolist(), ends.tolist()))
        [(6, 11), (12, 17), (17, 18)]
    """
    pieces = _TOKEN.split(_lower(text))
    edges = np.fromiter(map(len, pieces), np.int64, len(pieces)).cumsum(dtype=np.int32)
    return pieces[1::2], (edges[0:-1:2], edges[1::2])


def words(text: str) -> list[str]:
    """Return only the tokens of `split`, which is faster."""
    found: list[str] = _TOKEN.findall(_lower(text))
    return found


def _lower(text: str) -> str:
    """Return the text in lower case and of the same length, with markup blanked and plain apostrophes."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters, such as U+0130, grow in lower case, which would shift the spans
        lowered = "".join([low if len(low := char.lower()) == 1 else char for char in text])
    if not lowered.isascii():
        for apostrophe in _APOSTROPHES:
            lowered = lowered.replace(apostrophe, "'")
    if "<" in lowered or "&" in lowered:
        lowered = _MARKUP.sub(_blank, lowered)
    return lowered


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _variants(token: str) -> Iterable[str]:
    """Yield the spellings under which an unknown token may be known, nearest first."""
    if "'" in token:
        yield token.removesuffix("'s")
        yield token.replace("'", "")
    plain = token
    if not token.isascii():
        plain = "".join([char for char in unicodedata.normalize("NFKD", token) if not unicodedata.combining(char)])
        plain = plain.lower()  # again: styled capitals, such as U+1D406, have no lower case before NFKD
        yield plain
    if _REPEATED.search(plain):
        yield _REPEATED.sub(r"\1\1", plain)
        yield _REPEATED.sub(r"\1", plain)


class _Ids(dict[str, int]):
    """A map of tokens to ids that looks a missing token up under its variants; if all fail it is unknown."""

    def __missing__(self, token: str) -> int:
        for variant in _variants(token):
            found = self.get(variant)
            if found is not None:
                return found
        return UNKNOWN_ID


class Tokenizer:
    """Maps text to vocabulary ids and character spans.

    A token that is not in the vocabulary is looked up again without possessive `'s` or apostrophes, without
    accents (NFKD), and with letters repeated three times or more squeezed to two, then one ("soooo" reads as
    "so"); if all fail it is unknown.

    Attributes:
        vocabulary: The tokens in id order; the first two are `SPECIAL_TOKENS`.
        max_tokens: The largest number of tokens that a text may keep.
        truncation: The default policy for longer texts.
    """

    _id_table: ClassVar[type[dict[str, int]]] = _Ids
    _tokens: ClassVar[str] = "word, number, ! or ?"

    def __init__(self, vocabulary: Sequence[str], *, max_tokens: int = 1024, truncation: Truncation = "head_tail"):
        """Make a tokenizer.

        Args:
            vocabulary: Distinct tokens in id order, beginning with `SPECIAL_TOKENS`.
            max_tokens: The largest number of tokens that a text may keep, at least 2.
            truncation: The default policy for longer texts.

        Raises:
            BundleCorruptError: The vocabulary repeats a token, or does not begin with the special tokens.
            OptionError: `max_tokens` is less than 2, or `truncation` is not a policy.
        """
        self.vocabulary = tuple(vocabulary)
        if self.vocabulary[:2] != SPECIAL_TOKENS:
            raise BundleCorruptError(f"a vocabulary begins with {SPECIAL_TOKENS}, this one with {self.vocabulary[:2]}")
        if max_tokens < 2:
            raise OptionError(f"max_tokens is {max_tokens}; it must be at least 2", field="max_tokens")
        self.max_tokens = max_tokens
        self.truncation = check_truncation(truncation)
        self._ids = self._id_table(zip(self.vocabulary, range(len(self.vocabulary)), strict=True))
        if len(self._ids) != len(self.vocabulary):
            raise BundleCorruptError("a vocabulary holds each token once; this one repeats some")
        for special in SPECIAL_TOKENS:  # no text may spell a special token; brackets are never part of a token
            del self._ids[special]

    def encode(self, text: str, *, truncation: Truncation | None = None, spans: bool = True) -> Encoding:
        """Tokenize one text.

        Args:
            text: The raw text.
            truncation: The policy for texts of more than `max_tokens` tokens: "error" refuses them, "head" keeps the
                beginning, "tail" the end, "head_tail" half of each. Defaults to the tokenizer's own.
            spans: Whether the tokens' spans will be needed. If not, encoding is faster, and spans are still available
                at the cost of splitting the text again.

        Returns:
            The encoding, with at least one and at most `max_tokens` tokens.

        Raises:
            TextTypeError: `text` is not a string.
            EmptyTextError: The text has no token.
            TextTooLongError: The text has more than `max_tokens` tokens and the policy is "error".
            OptionError: There is no such policy.
        """
        policy = self.truncation if truncation is None else check_truncation(truncation)
        if not isinstance(text, str):
            self._refuse_type(text)
        tokens, edges = self.split(text) if spans else (self.words(text), None)
        total, kept = len(tokens), None
        if not 0 < total <= self.max_tokens:
            kept = self._kept(text, total, policy)
            tokens = [tokens[index] for index in kept]

        found: list[Spans] = []  # functools.cache takes longer than tokenizing a short text

        def find() -> Spans:
            if not found:
                starts, ends = self.split(text)[1] if edges is None else edges
                found.append((starts, ends) if kept is None else (starts[kept], ends[kept]))
            return found[0]

        return Encoding(self.ids(tokens), total, find, self.split)

    def encode_list(self, texts: Sequence[Any], *, truncation: Truncation | None = None) -> EncodedList:
        """Tokenize texts as `encode` does, without an object per text and without spans.

        Args:
            texts: The raw texts; an item of another type has an error in its place.
            truncation: The policy for long texts, as in `encode`.

        Raises:
            OptionError: There is no such policy.
        """
        policy = self.truncation if truncation is None else check_truncation(truncation)
        tokens: list[str] = []
        used: list[int] = []
        totals: list[int] = []
        errors: dict[int, InputError] = {}
        for index, text in enumerate(texts):
            try:
                found = self.words(text) if isinstance(text, str) else self._refuse_type(text)
                total = len(found)
                if not 0 < total <= self.max_tokens:
                    found = [found[place] for place in self._kept(text, total, policy)]
            except InputError as error:
                errors[index] = error.with_traceback(None)  # which would keep this frame and all texts in memory
                found, total = [], 0
            tokens += found
            used.append(len(found))
            totals.append(total)
        return EncodedList(self.ids(tokens), np.array(used, np.int64), np.array(totals, np.int64), errors)

    def _kept(self, text: str, total: int, policy: Truncation) -> NDArray[np.intp]:
        """Return the indices of the tokens that are kept of a text with none, or with more than `max_tokens`."""
        if total == 0:
            raise EmptyTextError(_describe_empty(text, self._tokens), field="text")
        if policy == "error":
            raise TextTooLongError(
                f"the text has {total} tokens and the model reads at most {self.max_tokens}; shorten it, or "
                f'choose truncation "head", "tail" or "head_tail"',
                field="text",
                limit=self.max_tokens,
            )
        return _kept(total, self.max_tokens, policy)

    def _refuse_type(self, text: Any) -> NoReturn:
        raise TextTypeError(f"a text must be a string; got {type(text).__name__}", field="text")

    def split(self, text: str) -> tuple[list[str], Spans]:
        """Split raw text into tokens and their spans, as the function `split` does."""
        return split(text)

    def words(self, text: str) -> list[str]:
        """Return only the tokens of `split`, which is faster."""
        return words(text)

    def ids(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        """Look up the ids of lower-cased tokens.

        Args:
            tokens: The tokens, as `split` returns them.

        Returns:
            int32 [len(tokens)], `UNKNOWN_ID` where neither the token nor a variant is in the vocabulary.
        """
        return np.fromiter(map(self._ids.__getitem__, tokens), np.int32, len(tokens))

    def to_json(self) -> str:
        """Return the tokenizer as JSON, as stored in a bundle (`tokenizer.json`)."""
        document = {
            "scheme": SCHEME,
            "max_tokens": self.max_tokens,
            "truncation": self.truncation,
            "vocabulary": self.vocabulary,
        }
        return json.dumps(document, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, text: str, *, source: Path | str = "tokenizer.json") -> Tokenizer:
        """Load a tokenizer from JSON.

        Args:
            text: The output of `to_json`.
            source: The file's name in error messages.

        Raises:
            BundleCorruptError: The text is not such a document, or was made with other splitting rules.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            scheme = document["scheme"]
            if scheme != SCHEME:
                raise BundleCorruptError(
                    f"{source}: tokenizer scheme {scheme!r} is not {SCHEME!r}; use the Sentiline release that made it"
                )
            vocabulary = document["vocabulary"]
            if not isinstance(vocabulary, list) or not all(isinstance(token, str) for token in vocabulary):
                raise BundleCorruptError(f"{source}: the vocabulary must be a list of strings")
            return cls(vocabulary, max_tokens=document["max_tokens"], truncation=document["truncation"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BundleCorruptError(f"{source} is not a tokenizer: {error!r}") from error


def check_truncation(value: str) -> Truncation:
    """Return `value` if it names a truncation policy.

    Raises:
        OptionError: There is no such policy.
    """
    for policy in TRUNCATIONS:
        if value == policy:
            return policy
    raise OptionError(f"truncation is {value!r}; it must be one of {', '.join(TRUNCATIONS)}", field="truncation")


def _kept(total: int, limit: int, policy: Truncation) -> NDArray[np.intp]:
    head = {"head": limit, "tail": 0, "head_tail": (limit + 1) // 2}[policy]
    return np.concatenate([np.arange(head), np.arange(total - (limit - head), total)])


def _describe_empty(text: str, tokens: str) -> str:
    if not text.strip():
        return f"the text is {'blank' if text else 'empty'}; send at least one word"
    return f"the text has {len(text)} characters but no {tokens}; send at least one word"
