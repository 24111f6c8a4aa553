"""`python -m training label`: what a teacher says of training and unlabelled reviews, as targets for a student."""

from __future__ import annotations

from pathlib import Path

import click

from sentiline.bundle import find
from training.cli_data import archive_option
from training.cli_run import threads_option
from training.run import Run


@click.command()
@click.argument("fits", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN]...")
@click.option("--ngrams", type=click.Path(path_type=Path), required=True, help="Run folder of `ngrams`.")
@click.option("--bundle", "bundles", multiple=True, help="A finished model, by name or folder, as a further member.")
@archive_option
@click.option("--to", "target", type=click.Path(path_type=Path), default=Path("runs/targets.npz"), show_default=True)
@click.option("--trust", type=click.FloatRange(0, 1), default=0.7, show_default=True, help="Share of a known label.")
@click.option("--crops", type=click.IntRange(0, 16), default=1, show_default=True, help="Pieces of each review.")
@click.option("--max-tokens", type=click.IntRange(2), default=400, show_default=True, help="Longer reviews are cut.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of pieces.")
@threads_option
def label(
    fits: tuple[Path, ...],
    ngrams: Path,
    bundles: tuple[str, ...],
    archive: Path | None,
    target: Path,
    trust: float,
    crops: int,
    max_tokens: int,
    seed: int,
    threads: int | None,
) -> None:
    """Let fitted models, weighted by validation, label IMDB's unlabelled reviews and pieces of all reviews.

    RUN... are run folders of `fit`; the n-gram classifier of `ngrams` is a member as well. Training reviews keep
    their label, softened by the n-gram classifier that has not seen them. What is read is kept beside the targets
    until they are complete, so that the same command goes on where it was interrupted.

    \b
    Examples:
      python -m training label runs/bilstm-teacher --ngrams runs/ngrams --bundle bigru --bundle lstm
      python -m training label --bundle bilstm --ngrams runs/ngrams
      python -m training fit bilstm --targets runs/targets.npz --init runs/encoder/encoder.npz
    """  # noqa: D301
    from training import backend

    backend.configure(threads)
    from training.labelling import label_imdb
    from training.progress import FitProgress
    from training.readings import Readings

    readings = target.with_name(target.name + ".readings")
    with FitProgress() as progress:
        targets = label_imdb(
            [Run(fit) for fit in fits],
            [find(bundle) for bundle in bundles],
            ngrams,
            archive,
            trust=trust,
            crops=crops,
            max_tokens=max_tokens,
            seed=seed,
            readings=readings,
            progress=progress,
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        targets.save(target)
        Readings(readings).remove()
        progress.note(f"targets: {target} ({len(targets.ids):,} texts)")
