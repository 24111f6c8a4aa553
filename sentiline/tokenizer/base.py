"""The tokenizer of training and serving: raw text to token ids and character spans."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import BundleCorruptError, EmptyTextError, OptionError, TextTooLongError, TextTypeError
from sentiline.tokenizer.constants import SPECIAL_TOKENS, Spans
from sentiline.tokenizer.encoding import Encoding, Truncation, check_truncation, kept_tokens
from sentiline.tokenizer.words1 import TAG, TokenIds, split, words


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

    scheme: ClassVar[str] = "words-1"
    _id_table: ClassVar[type[dict[str, int]]] = TokenIds
    _tags: ClassVar[re.Pattern[str]] = TAG
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
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise BundleCorruptError("a vocabulary holds each token once; this one repeats some")
        for special in SPECIAL_TOKENS:  # no text may spell a special token; brackets are never part of a token
            self._ids.pop(special, None)

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
            raise TextTypeError(f"a text must be a string; got {type(text).__name__}", field="text")
        tokens, edges = self.split(text) if spans else (self.words(text), None)
        total, kept = len(tokens), None
        if self._describes_nothing(tokens):
            raise EmptyTextError(_describe_empty(text, self._tokens), field="text")
        if total > self.max_tokens:
            if policy == "error":
                raise TextTooLongError(
                    f"the text has {total} tokens and the model reads at most {self.max_tokens}; shorten it, or "
                    f'choose truncation "head", "tail" or "head_tail"',
                    field="text",
                    limit=self.max_tokens,
                )
            kept = kept_tokens(total, self.max_tokens, policy)
            tokens = [tokens[index] for index in kept]

        found: Spans | None = None

        def find() -> Spans:
            nonlocal found
            if found is None:
                starts, ends = self.split(text)[1] if edges is None else edges
                found = (starts, ends) if kept is None else (starts[kept], ends[kept])
            return found

        ids, read_as = self._read(text, tokens, find)
        return Encoding(ids, total, find, self.split, read_as, self._tags)

    def _read(
        self, text: str, tokens: Sequence[str], find: Callable[[], Spans]
    ) -> tuple[NDArray[np.int32], Callable[[], list[str | None] | None]]:
        """Return the ids of a text's tokens, and a function that says under which spellings they were read."""
        return self.ids(tokens), _same_spellings

    def _describes_nothing(self, tokens: Sequence[str]) -> bool:
        """Return whether the tokens of a text are too few to read."""
        return not tokens

    def with_limit(self, max_tokens: int, truncation: Truncation | None = None) -> Tokenizer:
        """Return a tokenizer with the same vocabulary and rules but another limit; the policy stays unless given."""
        policy = self.truncation if truncation is None else truncation
        return type(self)(self.vocabulary, max_tokens=max_tokens, truncation=policy, **self._parameters())

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
            "scheme": self.scheme,
            "max_tokens": self.max_tokens,
            "truncation": self.truncation,
            **self._parameters(),
            "vocabulary": self.vocabulary,
        }
        return json.dumps(document, ensure_ascii=False, indent=0) + "\n"

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters that only this scheme has, by their names in JSON and in the constructor."""
        return {}

    @classmethod
    def from_json(cls, text: str, *, source: Path | str = "tokenizer.json") -> Tokenizer:
        """Load a tokenizer of any scheme from JSON.

        Args:
            text: The output of `to_json`.
            source: The file's name in error messages.

        Raises:
            BundleCorruptError: The text is not such a document, or was made with other splitting rules.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            scheme = document.pop("scheme")
            if scheme not in TOKENIZERS:
                raise BundleCorruptError(
                    f"{source}: tokenizer scheme {scheme!r} is none of {', '.join(TOKENIZERS)}; use the Sentiline "
                    f"release that made it"
                )
            vocabulary = document["vocabulary"]
            if not isinstance(vocabulary, list) or not all(isinstance(token, str) for token in vocabulary):
                raise BundleCorruptError(f"{source}: the vocabulary must be a list of strings")
            required = {"vocabulary", "max_tokens", "truncation"}
            if missing := required - document.keys():
                raise KeyError(*missing)
            return TOKENIZERS[scheme](**document)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BundleCorruptError(f"{source} is not a tokenizer: {error!r}") from error


TOKENIZERS: dict[str, type[Tokenizer]] = {Tokenizer.scheme: Tokenizer}
"""The tokenizers by the names of their splitting rules; each module of a scheme adds its own."""


def _same_spellings() -> None:
    return None


def _describe_empty(text: str, tokens: str) -> str:
    if not text.strip():
        return f"the text is {'blank' if text else 'empty'}; send at least one word"
    return f"the text has {len(text)} characters but no {tokens}; send at least one word"
