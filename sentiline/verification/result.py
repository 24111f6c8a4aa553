"""What a verification found: largest differences between a model's graphs and the numpy reference, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """One graph against the reference.

    Attributes:
        precision: name of the precision.
        runs: "one by one", or "padded batch".
        weights: where the reference's weights come from: a precision, and whether they were multiplied out of 8 bits.
        largest: largest difference of each output. Probabilities differ as they are; logits and their parts x by
            |x − y| / max(1, |y|), and where they are log-odds of a state, by |x − y| · p (1 − p), the difference of
            the probabilities, since float32 holds no more of p near 0 and 1.
        tolerance: bound of the outputs that are held to one.
        held: names of those.
        agreement: share of the texts with the same label.
    """

    precision: str
    runs: str
    weights: str
    largest: dict[str, float]
    tolerance: float
    held: tuple[str, ...]
    agreement: float

    @property
    def passed(self) -> bool:
        """Whether every output that is held to the tolerance keeps it."""
        return all(self.largest[name] <= self.tolerance for name in self.held)


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes:
        model: name and version.
        texts: how many texts were compared.
        timesteps: how many timesteps they have together.
        comparisons: one for each precision, and for float32 one for a padded batch as well.
    """

    model: str
    texts: int
    timesteps: int
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        """Whether every comparison passed."""
        return all(comparison.passed for comparison in self.comparisons)

    def as_dict(self) -> dict[str, Any]:
        """The findings as values for JSON."""
        rows = [
            {
                "precision": row.precision,
                "runs": row.runs,
                "weights": row.weights,
                "largest_difference": row.largest,
                "tolerance": row.tolerance,
                "held": list(row.held),
                "label_agreement": row.agreement,
                "passed": row.passed,
            }
            for row in self.comparisons
        ]
        return {
            "model": self.model,
            "texts": self.texts,
            "timesteps": self.timesteps,
            "passed": self.passed,
            "comparisons": rows,
        }
