"""Uncertainty: a bundle's thresholds, beyond which a prediction counts as uncertain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of a certain prediction; a value exactly at a limit is still certain.

    Attributes:
        confidence: The lowest probability of the predicted label, in [0.5, 1].
        unknown_rate: The largest share of unknown tokens among those that the model read, in [0, 1].
    """

    confidence: float
    unknown_rate: float

    def reasons(self, score: float, unknown_tokens: int, tokens_used: int) -> list[str]:
        """Return why a prediction is uncertain, in words; an empty list if it is certain.

        Args:
            score: The probability of the predicted label.
            unknown_tokens: The number of used tokens that are not in the vocabulary.
            tokens_used: The number of tokens that the model read, at least 1.

        Example:
            >>> Thresholds(confidence=0.8, unknown_rate=0.25).reasons(0.79, 2, 5)
            ['less than 80 % sure', 'more than 25 % of the tokens unknown']
        """
        reasons = []
        if score < self.confidence:
            reasons.append(f"less than {100 * self.confidence:.4g} % sure")
        if unknown_tokens / tokens_used > self.unknown_rate:
            reasons.append(f"more than {100 * self.unknown_rate:.4g} % of the tokens unknown")
        return reasons

    def flags(self, score: NDArray[Any], unknown_tokens: NDArray[Any], tokens_used: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which of N predictions are uncertain; the arguments are those of `reasons`, each [N]."""
        return np.asarray((score < self.confidence) | (unknown_tokens / tokens_used > self.unknown_rate))
