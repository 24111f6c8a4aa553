"""The `compare` command: one report on several bundles."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from training.cli.data import archive_option


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs", "zoo"),
    show_default=True,
    help="Folder of the report.",
)
@archive_option
@click.option(
    "--reviews",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Number of reviews that models are timed on.",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=7, show_default=True, help="Number of times that each review is timed."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the choice of reviews.")
def compare(names: tuple[str, ...], output: Path, archive: Path | None, reviews: int, rounds: int, seed: int) -> None:
    """Write one report on the models NAMES (names or folders; default all installed models).

    Sizes, training times and accuracies come from the manifests. The latency of all models is measured in one run, on
    validation reviews of IMDB. The test half is never opened.

    \b
    Examples:
      python -m training compare
      python -m training compare rnn gru lstm bilstm --output report
    """  # noqa: D301 (click reads the \b as a character)
    from training.data import imdb  # pyarrow, scipy, matplotlib and onnxruntime: not before the arguments were parsed
    from training.evaluation.compare import compare_models, select_bundles
    from training.evaluation.compare_report import write_report

    bundles = select_bundles(names)
    _, validation = imdb.split(imdb.load(archive).train)
    chosen = np.random.default_rng(seed).permutation(len(validation))[:reviews]
    texts = [validation[index].text for index in chosen]
    click.echo(f"measuring {len(bundles)} models on {len(texts)} reviews, {rounds} rounds", err=True)
    for path in write_report(compare_models(bundles, texts, rounds=rounds), output, texts=len(texts), rounds=rounds):
        click.echo(str(path))
