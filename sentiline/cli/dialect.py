"""The options for the dialect of CSV and TSV inputs, which `score` and `evaluate` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option("--no-header", is_flag=True,
                 help="CSV and TSV inputs have no line of column names: the columns are named 1, 2 and so on."),
    click.option("--skip-lines", type=click.IntRange(min=0), default=0, metavar="N",
                 help="Skip N lines above the column names of CSV and TSV inputs."),
    click.option("--escape", metavar="CHARACTER",
                 help=r"The character, such as '\', that escapes quotes in CSV and TSV inputs; by default quotes are "
                 "doubled."),
    click.option("--skip-blanks", is_flag=True,
                 help="Skip blanks after the delimiters of CSV and TSV inputs, also before quotes."),
)  # fmt: skip


def dialect_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the fields of `sentiline.scoring.io.dialect.Dialect` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
