"""`python -m training pretrain`: an encoder from unlabelled reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from training.cli_recipe import changed_recipe, options_of
from training.pretrain_presets import PretrainConfig
from training.pretrain_run import PretrainRun


@click.command()
@click.option("--run", type=click.Path(path_type=Path), default=Path("runs/encoder"), show_default=True, help="Folder.")
@click.option("--archive", type=click.Path(path_type=Path), help="The IMDB archive; found or downloaded by default.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run, or start one.")
@click.option("--overwrite", is_flag=True, help="Throw away the run that the folder holds.")
@click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(0, 300),
    default=120.0,
    show_default=True,
    help="Longest time between checkpoints.",
)
@click.option("--threads", type=click.IntRange(1), help="TensorFlow threads; default all cores.")
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
    if resume and overwrite:
        raise click.UsageError("--resume goes on with a run and --overwrite throws it away: give one of them")
    config = changed_recipe(PretrainConfig(), options)
    where = PretrainRun(run)
    from training import imdb, keras_setup  # TensorFlow takes seconds to import: not before the arguments were parsed
    from training.pretrain import pretrain as pretrain_model
    from training.progress import FitProgress

    keras_setup.configure(threads)
    found = imdb.load(archive)
    train, validation = imdb.split(found.train, fraction=config.validation, seed=config.split_seed)
    description = {
        "name": "imdb (Large Movie Review Dataset v1.0)",
        "training_reviews": len(train),
        "validation_reviews": len(validation),
        "unlabelled_reviews": len(found.unsup),
        "split": f"film-disjoint, seed {config.split_seed}",
        "sha256": dict(found.digests),
    }
    texts = [*(review.text for review in train), *found.unsup]
    with FitProgress() as progress:
        pretrain_model(
            config,
            texts,
            [review.text for review in validation],
            description,
            where,
            resume=resume,
            overwrite=overwrite,
            checkpoint_seconds=checkpoint_seconds,
            progress=progress,
        )
        progress.note(f"encoder: {where.encoder}")
