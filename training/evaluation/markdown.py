"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def markdown_table(header: Iterable[Any], rows: Iterable[Iterable[Any]], *, numeric: bool = False) -> str:
    """Format a Markdown table.

    Args:
        header: The column titles.
        rows: The cells of each row, converted by `str`.
        numeric: Whether all columns but the first are right-aligned.
    """
    head = list(header)
    rule = ["---", *["---:" if numeric else "---"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (head, rule, *rows))
