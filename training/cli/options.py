"""The options of the commands that write a run folder and can go on with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

threads_option = click.option(
    "--threads", type=click.IntRange(1), help="Threads; default the CPUs this process may use."
)
checkpoint_option = click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(0, 300),
    default=120.0,
    show_default=True,
    help="Longest time between checkpoints.",
)


def resume_options(command: Command) -> Command:
    """Add --resume and --overwrite."""
    command = click.option("--overwrite", is_flag=True, help="Throw away the run that the folder holds.")(command)
    return click.option("--resume", is_flag=True, help="Go on with an interrupted run, or start one.")(command)


def check_resume(*, resume: bool, overwrite: bool) -> None:
    """Refuse both at once.

    Raises:
        click.UsageError: both are given.
    """
    if resume and overwrite:
        raise click.UsageError("--resume goes on with a run and --overwrite throws it away: give one of them")
