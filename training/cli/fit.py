"""The commands `fit` and `export`: a preset, its data and its initial weights become a run folder and a bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from training.bundle.writer import check_target
from training.cli.config_options import FIELDS, FitCommand, config_options, preset_with
from training.cli.data import archive_option, labelled_options
from training.cli.evaluate import print_metrics
from training.cli.options import check_resume, checkpoint_option, resume_options, threads_option
from training.config.fit import FitConfig
from training.config.presets import PRESETS
from training.config.small_data import enough_steps
from training.data.targets import Targets
from training.errors import ConfigError
from training.nn.encoder import Encoder
from training.supervised import fit_data
from training.supervised.fit_data import FitData
from training.supervised.run_folder import Run
from training.supervised.warm_start import (
    FinishedFit,
    InitialWeights,
    check_layers,
    load_initial_weights,
    provides_recurrent_layers,
)


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
    help='Weights to start from: a bundle with fp32 weights by name or folder ("bilstm" is best for few labels), the run '
    'folder of a finished fit, "encoder" (the shipped pre-trained encoder), or an encoder.npz of `pretrain`. The model '
    "takes over their vocabulary and their layer sizes; with --targets, an encoder's number of units is not taken over.",
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
    check_resume(resume=resume, overwrite=overwrite)
    weights = None if init is None else load_initial_weights(init)
    recipe = _recipe(preset, options, weights, with_targets=targets is not None)
    folder = Run(run or Path("runs", recipe.name))
    if init is not None and folder.folder.resolve() == Path(init).resolve():
        raise click.UsageError(f"{folder.folder} is both --init and the run folder: give another --name or --run")
    if init is not None and target is not None and target.resolve() == Path(init).resolve():
        raise click.UsageError(f"{target} is both --init and --to, and would be replaced: give another --to")
    check_target(target or folder.bundle / recipe.name)
    labelled = {name: value for name, value in options.items() if name not in FIELDS}
    found = _read_data(recipe, archive, data, labelled, weights, targets)
    config = _with_enough_steps(recipe, options, found)
    from training.nn import backend  # importing TensorFlow takes seconds: only once the arguments are known to be good
    from training.run.progress import FitProgress
    from training.supervised.fit import fit as fit_model

    backend.configure(threads)
    with FitProgress() as progress:
        if config != recipe:
            progress.note(
                f"{found.training_texts:,} texts are few: batches of {config.batch_size} and {config.epochs} epochs "
                f"instead of {recipe.batch_size} and {recipe.epochs}, patience {config.patience}; --epochs or "
                f"--batch-size keeps the recipe"
            )
        fit_model(
            config,
            found,
            folder,
            resume=resume,
            overwrite=overwrite,
            checkpoint_seconds=checkpoint_seconds,
            progress=progress,
        )
    if backend.CAN_EXPORT:
        _publish(folder, found, target, bundle_version, threads)
    else:
        Console(stderr=True).print(
            f"fitted: {folder.folder}; `python -m training export {folder.folder}`, with the same --data, --init and "
            f"--targets and without KERAS_BACKEND={backend.NAME}, makes the bundle",
            highlight=False,
        )


def _recipe(
    preset: str, options: Mapping[str, Any], weights: InitialWeights | None, *, with_targets: bool
) -> FitConfig:
    """The preset with the options that were given; layer sizes that were not come from the initial weights."""
    sizes: dict[str, int] = {}
    if isinstance(weights, FinishedFit):
        sizes = weights.sizes()
    elif isinstance(weights, Encoder):
        sizes = {"embedding": weights.vectors.shape[1]}
        if preset_with(preset, options).cell == "lstm" and not with_targets:
            sizes["units"] = weights.units
    unset = {name: size for name, size in sizes.items() if options[name] is None}
    config = preset_with(preset, {**options, **unset})
    if weights is not None:
        check_layers(weights, config)
    return config


def _with_enough_steps(recipe: FitConfig, options: Mapping[str, Any], data: FitData) -> FitConfig:
    """The recipe, adapted to few texts unless the user decided on epochs or batches."""
    if options["epochs"] is not None or options["batch_size"] is not None:
        return recipe
    weights = data.initial_weights
    from_layers = weights is not None and provides_recurrent_layers(weights, recipe)
    config = enough_steps(recipe, data.training_texts, from_layers=from_layers)
    return config if options["patience"] is None else dataclasses.replace(config, patience=options["patience"])


def _read_data(
    config: FitConfig,
    archive: Path | None,
    data: str | None,
    options: Mapping[str, Any],
    weights: InitialWeights | None,
    targets: Path | None,
) -> FitData:
    if archive is not None and data is not None:
        raise click.UsageError("--archive is for IMDB and --data for files of your own: give one of them")
    if data is None:
        found = fit_data.from_imdb(config, archive, unsupervised=config.unsupervised)
    else:
        found = fit_data.from_labelled_file(config, data, options, Console(stderr=True))
    return fit_data.with_initial_weights(found, weights, None if targets is None else Targets.load(targets))


def _publish(run: Run, data: FitData, target: Path | None, version: str, threads: int | None) -> None:
    from training.nn import backend

    backend.configure(threads)
    if not backend.CAN_EXPORT:
        raise ConfigError(
            f"KERAS_BACKEND is {backend.NAME!r}, which can train but not export; unset it to export with tensorflow",
            field="KERAS_BACKEND",
        )
    from training.bundle.publish import publish

    console = Console(stderr=True)
    folder = target or run.bundle / run.read_config()[0].name
    bundle = publish(run, folder, data.train, data.validation, version=version, console=console)
    print_metrics(console, bundle.manifest.document["metrics"], "validation")
    console.print(f"bundle: {bundle.path}", highlight=False)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
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
    **options: Any,
) -> None:
    """Export the best weights of RUN again. The data options, --init and --targets must be those of its fit.

    \b
    Examples:
      python -m training export runs/bilstm --to models/bilstm --version 1.1.0
      python -m training export runs/mine --data mine.csv --label-column stars
    """  # noqa: D301
    folder = Run(run)
    config, _ = folder.read_config()
    check_target(target or folder.bundle / config.name)
    weights = None if init is None else load_initial_weights(init)
    found = _read_data(config, archive, data, options, weights, targets)
    folder.require(config, found.description)
    _publish(folder, found, target, bundle_version, threads)
