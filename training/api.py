"""`training.fit`: what `python -m training fit` does, as one Python call."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sentiline.bundle import Bundle
from training.bundle.writer import check_target
from training.config.fit import FitConfig
from training.config.presets import PRESETS
from training.config.small_data import enough_steps
from training.data import labelled_file
from training.data.targets import Targets
from training.errors import ConfigError
from training.evaluation.display import print_metrics
from training.nn.encoder import Encoder
from training.nn.initial_weights import (
    FinishedFit,
    InitialWeights,
    check_kinds,
    check_layers,
    provides_recurrent_layers,
)
from training.supervised import fit_data
from training.supervised.fit_data import FitData
from training.supervised.run_folder import Run
from training.supervised.warm_start import load_initial_weights

StrPath = str | os.PathLike[str]

RECIPE = frozenset(field.name for field in dataclasses.fields(FitConfig))
READING = {
    name: parameter.default
    for name, parameter in inspect.signature(labelled_file.load).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}


def fit(
    preset: str = "bilstm",
    *,
    data: StrPath | None = None,
    init: StrPath | None = None,
    to: StrPath | None = None,
    run: StrPath | None = None,
    archive: StrPath | None = None,
    targets: StrPath | None = None,
    resume: bool = False,
    overwrite: bool = False,
    checkpoint_seconds: float = 120.0,
    version: str = "1.0.0",
    threads: int | None = None,
    quiet: bool = False,
    **options: Any,
) -> Bundle | None:
    """Fit a model on labelled texts and export it as a bundle, as `python -m training fit` does.

    Args:
        preset: The name of a preset, a key of `training.config.presets.PRESETS`.
        data: A labelled file of your own, or a folder, glob or URL of several; None for IMDB.
        init: The weights to start from: the name or folder of a bundle with fp32 weights, the run folder of a finished
            fit, "encoder", or the path of an encoder file; None for random ones.
        to: The folder of the bundle; None for RUN/bundle/NAME.
        run: The run folder; None for runs/NAME.
        archive: The path of IMDB's archive; None looks for it.
        targets: A file with a teacher's predictions, which replace the labels.
        resume: Whether to continue an interrupted fit; without one, a fit is started.
        overwrite: Whether to delete the run that the folder holds.
        checkpoint_seconds: The maximum time between two checkpoints, in seconds.
        version: The version of the bundle.
        threads: The number of threads; None for the number of CPUs that this process may use. TensorFlow takes it once
            per process, before its first operation.
        quiet: Whether to show nothing. Otherwise progress, figures and warnings go to stderr.
        **options: Fields of `training.config.fit.FitConfig`, such as `name`, `units` or `epochs`, and keyword arguments
            of `training.data.labelled_file.load`, such as `label_column` or `labels`.

    Returns:
        The bundle; None where the Keras backend can train but not export.

    Raises:
        ConfigError: An option is unknown, has an unusable value, or contradicts another one.
        DataError, DataFileError: The data cannot be read or used.
        CheckpointError: The initial weights or the checkpoint to resume from do not exist or are damaged.
        TrainingError: The run folder cannot be used or written, or the loss is not finite.
        ExportError: The bundle's folder holds something else, or the exported graph computes something else.

    Example:
        >>> bundle = fit(data="mine.csv", label_column="stars", init="bilstm", name="mine")  # doctest: +SKIP
    """
    given = {name: value for name, value in options.items() if value is not None}
    _check_names(preset, given)
    if (message := conflict(data=data, archive=archive, resume=resume, overwrite=overwrite)) is not None:
        raise ConfigError(message)
    weights = None if init is None else load_initial_weights(os.fspath(init))
    recipe = _recipe(preset, given, weights, with_targets=targets is not None)
    folder = Run(Path("runs", recipe.name) if run is None else Path(run))
    target = None if to is None else Path(to)
    if (message := conflict_with_init(init, folder, target)) is not None:
        raise ConfigError(message, field="init")
    check_target(target or folder.bundle / recipe.name)
    console = Console(stderr=True, quiet=quiet)
    reading = {name: given.get(name, default) for name, default in READING.items()}
    found = read_fit_data(recipe, archive, data, reading, weights, targets, console)
    config = _with_enough_steps(recipe, given, found)
    from training.nn import backend  # importing TensorFlow takes seconds: only once the arguments are known to be good
    from training.run.progress import FitProgress
    from training.supervised.fit import fit as fit_model

    backend.configure(threads)
    with FitProgress(console=console) as progress:
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
        return publish_run(folder, found, target, version, threads, console)
    console.print(
        f"fitted: {folder.folder}; `python -m training export {folder.folder}`, with the same --data, --init and "
        f"--targets and without KERAS_BACKEND={backend.NAME}, makes the bundle",
        highlight=False,
    )
    return None


def conflict(*, data: StrPath | None, archive: StrPath | None, resume: bool, overwrite: bool) -> str | None:
    """Return what contradicts itself in the options of a fit; None if nothing does."""
    if resume and overwrite:
        return "--resume continues a run and --overwrite deletes it: give one of them"
    if archive is not None and data is not None:
        return "--archive is for IMDB and --data for files of your own: give one of them"
    return None


def conflict_with_init(init: StrPath | None, run: Run, to: Path | None) -> str | None:
    """Return which folder a fit would write into although it starts from it; None if there is none."""
    if init is None:
        return None
    start = Path(init).resolve()
    if run.folder.resolve() == start:
        return f"{run.folder} is both --init and the run folder: give another --name or --run"
    if to is not None and to.resolve() == start:
        return f"{to} is both --init and --to, and would be replaced: give another --to"
    return None


def read_fit_data(
    config: FitConfig,
    archive: StrPath | None,
    data: StrPath | None,
    reading: Mapping[str, Any],
    weights: InitialWeights | None,
    targets: StrPath | None,
    console: Console,
) -> FitData:
    """Read the data of a fit.

    Args:
        config: The configuration, which says how to split.
        archive: The path of IMDB's archive; None looks for it.
        data: Labelled files of the user's own; None for IMDB.
        reading: The keyword arguments of `training.data.labelled_file.load`.
        weights: The weights that the fit starts from.
        targets: A file with a teacher's predictions.
        console: Where the summary of the rows goes.
    """
    if data is None and reading.get("neutral"):
        raise ConfigError("neutral is for files of your own: IMDB has no neutral reviews", field="neutral")
    if data is None:
        found = fit_data.from_imdb(config, None if archive is None else Path(archive), unsupervised=config.unsupervised)
    else:
        found = fit_data.from_labelled_file(config, os.fspath(data), reading, console)
    return fit_data.with_initial_weights(found, weights, None if targets is None else Targets.load(Path(targets)))


def publish_run(
    run: Run, data: FitData, target: Path | None, version: str, threads: int | None, console: Console
) -> Bundle:
    """Export the best weights of a run as a bundle, and print its figures.

    Raises:
        ConfigError: The Keras backend cannot export.
        ExportError, CheckpointError: As `training.bundle.publish.publish` raises them.
        TrainingError: A folder cannot be written.
    """
    from training.nn import backend

    backend.configure(threads)
    if not backend.CAN_EXPORT:
        raise ConfigError(
            f"KERAS_BACKEND is {backend.NAME!r}, which can train but not export; unset it to export with tensorflow",
            field="KERAS_BACKEND",
        )
    from training.bundle.publish import publish

    folder = target or run.bundle / run.read_config()[0].name
    with run.reporting_os_errors():
        bundle = publish(
            run,
            folder,
            data.train,
            data.validation,
            neutral=data.neutral_validation,
            version=version,
            console=console,
        )
    print_metrics(console, bundle.manifest.document["metrics"], "validation")
    console.print(f"bundle: {bundle.path}", highlight=False)
    return bundle


def _check_names(preset: str, options: Mapping[str, Any]) -> None:
    if preset not in PRESETS:
        raise ConfigError(f"preset is {preset!r}; it must be one of {', '.join(PRESETS)}", field="preset")
    for name in options:
        if name not in RECIPE and name not in READING:
            close = difflib.get_close_matches(name, [*RECIPE, *READING], n=1)
            raise ConfigError(
                f"there is no option {name!r}"
                + (f"; did you mean {close[0]!r}?" if close else "; see training.config.fit.FitConfig"),
                field=name,
            )


def _recipe(
    preset: str, options: Mapping[str, Any], weights: InitialWeights | None, *, with_targets: bool
) -> FitConfig:
    """The preset with the options that were given; layer sizes that were not come from the initial weights."""
    given = {name: value for name, value in options.items() if name in RECIPE}
    if weights is None:
        return dataclasses.replace(PRESETS[preset], **given)
    cell = given.get("cell", PRESETS[preset].cell)
    sizes: dict[str, int] = {}
    if isinstance(weights, FinishedFit):
        check_kinds(weights, {name: given.get(name, getattr(PRESETS[preset], name)) for name in RECIPE})
        sizes = weights.sizes()
    elif isinstance(weights, Encoder):
        sizes = {"embedding": weights.vectors.shape[1]}
        if cell == "lstm" and not with_targets:
            sizes["units"] = weights.units
    config = dataclasses.replace(PRESETS[preset], **{**sizes, **given})
    check_layers(weights, config)
    return config


def _with_enough_steps(recipe: FitConfig, options: Mapping[str, Any], data: FitData) -> FitConfig:
    """The recipe, adapted to few texts unless the user decided on epochs or batches."""
    if "epochs" in options or "batch_size" in options:
        return recipe
    weights = data.initial_weights
    from_layers = weights is not None and provides_recurrent_layers(weights, recipe)
    config = enough_steps(recipe, data.training_texts, from_layers=from_layers)
    return dataclasses.replace(config, patience=options["patience"]) if "patience" in options else config
