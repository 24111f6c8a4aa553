"""The `label` command: a teacher's predictions for training and unlabelled reviews, as targets for a student."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from sentiline.bundle import find
from training.cli.data import archive_option
from training.cli.options import threads_option
from training.distillation.teacher_logits import load_teacher_logits
from training.supervised.run_folder import Run

_OF_A_READING = ("fits", "ngrams", "bundles", "max_tokens", "seed", "verdicts_to")


@click.command()
@click.argument("fits", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN]...")
@click.option(
    "--ngrams", type=click.Path(path_type=Path), help="Run folder of `ngrams`, which is a member of the ensemble."
)
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    help="Name or folder of a bundle that is a further member of the ensemble. Can be repeated.",
)
@archive_option
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    default=Path("runs/targets.npz"),
    show_default=True,
    help="File of the targets.",
)
@click.option(
    "--trust",
    type=click.FloatRange(0, 1),
    default=0.7,
    show_default=True,
    help="Weight of a known label in its target.",
)
@click.option("--crops", type=click.IntRange(0, 16), default=1, show_default=True, help="Number of pieces per review.")
@click.option(
    "--max-tokens",
    type=click.IntRange(2),
    default=400,
    show_default=True,
    help="Maximum tokens per review; longer reviews are truncated.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the choice of pieces.")
@click.option(
    "--verdicts",
    metavar="VERDICTS",
    help='Use predictions that a teacher made before: "shipped", or a file that --verdicts-to wrote.',
)
@click.option(
    "--verdicts-to",
    type=click.Path(path_type=Path),
    help="Also write the teacher's predictions, without texts, to this file.",
)
@threads_option
@click.pass_context
def label(
    context: click.Context,
    fits: tuple[Path, ...],
    ngrams: Path | None,
    bundles: tuple[str, ...],
    archive: Path | None,
    target: Path,
    trust: float,
    crops: int,
    max_tokens: int,
    seed: int,
    verdicts: str | None,
    verdicts_to: Path | None,
    threads: int | None,
) -> None:
    """Label IMDB's unlabelled reviews, and pieces of all reviews, with an ensemble of fitted models.

    RUN... are run folders of `fit`. They, the n-gram classifier of `ngrams` and the bundles are weighted on the
    validation reviews. Training reviews keep their label, softened by the n-gram classifier that has not seen them.
    Predictions are cached next to the targets, in a folder of the same name with .readings, so that the same command
    resumes after an interruption.

    \b
    Examples:
      python -m training label runs/bilstm-teacher --ngrams runs/ngrams --bundle bigru --bundle lstm
      python -m training label --bundle bilstm --ngrams runs/ngrams
      python -m training label --verdicts shipped
      python -m training fit bilstm --targets runs/targets.npz --init runs/encoder/encoder.npz
    """  # noqa: D301
    if verdicts is not None:
        given = [name for name in _OF_A_READING if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            flags = [parameter.opts[0] for parameter in context.command.params if parameter.name in given]
            raise click.UsageError(f"--verdicts uses predictions that were made before: leave out {', '.join(flags)}")
        said = load_teacher_logits(verdicts)
    elif ngrams is None:
        raise click.UsageError("--ngrams is missing: the run folder of `ngrams`; or give --verdicts")
    from training.nn import backend

    backend.configure(threads)
    from training.distillation.label import compute_teacher_logits, load_texts, make_targets
    from training.run.progress import FitProgress

    readings = target.with_name(target.name + ".readings")
    with FitProgress() as progress:
        if ngrams is None:
            texts = load_texts(said.tokenizer, said.settings, archive, progress)
        else:
            texts, said = compute_teacher_logits(
                [Run(fit) for fit in fits],
                [find(bundle) for bundle in bundles],
                ngrams,
                archive,
                crops=crops,
                max_tokens=max_tokens,
                seed=seed,
                cache_folder=readings,
                progress=progress,
            )
        targets = make_targets(texts, said, trust=trust, crops=crops)
        for file, content in ((verdicts_to, said), (target, targets)):
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                content.save(file)
        progress.note(f"targets: {target} ({len(targets.ids):,} texts)")
