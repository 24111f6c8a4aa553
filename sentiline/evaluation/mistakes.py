"""The worst errors of a model, in bounded memory."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from sentiline.reading import Reading
from sentiline.reporting.excerpt import Excerpt


@dataclass(frozen=True, slots=True)
class Mistake:
    """A review with a wrong verdict.

    Attributes:
        excerpt: The review with the effect of each token.
        truth: The review's label, NEGATIVE or POSITIVE.
        predicted: The model's verdict.
    """

    excerpt: Excerpt
    truth: str
    predicted: str

    @property
    def misleading(self) -> tuple[tuple[str, float], ...]:
        """The tokens that pushed the verdict in the wrong direction, strongest first."""
        return self.excerpt.raising if self.truth == "NEGATIVE" else self.excerpt.lowering

    def as_dict(self) -> dict[str, Any]:
        """Return the mistake as plain values."""
        return {
            "place": self.excerpt.place,
            "truth": self.truth,
            "called": self.predicted,
            "positive": self.excerpt.positive,
            "logit": self.excerpt.logit,
            "misleading_tokens": [
                {"token": token, "contribution" if self.excerpt.additive else "lean": value}
                for token, value in self.misleading
            ],
            "text": self.excerpt.text,
            "shortened": self.excerpt.shortened,
        }


class WorstMistakes:
    """Keeps the wrong verdicts with the highest confidence."""

    def __init__(self, size: int) -> None:
        """Keep at most `size` mistakes."""
        self._size = size
        self._kept: list[tuple[float, int, Mistake]] = []
        self._seen = 0

    def add(self, reading: Reading, truth: int, place: str) -> None:
        """Consider a review.

        Args:
            reading: The model's reading of the review.
            truth: 1 if the review is positive, else 0.
            place: The file and line of the review.
        """
        self._seen += 1
        if (reading.label == "POSITIVE") == (truth == 1) or not self._size:
            return
        error = -reading.logit if truth else reading.logit
        if len(self._kept) == self._size and error <= self._kept[0][0]:
            return
        mistake = Mistake(Excerpt.from_reading(reading, place), "POSITIVE" if truth else "NEGATIVE", reading.label)
        entry = (error, -self._seen, mistake)  # among equal errors the first is kept
        if len(self._kept) < self._size:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heapreplace(self._kept, entry)

    def sorted(self) -> list[Mistake]:
        """Return the mistakes, worst first."""
        return [mistake for _, _, mistake in sorted(self._kept, key=lambda entry: entry[:2], reverse=True)]
