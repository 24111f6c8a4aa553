"""Options that several commands share: resuming, checkpoints and threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

threads_option = click.option(
    "--threads", type=click.IntRange(1), help="Number of threads; default the number of CPUs this process may use."
)
checkpoint_option = click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(0, 300),
    default=120.0,
    show_default=True,
    help="Maximum time between checkpoints.",
)


def resume_options(command: Command) -> Command:
    """Add --resume and --overwrite."""
    command = click.option("--overwrite", is_flag=True, help="Delete the run that the folder holds.")(command)
    return click.option("--resume", is_flag=True, help="Resume an interrupted run, or start one.")(command)


def check_resume(*, resume: bool, overwrite: bool) -> None:
    """Refuse --resume and --overwrite together.

    Raises:
        click.UsageError: Both are given.
    """
    if resume and overwrite:
        raise click.UsageError("--resume continues a run and --overwrite deletes it: give one of them")
