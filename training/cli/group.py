"""A click group that turns the package's errors into one line; no commands."""

from __future__ import annotations

from typing import Any

import click

from sentiline.errors import SentilineError


class CommandGroup(click.Group):
    """Errors of the package become one line on stderr and exit status 1 (usage errors: 2)."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SentilineError as error:
            raise click.ClickException(str(error)) from error
