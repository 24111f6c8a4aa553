"""The `python -m training` commands; every one only parses, calls and prints."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from training.bundle.writer import check_target
from training.cli.compare import compare
from training.cli.config_options import FIELDS, RecipeCommand, changed, recipe_options
from training.cli.data import archive_option, data, labelled_options
from training.cli.diagnose import diagnose
from training.cli.evaluate import evaluate, print_metrics
from training.cli.group import CommandGroup
from training.cli.label import label
from training.cli.ngrams import ngrams
from training.cli.options import check_resume, checkpoint_option, resume_options, threads_option
from training.cli.pretrain import pretrain
from training.config.presets import PRESETS, FitConfig
from training.config.small_data import enough_steps
from training.data.targets import Targets
from training.errors import ConfigError
from training.nn.encoder import Encoder
from training.supervised import fit_data
from training.supervised.run_folder import Run
from training.supervised.warm_start import Fitted, check_layers, gives_layers, load_start


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Fit the recurrent sentiment models, export them to ONNX, evaluate the bundles.

    \b
    Examples:
      python -m training data check
      python -m training fit bilstm
      python -m training fit bilstm --epochs 2 --units 32 --run runs/small
      python -m training fit bilstm --data my.csv --name mine
      python -m training fit bilstm --resume
      python -m training evaluate models/bilstm
      python -m training diagnose bilstm lstm gru
    """  # noqa: D301


main.add_command(data)
main.add_command(compare)
main.add_command(diagnose)
main.add_command(evaluate)
main.add_command(label)
main.add_command(ngrams)
main.add_command(pretrain)


