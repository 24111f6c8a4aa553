"""Admission: how many tokens are accepted and not yet answered, and when to come back once that is too many."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic

from ..errors import ServiceError
from ..settings import variable

MINIMUM = 16
"""Tokens that any text counts for: what it costs besides its tokens, so that tiny texts are bounded too."""

CHARACTERS_PER_TOKEN = 5
"""Of English reviews, spaces and punctuation included; what a text that is not tokenized yet is estimated by."""

CHARACTERS_SCANNED = 40
"""Characters that the tokenizer splits in the time in which the model reads one token: text cut off costs that."""

CHARACTERS_SPLIT = 4
"""Characters that are split into sentences, where those are asked for, in the time of one token."""

RATE_SECONDS = 0.25
"""Busy time over which the rate is measured before it is averaged with the earlier ones."""

LONGEST_RETRY = 60

SPARE = 64
"""One part in so many of the limit: once less is free, requests are refused before their tokens are known."""


def estimate(characters: int, max_tokens: int, *, sentences: bool = False) -> int:
    """What a text counts before it is tokenized.

    Args:
        characters: its length.
        max_tokens: the most tokens that the model reads.
        sentences: whether it is split into sentences too.
    """
    return exact(characters, min(max_tokens, characters // CHARACTERS_PER_TOKEN), sentences=sentences)


def exact(characters: int, tokens_used: int, *, sentences: bool = False) -> int:
    """What a text counts once its tokens are known."""
    return max(MINIMUM, tokens_used, characters // (CHARACTERS_SPLIT if sentences else CHARACTERS_SCANNED))


OVERLOADED = "overloaded"
"""The `error_type` of what is refused here."""


class Budget:
    """Counts tokens from acceptance to answer; safe to use from many threads.

    Attributes:
        limit: the most tokens pending.
        tokens: those pending.
        texts: how many texts they belong to.
    """

    def __init__(self, limit: int, observe: Callable[[int, int], None], clock: Callable[[], float] = monotonic) -> None:
        """Make an empty budget; `observe` is told texts and tokens whenever they change."""
        self.limit = limit
        self._enough = limit - limit // SPARE
        self.tokens = 0
        self.texts = 0
        self._observe = observe
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = 0.0  # tokens per second of busy time; 0 before the first measurement
        self._drained = 0
        self._busy = 0.0
        self._since = 0.0

    @property
    def full(self) -> bool:
        """Whether so much is pending that no request need be looked at; read without a lock."""
        return self.tokens >= self._enough

    def refusal(self) -> ServiceError:
        """The refusal of a request that is not looked at."""
        seconds = self._seconds(MINIMUM)
        return self._overloaded(f"{self.tokens} tokens are waiting and the limit is {self.limit}", seconds)

    def admit(self, texts: int, tokens: int) -> Charge:
        """Accept a request, which counts until its charge is released.

        A request larger than the limit is accepted when nothing else is pending: the limits of a request bound it.

        Raises:
            ServiceError: 429.
        """
        with self._lock:
            if self.tokens and self.tokens + tokens > self.limit:
                raise self._overloaded(
                    f"{self.tokens} tokens are waiting, this request has about {tokens}, and the limit is {self.limit}",
                    self._seconds(tokens),
                )
            if not self.texts:
                self._since = self._clock()
            self.texts += texts
            self.tokens += tokens
            self._observe(self.texts, self.tokens)
        return Charge(self, texts, tokens)

    def correct(self, charge: Charge, tokens: int) -> None:
        """Add to what a request counts, once more is known of it."""
        with self._lock:
            if not charge.released:
                charge.tokens += tokens
                self.tokens += tokens
                self._observe(self.texts, self.tokens)

    def release(self, charge: Charge, *, served: bool) -> None:
        """Take a request out; `served` says whether its tokens were read, so that they count for the rate."""
        with self._lock:
            charge.released = True
            self.texts -= charge.texts
            self.tokens -= charge.tokens
            now = self._clock()
            self._busy += now - self._since
            self._since = now
            if served:
                self._drained += charge.tokens
            if self._busy >= RATE_SECONDS and self._drained:
                rate = self._drained / self._busy
                self._rate = (self._rate + rate) / 2 if self._rate else rate
                self._drained, self._busy = 0, 0.0
            self._observe(self.texts, self.tokens)

    def _seconds(self, tokens: int) -> int:
        """Whole seconds until that many tokens will fit, at the rate measured."""
        excess = min(self.tokens, self.tokens + tokens - self.limit)
        return max(1, min(LONGEST_RETRY, math.ceil(excess / self._rate))) if self._rate else 1

    def _overloaded(self, reason: str, seconds: int) -> ServiceError:
        setting = variable("max_pending_tokens")
        return ServiceError(
            429,
            OVERLOADED,
            f"{reason}; try again in {seconds} s, or raise {setting}",
            headers={"retry-after": str(seconds)},
            limit=self.limit,
            setting=setting,
        )


class Charge:
    """What one accepted request counts."""

    __slots__ = ("_budget", "released", "texts", "tokens")

    def __init__(self, budget: Budget, texts: int, tokens: int) -> None:
        self._budget = budget
        self.texts = texts
        self.tokens = tokens
        self.released = False

    def correct(self, tokens: int) -> None:
        """See `Budget.correct`."""
        self._budget.correct(self, tokens)

    def release(self, *, served: bool) -> None:
        """See `Budget.release`."""
        self._budget.release(self, served=served)
