"""The `pretrain` command: an encoder from unlabelled reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from training.cli.config_options import config_options, config_with
from training.cli.data import archive_option
from training.cli.options import check_resume, checkpoint_option, resume_options, threads_option
from training.config.pretraining import PretrainConfig
from training.pretraining.run_folder import PretrainRun


@click.command()
@click.option(
    "--run", type=click.Path(path_type=Path), default=Path("runs/encoder"), show_default=True, help="Run folder."
)
@archive_option
@resume_options
@checkpoint_option
@threads_option
@config_options(PretrainConfig)
def pretrain(
    run: Path,
    archive: Path | None,
    resume: bool,
    overwrite: bool,
    checkpoint_seconds: float,
    threads: int | None,
    **options: Any,
) -> None:
    """Train a language model on IMDB's training and unlabelled reviews, as an encoder for `fit --init`.

    \b
    Examples:
      python -m training pretrain
      python -m training pretrain --resume
      python -m training pretrain --units 64 --epochs 1 --run runs/small
    """  # noqa: D301
    check_resume(resume=resume, overwrite=overwrite)
    config = config_with(PretrainConfig(), options)
    where = PretrainRun(run)
    from training.nn import backend
    from training.pretraining.pretrain import pretrain as pretrain_model
    from training.run.progress import FitProgress
    from training.supervised import fit_data

    backend.configure(threads)
    data = fit_data.from_imdb(config, archive)
    texts = [*(review.text for review in data.train), *data.unlabelled]
    with FitProgress() as progress:
        pretrain_model(
            config,
            texts,
            [review.text for review in data.validation],
            data.description,
            where,
            resume=resume,
            overwrite=overwrite,
            checkpoint_seconds=checkpoint_seconds,
            progress=progress,
        )
        progress.note(f"encoder: {where.encoder}")
