"""The `evaluate` command: the test accuracy of a bundle, computed from its ONNX files."""

from __future__ import annotations

import random
from pathlib import Path

import click
from rich.console import Console

from training.cli.data import archive_option
from training.evaluation.display import print_metrics

_TOLERANCE = 0.05  # percentage points between the test accuracy of the manifest and the computed one


@click.command()
@click.argument("model")
@archive_option
@click.option(
    "--precision", metavar="NAME", help="Precision to evaluate, fp32 or int8; default all precisions of the bundle."
)
@click.option("--reviews", "sample", type=click.IntRange(1), metavar="N", help="Evaluate N random reviews, not all.")
@click.option("--record", is_flag=True, help="Write the figures into the bundle's manifest and model card.")
def evaluate(model: str, archive: Path | None, precision: str | None, sample: int | None, record: bool) -> None:
    """Compute the test accuracy of MODEL (a name or a folder) from its ONNX files.

    This opens IMDB's test half: nothing may be chosen by its result. If the manifest already has a test accuracy, a
    difference of more than 0.05 percentage points is an error, unless only a sample of the reviews is evaluated.

    \b
    Examples:
      python -m training evaluate bilstm
      python -m training evaluate models/bilstm --archive aclImdb_v1.tar.gz
      python -m training evaluate runs/bilstm/bundle/bilstm --record
    """  # noqa: D301
    from sentiline.bundle import find
    from training.bundle.record_metrics import record_metrics, score_bundle
    from training.data import imdb
    from training.evaluation.evaluate import check_recorded_accuracy

    if record and (precision is not None or sample is not None):
        raise click.UsageError(
            "--record writes the figures of every precision on all reviews: leave out --precision and --reviews"
        )
    console = Console(stderr=True)
    bundle = find(model)
    precisions = bundle.manifest.precisions if precision is None else (bundle.precision(precision),)
    reviews = imdb.load_test(archive, final_evaluation=True)
    if sample is not None:
        reviews = tuple(random.Random(0).sample(reviews, min(sample, len(reviews))))
    figures = {name: score_bundle(bundle, name, reviews, console).evaluation() for name in precisions}
    known = bundle.manifest.document.get("metrics", {}).get("test", {})
    print_metrics(Console(), {"test": {name: figure.as_dict() for name, figure in figures.items()}}, "test")
    if record:
        record_metrics(bundle, "test", figures)
        console.print(f"recorded in {bundle.path}", highlight=False)
    elif sample is None:
        check_recorded_accuracy(figures, known, tolerance=_TOLERANCE)
