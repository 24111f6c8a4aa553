"""One tokenized text, and the policies for texts that are longer than the model reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import OptionError
from sentiline.tokenizer.constants import UNKNOWN_ID, Spans
from sentiline.tokenizer.words1 import TAG, split

Truncation = Literal["error", "head", "tail", "head_tail"]
TRUNCATIONS: tuple[Truncation, ...] = get_args(Truncation)


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """One tokenized text, cut to the model's limit.

    Attributes:
        ids: The vocabulary ids, int32 [tokens_used]; `UNKNOWN_ID` where the token is not in the vocabulary.
        tokens_total: The number of tokens in the whole text, before truncation.
        find: Returns `starts` and `ends`, computing them when they are first needed.
        split: Splits a text as the tokenizer does, into all its tokens and their spans.
        read_as: Returns for each used token the spelling that was read, or None where it is the one written; returns
            None if the tokenizer's scheme has no such spellings.
        tags: The markup that the tokenizer drops.
        tokens_used: The number of tokens that the model reads.
        unknown_tokens: The number of used tokens that are not in the vocabulary.
    """

    ids: NDArray[np.int32]
    tokens_total: int
    find: Callable[[], Spans]
    split: Callable[[str], tuple[list[str], Spans]] = split
    read_as: Callable[[], list[str | None] | None] = lambda: None
    tags: re.Pattern[str] = TAG
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


def check_truncation(value: str) -> Truncation:
    """Return `value` if it names a truncation policy.

    Raises:
        OptionError: There is no such policy.
    """
    for policy in TRUNCATIONS:
        if value == policy:
            return policy
    raise OptionError(f"truncation is {value!r}; it must be one of {', '.join(TRUNCATIONS)}", field="truncation")


def kept_tokens(total: int, limit: int, policy: Truncation) -> NDArray[np.intp]:
    """Return the indices of the tokens that a policy keeps of a long text."""
    head = {"head": limit, "tail": 0, "head_tail": (limit + 1) // 2}[policy]
    return np.concatenate([np.arange(head), np.arange(total - (limit - head), total)])
