"""The figures of an evaluation as a table on a console."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from training.evaluation.majority import warning

_UNITS = {"accuracy": "%", "interval": "points", "majority": "%", "balanced_accuracy": "%", "unknown_tokens": "%"}
_ROWS = {"interval": "95 % interval, ±", "majority": "always predicting the commoner class", "loss": "cross-entropy"}


def print_metrics(console: Console, metrics: dict[str, Any], part: str) -> None:
    """Print the figures of one part of the reviews, with one column per precision, and warn about a useless model.

    Args:
        console: Where to print.
        metrics: The metrics, as in a manifest.
        part: "validation" or "test".
    """
    figures: dict[str, dict[str, Any]] = metrics[part]
    table = Table("", *figures, title=part)
    for key in next(iter(figures.values())):
        if key == "calibration":
            table.add_row("calibration error", *(f"{figure[key]['ece']:.2f} %" for figure in figures.values()))
            table.add_row("by chance alone", *(f"{figure[key]['chance']:.2f} %" for figure in figures.values()))
        elif key != "precision":
            cells = (_cell(figure[key], _UNITS.get(key, "")) for figure in figures.values())
            table.add_row(_ROWS.get(key, key.replace("_", " ")), *cells)
    console.print(table)
    for precision, figure in figures.items():
        if (text := warning(figure)) is not None:
            console.print(
                f"warning ({precision}): {text}", style="bold red", markup=False, highlight=False, soft_wrap=True
            )


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit:
        return f"{value:.2f} {unit}"
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:,}"
