"""A tokenizer that splits text as Keras's `TextVectorization` layer does, for models that were fitted behind one."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sentiline.errors import BundleCorruptError, OptionError
from sentiline.tokenizer import UNKNOWN_ID, Spans, Tokenizer, Truncation

SCHEME = "text-vectorization-1"  # names the splitting rules below, as `sentiline.tokenizer.SCHEME` does
STANDARDIZATIONS = ("lower_and_strip_punctuation", "lower", "strip_punctuation", None)
SPLITS = ("whitespace", "character")

# TensorFlow lowers ASCII letters only, and splits at ASCII whitespace only.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_CHARACTER = re.compile(r".", re.DOTALL)


class _ExactIds(dict[str, int]):
    """A map of tokens to ids in which every other token is unknown."""

    def __missing__(self, token: str) -> int:
        return UNKNOWN_ID


class TextVectorizer(Tokenizer):
    """Maps text to the ids that a `TextVectorization` layer gives, and to character spans.

    Punctuation is removed before the text is split, so that "well-made" is the token "wellmade"; a span covers the
    token as written.

    Attributes:
        standardize: How the text is changed first: one of `STANDARDIZATIONS`.
        split_by: Where it is split: one of `SPLITS`.
    """

    scheme: ClassVar[str] = SCHEME
    _id_table: ClassVar[type[dict[str, int]]] = _ExactIds
    _tokens: ClassVar[str] = "word"

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        max_tokens: int = 1024,
        truncation: Truncation = "head",
        standardize: str | None = "lower_and_strip_punctuation",
        split_by: str = "whitespace",
    ) -> None:
        """Make a tokenizer; see `Tokenizer` for the other arguments and errors.

        Raises:
            OptionError: `standardize` or `split_by` has no such value.
        """
        super().__init__(vocabulary, max_tokens=max_tokens, truncation=truncation)
        if standardize not in STANDARDIZATIONS:
            raise OptionError(f"standardize is {standardize!r}; it must be one of {STANDARDIZATIONS}")
        if split_by not in SPLITS:
            raise OptionError(f"split is {split_by!r}; it must be one of {SPLITS}")
        self.standardize = standardize
        self.split_by = split_by

    def split(self, text: str) -> tuple[list[str], Spans]:
        """Split raw text into tokens and their spans."""
        pieces = list((_WORD if self.split_by == "whitespace" else _CHARACTER).finditer(text))
        tokens = [self._standardized(piece[0]) for piece in pieces]
        spans = np.array(
            [piece.span() for piece, token in zip(pieces, tokens, strict=True) if token], np.int32
        ).reshape(-1, 2)
        return [token for token in tokens if token], (spans[:, 0], spans[:, 1])

    def words(self, text: str) -> list[str]:
        """Return only the tokens of `split`, which is faster."""
        standardized = self._standardized(text)
        return (_WORD if self.split_by == "whitespace" else _CHARACTER).findall(standardized)

    def _standardized(self, text: str) -> str:
        if self.standardize in ("lower", "lower_and_strip_punctuation"):
            text = text.translate(_LOWER)
        if self.standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            text = text.translate(_PUNCTUATION)
        return text

    def to_json(self) -> str:
        """Return the tokenizer as JSON, as stored in a bundle (`tokenizer.json`)."""
        document = {
            "scheme": SCHEME,
            "max_tokens": self.max_tokens,
            "truncation": self.truncation,
            "vocabulary": self.vocabulary,
            "standardize": self.standardize,
            "split": self.split_by,
        }
        return json.dumps(document, ensure_ascii=False, indent=0) + "\n"

    def _parameters(self) -> dict[str, Any]:
        return {"standardize": self.standardize, "split_by": self.split_by}


def read_tokenizer(text: str, *, source: Path | str = "tokenizer.json") -> Tokenizer:
    """Load the tokenizer of a bundle, of either kind, from JSON.

    Raises:
        BundleCorruptError: The text is not a tokenizer, or was made with other splitting rules.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        if document["scheme"] != SCHEME:
            return Tokenizer.from_json(text, source=source)
        vocabulary = document["vocabulary"]
        if not isinstance(vocabulary, list) or not all(isinstance(token, str) for token in vocabulary):
            raise BundleCorruptError(f"{source}: the vocabulary must be a list of strings")
        return TextVectorizer(
            vocabulary,
            max_tokens=document["max_tokens"],
            truncation=document["truncation"],
            standardize=document["standardize"],
            split_by=document["split"],
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleCorruptError(f"{source} is not a tokenizer: {error!r}") from error
