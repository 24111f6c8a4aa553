"""`python -m training pretrain`: an encoder from unlabelled reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from training.cli_data import archive_option
from training.cli_recipe import changed_recipe, options_of
from training.cli_run import check_resume, checkpoint_option, resume_options, threads_option
from training.pretrain_presets import PretrainConfig
from training.pretrain_run import PretrainRun


@click.command()
@click.option("--run", type=click.Path(path_type=Path), default=Path("runs/encoder"), show_default=True, help="Folder.")
@archive_option
@resume_options
@checkpoint_option
@threads_option
@options_of(PretrainConfig)
def pretrain(
    run: Path,
    archive: Path | None,
    resume: bool,
    overwrite: bool,
    checkpoint_seconds: float,
    threads: int | None,
    **options: Any,
) -> None:
    """Learn language from IMDB's training and unlabelled reviews, for `fit --init`.

    \b
    Examples:
      python -m training pretrain
      python -m training pretrain --resume
      python -m training pretrain --units 64 --epochs 1 --run runs/small
    """  # noqa: D301
    check_resume(resume=resume, overwrite=overwrite)
    config = changed_recipe(PretrainConfig(), options)
    where = PretrainRun(run)
    from training import (  # TensorFlow takes seconds to import: not before the arguments were parsed
        backend,
        sources,
    )
    from training.pretrain import pretrain as pretrain_model
    from training.progress import FitProgress

    backend.configure(threads)
    data = sources.imdb(config, archive)
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
