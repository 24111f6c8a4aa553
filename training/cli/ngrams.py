"""The `ngrams` command: a linear teacher with out-of-fold logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from training.cli.config_options import config_options, config_with
from training.cli.data import archive_option
from training.cli.options import check_resume, resume_options
from training.config.ngrams import NgramConfig
from training.errors import ConfigError


@click.command()
@click.option(
    "--run", type=click.Path(path_type=Path), default=Path("runs/ngrams"), show_default=True, help="Run folder."
)
@archive_option
@click.option(
    "--tokenizer",
    "tokenizer_file",
    type=click.Path(path_type=Path),
    help="A tokenizer.json whose tokens form the n-grams; by default a vocabulary is built.",
)
@resume_options
@config_options(NgramConfig)
def ngrams(
    run: Path, archive: Path | None, tokenizer_file: Path | None, resume: bool, overwrite: bool, **options: Any
) -> None:
    """Fit a linear model of one- to three-word sequences, as a teacher for `fit`.

    \b
    Examples:
      python -m training ngrams
      python -m training ngrams --tokenizer runs/encoder/tokenizer.json
      python -m training ngrams --resume
    """  # noqa: D301
    check_resume(resume=resume, overwrite=overwrite)
    config = config_with(NgramConfig(), options)
    from sentiline.tokenizer import Tokenizer
    from training.distillation.ngram_teacher import NgramRun, fit_ngram_teacher
    from training.run.progress import FitProgress
    from training.supervised import fit_data

    tokenizer = None
    if tokenizer_file is not None:
        try:
            tokenizer = Tokenizer.from_json(tokenizer_file.read_text(encoding="utf-8"), source=tokenizer_file)
        except OSError as error:
            raise ConfigError(f"{tokenizer_file} cannot be read: {error.strerror}", field="tokenizer") from None
    data = fit_data.from_imdb(config, archive)
    where = NgramRun(run)
    with FitProgress() as progress:
        report = fit_ngram_teacher(
            config,
            data.train,
            data.validation,
            data.unlabelled,
            data.description,
            where,
            tokenizer=tokenizer,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        )
        for title, part in (("validation", "validation"), ("training, out of fold", "train_out_of_fold")):
            measured = report[part]
            progress.note(
                f"{title}: accuracy {measured['accuracy']:.4f}  cross-entropy {measured['cross_entropy']:.4f}  "
                f"({measured['reviews']:,} reviews)"
            )
        progress.note(f"teacher: {where.folder}")
