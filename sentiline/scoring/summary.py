"""The counts of a run: rows, labels, errors and a histogram of P(positive)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentiline.scoring.scorer import ScoredChunk

BINS = 10


@dataclass(slots=True)
class Summary:
    """The counts over the rows scored so far.

    Attributes:
        rows: The number of all rows.
        skipped: The number of rows that are not written because of their error.
        scored: The number of rows with a label.
        positive: The number of rows labelled POSITIVE.
        neutral: The number of rows labelled NEUTRAL; None unless three classes are asked for.
        truncated: The number of scored rows whose text was truncated.
        tokens: The number of tokens in all scored texts.
        unknown: The number of tokens read that are not in the vocabulary.
        judged: The number of scored rows whose uncertainty is known: all of them, or none if the model has no
            thresholds.
        uncertain: The number of these rows that are uncertain.
        faults: The number of rows without a label, by error code.
        warnings: The number of rows that may have lost something, by their code in `scorer.WARNINGS`.
        examples: The place of a row with each of these codes.
        histogram: The number of scored rows by P(positive), in `BINS` equal bins from 0 to 1.
    """

    rows: int = 0
    scored: int = 0
    positive: int = 0
    neutral: int | None = None
    truncated: int = 0
    tokens: int = 0
    unknown: int = 0
    judged: int = 0
    uncertain: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, scored: ScoredChunk) -> None:
        """Count the rows of a chunk."""
        for result in scored.results:
            self.rows += 1
            if isinstance(result, str):
                self.faults[result] += 1
                continue
            self.scored += 1
            label = result.label
            self.positive += label == "POSITIVE"
            if result.cut_points is not None:
                self.neutral = (self.neutral or 0) + (label == "NEUTRAL")
            self.truncated += result.encoding.truncated
            self.tokens += result.encoding.tokens_total
            self.unknown += result.encoding.unknown_tokens
            uncertain = result.uncertain
            self.judged += uncertain is not None
            self.uncertain += bool(uncertain)
            self.histogram[min(int(result.positive * BINS), BINS - 1)] += 1
        for code, place in scored.warnings:
            self.warnings[code] += 1
            self.examples.setdefault(code, place)

    @property
    def failed(self) -> int:
        """The number of rows without a label."""
        return self.rows - self.scored

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain values for JSON."""
        counters = {"faults": dict(self.faults), "warnings": dict(self.warnings), "examples": dict(self.examples)}
        return {name: getattr(self, name) for name in self.__slots__} | counters

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Summary:
        """Restore the counts that `as_dict` returned."""
        counters = {name: Counter(values[name]) for name in ("faults", "warnings")}
        lists = {"examples": dict(values["examples"]), "histogram": list(values["histogram"])}
        return cls(**{**values, **counters, **lists})
