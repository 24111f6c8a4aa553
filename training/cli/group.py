"""A click group that reports the package's errors and those of the file system."""

from __future__ import annotations

import errno
from typing import Any

import click

from sentiline.errors import SentilineError


class CommandGroup(click.Group):
    """A group that reports an error on one line of stderr with exit status 1; usage errors have status 2.

    These are `SentilineError`s, and errors of the file system, such as a full disk.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SentilineError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of the output has gone; click ends quietly
                raise
            path = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{path}{error.strerror or error}") from error
