"""Uncertainty: a bundle's thresholds, beyond which a prediction counts as uncertain."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LengthThreshold:
    """The confidence needed in a class of short texts.

    Attributes:
        max_tokens: The number of tokens of the longest texts in the class.
        confidence: The lowest confidence of a certain prediction, in [0.5, 1].
    """

    max_tokens: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of a certain prediction; a value exactly at a limit is still certain.

    Attributes:
        confidence: The lowest probability of the predicted label, in [0.5, 1], for texts longer than all `lengths`.
        unknown_rate: The largest share of unknown tokens among those that the model read, in [0, 1].
        lengths: The limits for shorter texts, in ascending order of `max_tokens`; the first class that holds the
            text's number of tokens counts. Empty if all texts have one limit.
        unread_rate: The largest share of the text's tokens that truncation may leave unread, in (0, 1]; up to it the
            confidence needed rises linearly to 1. None if unread tokens do not matter.
    """

    confidence: float
    unknown_rate: float
    lengths: tuple[LengthThreshold, ...] = ()
    unread_rate: float | None = None

    def reasons(
        self, confidence: float, unknown_tokens: int, tokens_used: int, tokens_total: int | None = None
    ) -> list[str]:
        """Return why a prediction is uncertain, in words; an empty list if it is certain.

        Args:
            confidence: The probability of the predicted label, with three labels as `sentiline.cut_points.label_of`
                returns it.
            unknown_tokens: The number of used tokens that are not in the vocabulary.
            tokens_used: The number of tokens that the model read, at least 1.
            tokens_total: The number of tokens in the text; None if the model read all of it.

        Example:
            >>> Thresholds(confidence=0.8, unknown_rate=0.25).reasons(0.79, 2, 5)
            ['less than 80 % sure', 'more than 25 % of the tokens unknown']
        """
        total = tokens_used if tokens_total is None else tokens_total
        needed = self.confidence
        if self.lengths:
            place = bisect_left(self.lengths, total, key=lambda one: one.max_tokens)
            if place < len(self.lengths):
                needed = self.lengths[place].confidence
        unread = 0.0 if self.unread_rate is None else 1.0 - tokens_used / total
        reasons = []
        if self.unread_rate is not None and unread > self.unread_rate:
            reasons.append(f"more than {100 * self.unread_rate:.4g} % of the tokens unread")
        elif self.unread_rate is not None and unread:
            needed += (1.0 - needed) * (unread / self.unread_rate)
        if confidence < needed:
            reasons.append(f"less than {100 * needed:.4g} % sure")
        if unknown_tokens / tokens_used > self.unknown_rate:
            reasons.append(f"more than {100 * self.unknown_rate:.4g} % of the tokens unknown")
        return reasons

    def flags(
        self,
        confidence: NDArray[Any],
        unknown_tokens: NDArray[Any],
        tokens_used: NDArray[Any],
        tokens_total: NDArray[Any],
    ) -> NDArray[np.bool_]:
        """Return which of N predictions are uncertain; the arguments are those of `reasons`, each [N]."""
        limits = np.array([*(one.confidence for one in self.lengths), self.confidence])
        needed = limits[np.searchsorted([one.max_tokens for one in self.lengths], tokens_total)]
        uncertain = unknown_tokens / tokens_used > self.unknown_rate
        if self.unread_rate is not None:
            unread = 1.0 - tokens_used / tokens_total
            needed = needed + (1.0 - needed) * np.minimum(unread / self.unread_rate, 1.0)
            uncertain |= unread > self.unread_rate
        return np.asarray(uncertain | (confidence < needed))

    def as_dict(self) -> dict[str, Any]:
        """Return the thresholds as in a manifest, without those that the bundle does not have."""
        document: dict[str, Any] = {"confidence": self.confidence, "unknown_rate": self.unknown_rate}
        if self.lengths:
            document["lengths"] = [asdict(one) for one in self.lengths]
        if self.unread_rate is not None:
            document["unread_rate"] = self.unread_rate
        return document
