"""The part of `export` that takes a model file of plain Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console

_SHARED = ("run", "target", "bundle_version", "threads")
_OWN = ("vocabulary", "max_tokens", "sequence_length")

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class KerasRequest:
    """The arguments of an export; see `training.bundle.keras_bundle.KerasExport`."""

    model: Path
    folder: Path
    vocabulary: Path | None
    max_tokens: int | None
    sequence_length: int | None


def keras_options(command: Command) -> Command:
    """Add the options for a Keras model."""
    for option in (
        click.option(
            "--sequence-length",
            type=click.IntRange(1),
            help="MODEL.keras: number of timesteps to which texts were padded behind in the fit of a model without a "
            "mask; default that of the TextVectorization layer or the Input.",
        ),
        click.option(
            "--max-tokens",
            type=click.IntRange(2),
            help="MODEL.keras: number of tokens read of a text; default that of the TextVectorization layer, or 1024.",
        ),
        click.option(
            "--vocabulary",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="MODEL.keras: text file with one token per line, or a .keras file with a TextVectorization layer.",
        ),
    ):
        command = option(command)
    return command


def refuse_options_of_the_other_form(*, keras: bool) -> None:
    """Refuse options that the form in use, the export of a Keras model or of a run, does not have.

    Raises:
        click.UsageError: One is given.
    """
    context = click.get_current_context()
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and option.name not in _SHARED and (option.name in _OWN) is not keras:
            here, there = ("a .keras file", "a run folder") if keras else ("a run folder", "a .keras file")
            raise click.UsageError(f"{option.opts[0]} is for {there}, not for {here}")


def export_keras_file(request: KerasRequest, version: str, threads: int | None) -> None:
    """Export a Keras model file and print what was written."""
    from training.nn import backend  # importing TensorFlow takes seconds: only once the arguments are known to be good

    backend.configure(threads)
    from training.bundle.keras_bundle import KerasExport, export_keras

    console = Console(stderr=True)
    bundle = export_keras(
        KerasExport(
            request.model, request.folder, request.vocabulary, request.max_tokens, request.sequence_length, version
        ),
        console,
    )
    if bundle is None:
        console.print(
            f"graphs: {request.folder / 'model.onnx'} and model.int8.onnx; with --vocabulary they become a bundle",
            highlight=False,
        )
    else:
        console.print(f"bundle: {bundle.path}", highlight=False)