def _not_blank(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it must not be blank")
    return value


run_option = click.option("--run", type=click.Path(path_type=Path), help="Run folder; default runs/NAME.")
data_option = click.option(
    "--data", "data_file", type=click.Path(path_type=Path), help="Your labelled CSV, TSV, JSONL or Parquet file."
)
target_option = click.option(
    "--to", "target", type=click.Path(path_type=Path), help="Bundle folder; default RUN/bundle/NAME."
)
init_option = click.option(
    "--init",
    metavar="WEIGHTS",
    help='What a fit begins with: a pre-trained encoder ("encoder", the shipped one, or an encoder.npz of `pretrain`) '
    "or the run folder of a finished fit. Its vocabulary becomes the model's, and the sizes of its layers do, but for "
    "an encoder's where there are --targets.",
)
targets_option = click.option(
    "--targets",
    type=click.Path(path_type=Path),
    help="Learn from a teacher's verdicts, a targets.npz of `label`, instead of the labels.",
)
version_option = click.option(
    "--version",
    "bundle_version",
    default="1.0.0",
    show_default=True,
    callback=_not_blank,
    help="Version of the bundle.",
)


@main.command(cls=RecipeCommand)
@click.argument("preset", type=click.Choice(list(PRESETS)), metavar="PRESET")
@run_option
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
@recipe_options
def fit(
    preset: str,
    run: Path | None,
    archive: Path | None,
    data_file: Path | None,
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
    """Fit PRESET on IMDB, or on your own file, and export the bundle.

    Any field of the preset can be given another value. Your labels may be 0/1, negative/positive or stars; rows that
    cannot be used are listed and counted. Everything is written to the run folder, also what is needed to go on
    after a kill.

    \b
    Examples:
      python -m training fit bilstm
      python -m training fit bilstm --resume
      python -m training fit lstm-100 --epochs 2 --run runs/quick
      python -m training fit bilstm --data mine.csv --label-column stars --name mine --to models/mine
      python -m training fit bilstm --data mine.csv --init encoder --name mine
      python -m training fit bilstm --data more.csv --init runs/mine --name more
    """  # noqa: D301
    check_resume(resume=resume, overwrite=overwrite)
    start = load_start(init) if init is not None else None
    if isinstance(start, Fitted):
        options |= {name: size for name, size in start.sizes().items() if options[name] is None}
    config = changed(preset, options)
    if isinstance(start, Encoder):
        if options["embedding"] is None:
            config = dataclasses.replace(config, embedding=start.vectors.shape[1])
        if options["units"] is None and config.cell == "lstm" and targets is None:
            config = dataclasses.replace(config, units=start.units)
    if start is not None:
        check_layers(start, config)
    where = Run(run or Path("runs", config.name))
    if init is not None and where.folder.resolve() == Path(init).resolve():
        raise click.UsageError(f"{where.folder} would be begun with and written to: give another --name or --run")
    check_target(target or where.bundle / config.name)
    found = _read_data(config, archive, data_file, {key: value for key, value in options.items() if key not in FIELDS})
    found = fit_data.with_start(found, start, _load_targets(targets))
    planned = config
    if options["epochs"] is None and options["batch_size"] is None:
        texts = len(found.train if found.targets is None else found.targets.ids)
        config = enough_steps(config, texts, from_layers=start is not None and gives_layers(start, config))
        if options["patience"] is not None:
            config = dataclasses.replace(config, patience=options["patience"])
    from training.nn import backend  # TensorFlow takes seconds to import: not before the arguments were parsed
    from training.run.progress import FitProgress
    from training.supervised.fit import fit as fit_model

    backend.configure(threads)
    with FitProgress() as progress:
        if config != planned:
            progress.note(
                f"{texts:,} texts are few: batches of {config.batch_size} and {config.epochs} epochs instead of "
                f"{planned.batch_size} and {planned.epochs}, patience {config.patience}; --epochs or --batch-size "
                f"keeps the recipe"
            )
        fit_model(
            config,
            found,
            where,
            resume=resume,
            overwrite=overwrite,
            checkpoint_seconds=checkpoint_seconds,
            progress=progress,
        )
    if backend.CAN_EXPORT:
        _publish(where, found, target, bundle_version, threads)
    else:
        Console(stderr=True).print(
            f"fitted: {where.folder}; `python -m training export {where.folder}`, with the options of its "
            f"data and its beginning and without KERAS_BACKEND={backend.NAME}, makes the bundle",
            highlight=False,
        )


def _read_data(
    config: FitConfig, archive: Path | None, data_file: Path | None, options: dict[str, Any]
) -> fit_data.FitData:
    if archive is not None and data_file is not None:
        raise click.UsageError("--archive is for IMDB and --data for a file of your own: give one of them")
    if data_file is None:
        return fit_data.from_imdb(config, archive, unsupervised=config.unsupervised)
    return fit_data.from_labelled_file(config, data_file, options, Console(stderr=True))


def _load_targets(path: Path | None) -> Targets | None:
    return None if path is None else Targets.load(path)


def _publish(run: Run, found: fit_data.FitData, target: Path | None, version: str, threads: int | None) -> None:
    from training.nn import backend

    backend.configure(threads)
    if not backend.CAN_EXPORT:
        raise ConfigError(
            f"KERAS_BACKEND is {backend.NAME!r}, which trains; the export needs tensorflow: unset it",
            field="KERAS_BACKEND",
        )
    from training.bundle.publish import publish

    console = Console(stderr=True)
    folder = target or run.bundle / run.read_config()[0].name
    bundle = publish(run, folder, found.train, found.validation, version=version, console=console)
    print_metrics(console, bundle.manifest.document["metrics"], "validation")
    console.print(f"bundle: {bundle.path}", highlight=False)


@main.command()
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
    data_file: Path | None,
    init: str | None,
    targets: Path | None,
    target: Path | None,
    bundle_version: str,
    threads: int | None,
    **options: Any,
) -> None:
    """Export the best weights of RUN again; give the data options of its fit, --init and --targets too.

    \b
    Examples:
      python -m training export runs/bilstm --to models/bilstm --version 1.1.0
      python -m training export runs/mine --data mine.csv --label-column stars
    """  # noqa: D301
    where = Run(run)
    config, _ = where.read_config()
    check_target(target or where.bundle / config.name)
    start = load_start(init) if init is not None else None
    found = fit_data.with_start(_read_data(config, archive, data_file, options), start, _load_targets(targets))
    where.require(config, found.description)
    _publish(where, found, target, bundle_version, threads)
