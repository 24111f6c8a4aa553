"""The reviews that a model got most wrong: a bounded number of them, whatever number is judged."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from sentiline.reading import Reading
from sentiline.reporting.excerpt import Sample


@dataclass(frozen=True, slots=True)
class Mistake:
    """A review with the wrong verdict.

    Attributes:
        sample: the review, with what each token said.
        truth: what its label says.
        called: what the model said.
    """

    sample: Sample
    truth: str
    called: str

    @property
    def misleading(self) -> tuple[tuple[str, float], ...]:
        """The tokens that pushed the wrong way, strongest first."""
        return self.sample.raising if self.truth == "NEGATIVE" else self.sample.lowering

    def as_dict(self) -> dict[str, Any]:
        """The mistake as plain values."""
        return {
            "place": self.sample.place,
            "truth": self.truth,
            "called": self.called,
            "positive": self.sample.positive,
            "logit": self.sample.logit,
            "misleading_tokens": [
                {"token": token, "contribution" if self.sample.additive else "lean": value}
                for token, value in self.misleading
            ],
            "text": self.sample.text,
            "shortened": self.sample.shortened,
        }


class WorstMistakes:
    """Keeps the wrong verdicts of which the model was surest."""

    def __init__(self, most: int) -> None:
        """Keep at most `most`."""
        self._most = most
        self._kept: list[tuple[float, int, Mistake]] = []
        self._seen = 0

    def add(self, reading: Reading, truth: int, place: str) -> None:
        """Judge a review; `truth` is 1 if it is positive."""
        self._seen += 1
        if (reading.label == "POSITIVE") == (truth == 1) or not self._most:
            return
        error = -reading.logit if truth else reading.logit
        if len(self._kept) == self._most and error <= self._kept[0][0]:
            return
        mistake = Mistake(Sample.of(reading, place), "POSITIVE" if truth else "NEGATIVE", reading.label)
        entry = (error, -self._seen, mistake)  # of equal ones the first stays
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heapreplace(self._kept, entry)

    def sorted(self) -> list[Mistake]:
        """Those kept, worst first."""
        return [mistake for _, _, mistake in sorted(self._kept, key=lambda entry: entry[:2], reverse=True)]
