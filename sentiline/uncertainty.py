"""When a model does not know: the thresholds of a bundle, and what they say of a prediction; fits none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Beyond either of them a prediction is uncertain; at them it is not.

    Attributes:
        confidence: the least probability of its label, in [0.5, 1].
        unknown_rate: the largest share of unknown tokens among those that the model read, in [0, 1].
    """

    confidence: float
    unknown_rate: float

    def reasons(self, score: float, unknown_tokens: int, tokens_used: int) -> list[str]:
        """Why a prediction is uncertain, in words; empty if it is not.

        Args:
            score: probability of its label.
            unknown_tokens: how many of the tokens used the vocabulary lacks.
            tokens_used: number of tokens that the model read, at least 1.

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
