"""The rows that cannot be evaluated: counted by problem, with the places of the first of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sentiline.scoring.scorer import FAULTS

MAX_PLACES = 1000
_EXAMPLE_CHARACTERS = 40

# The problems of texts are those that scoring names in its column `error`.
PROBLEMS = FAULTS | {
    "missing_label": "no label: the column is null, empty or absent",
    "unreadable_label": "a label that --labels does not know",
    "neutral_label": "neither negative nor positive",
}


@dataclass(slots=True)
class Problem:
    """The rows with one problem.

    Attributes:
        count: The number of rows.
        places: The file and line of the first `MAX_PLACES` rows.
        example: The beginning of the first value that could not be used; None if it was missing.
    """

    count: int = 0
    places: list[tuple[str, int]] = field(default_factory=list)
    example: str | None = None


class SkippedRows:
    """All rows that cannot be evaluated.

    Attributes:
        problems: The rows by problem, in the order in which the problems first occurred.
    """

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}

    def add(self, name: str, file: str, line: int, value: object) -> None:
        """Count a row.

        Args:
            name: The problem, a key of `PROBLEMS`.
            file: The file of the row.
            line: The line, or in a Parquet file the row.
            value: The value that cannot be used.
        """
        problem = self.problems.setdefault(name, Problem())
        problem.count += 1
        if len(problem.places) < MAX_PLACES:
            problem.places.append((file, line))
        if problem.count == 1 and value is not None and value != "":
            text = value if isinstance(value, str) else repr(value)
            problem.example = text if len(text) <= _EXAMPLE_CHARACTERS else text[:_EXAMPLE_CHARACTERS] + "…"

    @property
    def total(self) -> int:
        """The number of rows."""
        return sum(problem.count for problem in self.problems.values())

    def lines(self, shown: int = 10) -> list[str]:
        """Describe each problem in one line: the number of rows, the reason and the first `shown` places.

        Example:
            >>> skipped = SkippedRows()
            >>> skipped.add("neutral_label", "a.csv", 7, "3")
            >>> skipped.lines()
            ["1 neutral_label: neither negative nor positive; a.csv: 7 ('3')"]
        """
        lines = []
        for name, problem in sorted(self.problems.items(), key=lambda item: -item[1].count):
            files: dict[str, list[str]] = {}
            for file, line in problem.places[:shown]:
                files.setdefault(file, []).append(str(line))
            where = "; ".join(f"{file}: {', '.join(numbers)}" for file, numbers in files.items())
            more = ", …" if problem.count > shown else ""
            example = f" ({problem.example!a})" if problem.example else ""
            lines.append(f"{problem.count:,} {name}: {PROBLEMS[name]}; {where}{more}{example}")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return the rows by problem as plain values."""
        return {
            name: {
                "count": problem.count,
                "reason": PROBLEMS[name],
                "places": [{"file": file, "line": line} for file, line in problem.places],
            }
            for name, problem in self.problems.items()
        }
