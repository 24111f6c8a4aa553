"""The options that say how text files are read, which all commands that read labelled or unlabelled files share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sentiline.scoring.io.formats import QUOTINGS

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--encoding", default="utf-8", show_default=True, help="The encoding of text files."),
    click.option("--delimiter", metavar="CHARACTER",
                 help="The character between the columns of CSV inputs, such as ';'; by default a comma, and a tab in "
                 "TSV."),
    click.option("--quoting", type=click.Choice(QUOTINGS), default="csv", show_default=True,
                 help="csv: double quotes enclose fields of CSV and TSV inputs; none: they are text."),
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


def dialect_options(command: Command) -> Command:
    """Add the encoding, the delimiter, the quoting and the fields of `sentiline.scoring.io.dialect.Dialect`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
