"""The result of a verification: the largest differences between a model's graphs and the numpy reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """The comparison of one graph with the reference.

    Attributes:
        precision: The graph's precision.
        runs: "one by one", or "padded batch".
        weights: The origin of the reference's weights: a precision, and whether they were dequantized from 8 bits.
        largest: The largest difference of each output: for probabilities |x − y|; for logits and their parts
            |x − y| / max(1, |y|); and for the log-odds of single states |x − y| · p (1 − p), which is the difference of
            the probabilities, because float32 cannot resolve the log-odds of p near 0 and 1.
        tolerance: The bound on the outputs in `held`.
        held: The names of the outputs that must be within the tolerance.
        agreement: The share of texts with the same label.
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
        """Whether every output in `held` is within the tolerance."""
        return all(self.largest[name] <= self.tolerance for name in self.held)


@dataclass(frozen=True)
class Verification:
    """The result of `verify`.

    Attributes:
        model: The model's name and version.
        texts: The number of texts compared.
        timesteps: The number of their timesteps in total.
        comparisons: One comparison per precision, and another for a padded batch where that is exact.
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
        """Return the result as values for JSON."""
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
