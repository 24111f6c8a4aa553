"""The command `sentiline`: its sub-commands, and the exit code of each error."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TextIO

import click

from sentiline._version import __version__
from sentiline.errors import BundleError, ClusterError, DataFileWarning, SentilineError

# Help text is kept here so that `sentiline --help` imports no command, and so neither numpy nor onnxruntime.
COMMANDS = {
    "predict": "Show the sentiment of a text, as a whole and token by token.",
    "score": "Score files of reviews into one file that keeps their columns.",
    "evaluate": "Measure how well models do on your own labelled reviews.",
    "models": "List the models that can be loaded by name.",
    "serve": "Serve the models over HTTP.",
    "verify": "Check a model's files, and its results against the numpy reference.",
}

EXIT_CODES = """
\b
Exit codes:
  0  done
  1  a model cannot be used: missing, damaged or malformed
  2  wrong usage, input that cannot be scored, or output that cannot be written
  3  a cluster cannot be reached, or failed; finished parts are kept for --resume
  4  the output is complete, but more than half of its rows could not be scored
  141  the reader of standard output closed it, as `| head` does
"""

PIPE_CLOSED = 141  # 128 + 13, the exit status that shells give a program killed by SIGPIPE, signal 13

HELP = """
Predict the sentiment of texts, as a whole and at every token.

\b
Examples:
  sentiline predict "A quiet film that I could not stop thinking about."
  sentiline models
  sentiline predict --help
"""


class ModelFailure(click.ClickException):
    """A model cannot be used; shown as one message without a traceback."""

    exit_code = 1


class InputFailure(click.ClickException):
    """Input, an option, a setting or an output cannot be used; shown as one message without a traceback."""

    exit_code = 2


class ClusterFailure(click.ClickException):
    """A cluster failed, and a second attempt may succeed; shown as one message without a traceback."""

    exit_code = 3


class RowsFailure(click.ClickException):
    """A run is complete, but most rows could not be scored; shown as one message without a traceback."""

    exit_code = 4


class LazyGroup(click.Group):
    """Imports the module of a command, `sentiline.cli.<name>`, when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"sentiline.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments; `--help` and `--version` print here."""
        with _failures():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; expected errors become messages with an exit code."""
        with _failures():
            return super().invoke(ctx)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except BundleError as error:
        raise ModelFailure(str(error)) from error
    except ClusterError as error:
        raise ClusterFailure(str(error)) from error
    except SentilineError as error:
        raise InputFailure(str(error)) from error
    except BrokenPipeError as error:
        _drop_output()
        raise click.exceptions.Exit(PIPE_CLOSED) from error
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # rich turns it into this, with exit code 1
            raise click.exceptions.Exit(PIPE_CLOSED) from stop
        raise
    except OSError as error:
        _drop_output()
        place = error.filename or "standard output"  # the only file whose errors have no name
        raise InputFailure(f"{place}: {error.strerror or error}") from error


def _drop_output() -> None:
    """Discard buffered output, which Python would otherwise try to write again, and complain about, when it exits."""
    with suppress(OSError):  # standard output is not a file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as one line on standard error, and one of another library with its place."""
    shown = f"Warning: {message}\n" if issubclass(category, DataFileWarning) else None
    click.echo(shown or warnings.formatwarning(message, category, filename, lineno, line), err=True, nl=False)


@click.group(cls=LazyGroup, help=HELP, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sentiline")
def main() -> None:
    """Set up standard output and warnings before every command."""
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the terminal's encoding may lack characters of a review
