"""The commands `fit` and `export`: a preset, its data and its initial weights become a run folder and a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from training import api
from training.bundle.writer import check_target
from training.cli.config_options import FitCommand, config_options
from training.cli.data import archive_option, labelled_options
from training.cli.keras_export import (
    KerasRequest,
    export_keras_file,
    keras_options,
    refuse_options_of_the_other_form,
)
from training.cli.options import checkpoint_option, resume_options, threads_option
from training.config.fit import FitConfig
from training.config.presets import PRESETS
from training.supervised.run_folder import Run
from training.supervised.warm_start import load_initial_weights


def _not_blank(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it must not be blank")
    return value


data_option = click.option(
    "--data", metavar="FILES", help="Labelled file of your own, or a folder, glob or URL of several, instead of IMDB."
)
target_option = click.option(
    "--to", "target", type=click.Path(path_type=Path), help="Folder of the bundle; default RUN/bundle/NAME."
)
init_option = click.option(
    "--init",
    metavar="WEIGHTS",
    help='Weights to start from: a bundle with fp32 weights by name or folder ("bilstm": best for few labels), the run '
    'folder of a finished fit, "encoder" (the shipped pre-trained encoder), or an encoder.npz of `pretrain`. The model '
    "takes over their vocabulary and layer sizes; with --targets, an encoder's number of units is not taken over.",
)
targets_option = click.option(
    "--targets",
    type=click.Path(path_type=Path),
    help="Learn from a teacher's predictions, a targets.npz of `label`, instead of the labels.",
)
version_option = click.option(
    "--version",
    "bundle_version",
    default="1.0.0",
    show_default=True,
    callback=_not_blank,
    help="Version of the bundle.",
)


@click.command(cls=FitCommand)
@click.argument("preset", type=click.Choice(list(PRESETS)), metavar="PRESET")
@click.option("--run", type=click.Path(path_type=Path), help="Run folder; default runs/NAME.")
@archive_option
@data_option
@labelled_options
@init_option
@targets_option
@resume_options
@checkpoint_option
@target_option
@version_option
@threads_option
@config_options(FitConfig)
def fit(
    preset: str,
    run: Path | None,
    archive: Path | None,
    data: str | None,
    init: str | None,
    targets: Path | None,
    resume: bool,
    overwrite: bool,
    checkpoint_seconds: float,
    target: Path | None,
    bundle_version: str,
    threads: int | None,
    **options: Any,
) -> None:
    """Fit PRESET on IMDB, or on your own labelled files, and export the bundle.

    Every field of the preset can be overridden. Labels may be 0/1, negative/positive or stars; rows that cannot be
    used are listed and counted. Everything is written to the run folder, including what is needed to resume after a
    kill.

    \b
    Examples:
      python -m training fit bilstm
      python -m training fit bilstm --resume
      python -m training fit lstm-100 --epochs 2 --run runs/quick
      python -m training fit bilstm --data mine.csv --label-column stars --name mine --to models/mine
      python -m training fit bilstm --data mine.csv --init bilstm --name mine
      python -m training fit bilstm --data more.csv --init runs/mine --name more
    """  # noqa: D301
    if (message := api.conflict(data=data, archive=archive, resume=resume, overwrite=overwrite)) is not None:
        raise click.UsageError(message)
    folder = run or Path("runs", options["name"] or PRESETS[preset].name)
    if (message := api.conflict_with_init(init, Run(folder), target)) is not None:
        raise click.UsageError(message)
    if resume and Run(folder).config.exists():
        _require_data_option(Run(folder), Run(folder).read_config()[1], data, options)
    api.fit(
        preset,
        data=data,
        init=init,
        to=target,
        run=folder,
        archive=archive,
        targets=targets,
        resume=resume,
        overwrite=overwrite,
        checkpoint_seconds=checkpoint_seconds,
        version=bundle_version,
        threads=threads,
        **options,
    )


def _require_data_option(
    run: Run, description: Mapping[str, Any], data: str | None, options: Mapping[str, Any]
) -> None:
    """Refuse to read IMDB for a run that was fitted on other files, before anything is downloaded.

    Raises:
        click.UsageError: The run was fitted on labelled files and --data is not given.
    """
    if data is None and "unlabelled_reviews" not in description:
        fitted = {name: value for name, value in description.get("options", {}).items() if value != options.get(name)}
        given = "".join(
            f" --{name.replace('_', '-')}" + f" {value}" * (value is not True) for name, value in fitted.items()
        )
        name = description.get("name", "files of your own")
        raise click.UsageError(f"{run.folder} was fitted on {name}, not on IMDB: give the same --data{given}")


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN|MODEL.keras")
@keras_options
@archive_option
@data_option
@labelled_options
@init_option
@targets_option
@target_option
@version_option
@threads_option
def export(
    run: Path,
    archive: Path | None,
    data: str | None,
    init: str | None,
    targets: Path | None,
    target: Path | None,
    bundle_version: str,
    threads: int | None,
    vocabulary: Path | None,
    max_tokens: int | None,
    sequence_length: int | None,
    **options: Any,
) -> None:
    """Export the best weights of RUN again, or a model of plain Keras, MODEL.keras, with fused recurrent ops.

    The data options, --init and --targets must be those of the run's fit. A Keras model needs none of them: it becomes
    a folder with model.onnx and model.int8.onnx, or, with --vocabulary or a TextVectorization layer of its own, a
    bundle that is served by its folder's name.

    \b
    Examples:
      python -m training export runs/bilstm --to models/bilstm --version 1.1.0
      python -m training export runs/mine --data mine.csv --label-column stars
      python -m training export mine.keras --to models/mine --vocabulary vocabulary.txt
    """  # noqa: D301
    if run.suffix == ".keras":
        refuse_options_of_the_other_form(keras=True)
        request = KerasRequest(run, target or run.with_suffix(""), vocabulary, max_tokens, sequence_length)
        export_keras_file(request, bundle_version, threads)
        return
    refuse_options_of_the_other_form(keras=False)
    if (message := api.conflict(data=data, archive=archive, resume=False, overwrite=False)) is not None:
        raise click.UsageError(message)
    folder = Run(run)
    config, description = folder.read_config()
    _require_data_option(folder, description, data, options)
    check_target(target or folder.bundle / config.name)
    weights = None if init is None else load_initial_weights(init)
    console = Console(stderr=True)
    found = api.read_fit_data(config, archive, data, options, weights, targets, console)
    folder.require(config, found.description)
    api.publish_run(folder, found, target, bundle_version, threads, console)
