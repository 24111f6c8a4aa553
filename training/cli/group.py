"""A click group that reports the package's errors."""

from __future__ import annotations

from typing import Any

import click

from sentiline.errors import SentilineError


class CommandGroup(click.Group):
    """A group that reports a `SentilineError` on one line of stderr with exit status 1; usage errors have status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SentilineError as error:
            raise click.ClickException(str(error)) from error
