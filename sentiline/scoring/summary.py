"""The counts of a run: rows, labels, errors and a histogram of P(positive)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
        values, kept = scored.values, scored.scored
        count = int(kept.sum())
        self.rows += len(values)
        self.scored += count
        self.faults.update(scored.faults.values())
        self.positive += int((values.label[kept] == "POSITIVE").sum())
        if values.cut_points is not None:
            self.neutral = (self.neutral or 0) + int((values.label[kept] == "NEUTRAL").sum())
        self.truncated += int(values.truncated[kept].sum())
        self.tokens += int(values.tokens_total[kept].sum())
        self.unknown += int(values.unknown_tokens[kept].sum())
        if values.uncertain is not None:
            self.judged += count
            self.uncertain += int(values.uncertain[kept].sum())
        bins = np.minimum((values.positive[kept] * BINS).astype(np.intp), BINS - 1)
        self.histogram = (self.histogram + np.bincount(bins, minlength=BINS)).tolist()
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
