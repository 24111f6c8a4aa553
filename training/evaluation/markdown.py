"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def table(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """A table of cells that need not be text yet."""
    head = list(header)
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
