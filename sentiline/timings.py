"""Where the time of one call to the predictor went; measures nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Timings:
    """Seconds of one call, summed over its texts: of texts read side by side each counts in full.

    Attributes:
        tokenize: splitting the texts into tokens and looking those up.
        infer: running the graph.
    """

    tokenize: float = 0.0
    infer: float = 0.0

    def add(self, tokenize: float, infer: float) -> None:
        """Add the seconds of one or more texts; not safe from several threads at once."""
        self.tokenize += tokenize
        self.infer += infer
