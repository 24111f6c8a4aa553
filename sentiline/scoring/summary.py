"""Counts of a run: rows, verdicts, faults and a histogram of P(positive); a value that a journal can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentiline.scoring.scorer import Scored

BINS = 10


@dataclass(slots=True)
class Tally:
    """What has been counted so far.

    Attributes:
        rows: all of them.
        scored: those with a verdict.
        positive: those with the label POSITIVE.
        truncated: scored rows of whose text the model read a part.
        tokens: tokens in all scored texts.
        unknown: tokens read that the vocabulary lacks.
        judged: scored rows of which the model can tell whether it knows: all, or none if it has no thresholds.
        uncertain: those of them of which it does not.
        faults: rows without a verdict, by the name of the fault.
        histogram: scored rows by P(positive), in `BINS` equal bins from 0 to 1.
    """

    rows: int = 0
    scored: int = 0
    positive: int = 0
    truncated: int = 0
    tokens: int = 0
    unknown: int = 0
    judged: int = 0
    uncertain: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, scored: Scored) -> None:
        """Count the rows of a chunk."""
        for result in scored.results:
            self.rows += 1
            if isinstance(result, str):
                self.faults[result] += 1
                continue
            self.scored += 1
            self.positive += result.label == "POSITIVE"
            self.truncated += result.encoding.truncated
            self.tokens += result.encoding.tokens_total
            self.unknown += result.encoding.unknown_tokens
            uncertain = result.uncertain
            self.judged += uncertain is not None
            self.uncertain += bool(uncertain)
            self.histogram[min(int(result.positive * BINS), BINS - 1)] += 1

    @property
    def failed(self) -> int:
        """Rows without a verdict."""
        return self.rows - self.scored

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"faults": dict(self.faults)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tally:
        """The counts that `as_dict` gave."""
        return cls(**{**values, "faults": Counter(values["faults"]), "histogram": list(values["histogram"])})
