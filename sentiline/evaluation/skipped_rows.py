"""Rows that cannot be evaluated, counted by kind and located; a bounded account of rows without bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sentiline.scoring.scorer import FAULTS

PLACES = 1000
"""Of each kind of problem so many rows are located; the others are counted."""

_SHOWN = 40

PROBLEMS = FAULTS | {
    "missing_label": "no label: the column is null, empty or absent",
    "unreadable_label": "a label that --labels does not know",
    "neutral_label": "neither negative nor positive",
}
"""Why a row is not evaluated."""


@dataclass(slots=True)
class Problem:
    """Rows that are not evaluated for one reason.

    Attributes:
        count: how many there are.
        places: file and line of the first `PLACES` of them.
        example: what stood at the first, shortened; None for what is missing.
    """

    count: int = 0
    places: list[tuple[str, int]] = field(default_factory=list)
    example: str | None = None


class Ledger:
    """All rows that are not evaluated.

    Attributes:
        problems: by kind, in the order in which they first came.
    """

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}

    def add(self, kind: str, file: str, line: int, value: object) -> None:
        """Note a row.

        Args:
            kind: one of `PROBLEMS`.
            file: where it stands.
            line: and on which line, or row.
            value: what could not be used.
        """
        problem = self.problems.setdefault(kind, Problem())
        problem.count += 1
        if len(problem.places) < PLACES:
            problem.places.append((file, line))
        if problem.count == 1 and value is not None and value != "":
            text = value if isinstance(value, str) else repr(value)
            problem.example = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"

    @property
    def total(self) -> int:
        """Rows that are not evaluated."""
        return sum(problem.count for problem in self.problems.values())

    def lines(self, shown: int = 10) -> list[str]:
        """A line for each kind: how many, why, and where the first stand.

        Example:
            >>> ledger = Ledger()
            >>> ledger.add("neutral_label", "a.csv", 7, "3")
            >>> ledger.lines()
            ["1 neutral_label: neither negative nor positive; a.csv: 7 ('3')"]
        """
        lines = []
        for kind, problem in sorted(self.problems.items(), key=lambda item: -item[1].count):
            files: dict[str, list[str]] = {}
            for file, line in problem.places[:shown]:
                files.setdefault(file, []).append(str(line))
            where = "; ".join(f"{file}: {', '.join(numbers)}" for file, numbers in files.items())
            more = ", …" if problem.count > shown else ""
            example = f" ({problem.example!a})" if problem.example else ""
            lines.append(f"{problem.count:,} {kind}: {PROBLEMS[kind]}; {where}{more}{example}")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The rows as plain values."""
        return {
            kind: {
                "count": problem.count,
                "reason": PROBLEMS[kind],
                "places": [{"file": file, "line": line} for file, line in problem.places],
            }
            for kind, problem in self.problems.items()
        }
