"""Admission control: how many tokens are accepted and not yet answered, and when a rejected client should retry."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

from ..errors import ServiceError
from ..settings import variable

MINIMUM = 16
"""Tokens charged for any text at least: its overhead, so that very short texts are bounded too."""

CHARACTERS_PER_TOKEN = 5
"""The average of English reviews, spaces and punctuation included; estimates the tokens of a text not yet tokenized."""

CHARACTERS_SCANNED = 40
"""Characters that the tokenizer scans in the time the model reads one token; text that is cut off costs that much."""

CHARACTERS_SPLIT = 4
"""Characters that sentence splitting handles in the time the model reads one token."""

RATE_SECONDS = 0.25
"""Busy seconds over which throughput is measured before it is averaged with earlier measurements."""

LONGEST_RETRY = 60
"""Largest value of `retry-after`, in seconds."""

SPARE = 64
"""Once less than 1/64 of the limit is free, requests are rejected before their tokens are known."""

OVERLOADED = "overloaded"
"""The `error_type` of every rejection for overload."""


def estimated_cost(characters: int, max_tokens: int, *, sentences: bool = False) -> int:
    """Return the cost of a text that is not tokenized yet, in tokens.

    Args:
        characters: The length of the text.
        max_tokens: The most tokens that the model reads.
        sentences: Whether the text is split into sentences too.
    """
    return actual_cost(characters, min(max_tokens, characters // CHARACTERS_PER_TOKEN), sentences=sentences)


def actual_cost(characters: int, tokens_used: int, *, sentences: bool = False) -> int:
    """Return the cost of a text whose tokens are known, in tokens."""
    return max(MINIMUM, tokens_used, characters // (CHARACTERS_SPLIT if sentences else CHARACTERS_SCANNED))


class TokenBudget:
    """Counts tokens from acceptance to answer; thread-safe.

    Attributes:
        limit: The most tokens that may be pending.
        tokens: The tokens pending.
        texts: The number of texts that they belong to.
    """

    def __init__(self, limit: int, observe: Callable[[int, int], None], clock: Callable[[], float] = monotonic) -> None:
        """Make an empty budget; `observe` is called with the pending texts and tokens after every change."""
        self.limit = limit
        self._full_from = limit - limit // SPARE
        self.tokens = 0
        self.texts = 0
        self._observe = observe
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = 0.0  # tokens per second of busy time; 0 before the first measurement
        self._tokens_served = 0  # since the last measurement, as is the busy time
        self._busy_seconds = 0.0
        self._busy_since = 0.0

    @property
    def full(self) -> bool:
        """Whether every further request would be rejected; read without the lock."""
        return self.tokens >= self._full_from

    def rejection(self) -> ServiceError:
        """Return the error for a request that is rejected unread."""
        return self._overloaded(f"{self.tokens} tokens are waiting and the limit is {self.limit}", MINIMUM)

    def admit(self, texts: int, tokens: int) -> Admission:
        """Accept a request, which counts until its admission is released.

        A request larger than the limit is accepted when nothing else is pending: other settings bound its size.

        Raises:
            ServiceError: 429 if its tokens do not fit.
        """
        with self._lock:
            if self.tokens and self.tokens + tokens > self.limit:
                reason = (
                    f"{self.tokens} tokens are waiting, this request has about {tokens}, and the limit is {self.limit}"
                )
                raise self._overloaded(reason, tokens)
            if not self.texts:
                self._busy_since = self._clock()
            self.texts += texts
            self.tokens += tokens
            self._observe(self.texts, self.tokens)
        return Admission(self, texts, tokens)

    def _adjust(self, admission: Admission, tokens: int) -> None:
        with self._lock:
            if not admission.released:
                admission.tokens += tokens
                self.tokens += tokens
                self._observe(self.texts, self.tokens)

    def _release(self, admission: Admission, *, served: bool) -> None:
        with self._lock:
            admission.released = True
            self.texts -= admission.texts
            self.tokens -= admission.tokens
            now = self._clock()
            self._busy_seconds += now - self._busy_since
            self._busy_since = now
            if served:
                self._tokens_served += admission.tokens
            if self._busy_seconds >= RATE_SECONDS and self._tokens_served:
                rate = self._tokens_served / self._busy_seconds
                self._rate = (self._rate + rate) / 2 if self._rate else rate
                self._tokens_served, self._busy_seconds = 0, 0.0
            self._observe(self.texts, self.tokens)

    def _overloaded(self, reason: str, tokens: int) -> ServiceError:
        """Return a 429 whose `retry-after` is when that many tokens will fit, at the measured rate."""
        excess = min(self.tokens, self.tokens + tokens - self.limit)
        seconds = max(1, min(LONGEST_RETRY, math.ceil(excess / self._rate))) if self._rate else 1
        setting = variable("max_pending_tokens")
        return ServiceError(
            429,
            OVERLOADED,
            f"{reason}; try again in {seconds} s, or raise {setting}",
            headers={"retry-after": str(seconds)},
            limit=self.limit,
            setting=setting,
        )


class Admission:
    """One accepted request's share of the budget; a context manager that releases it.

    A request whose `with` block ends without an exception counts as served.
    """

    __slots__ = ("_budget", "released", "texts", "tokens")

    def __init__(self, budget: TokenBudget, texts: int, tokens: int) -> None:
        self._budget = budget
        self.texts = texts
        self.tokens = tokens
        self.released = False

    def adjust(self, tokens: int) -> None:
        """Add to the request's tokens, or subtract, once more is known; no effect after its release."""
        if tokens:
            self._budget._adjust(self, tokens)

    def release(self, *, served: bool) -> None:
        """Return the tokens to the budget; `served` says whether they were read, and so count for the rate."""
        self._budget._release(self, served=served)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget._release(self, served=kind is None)
