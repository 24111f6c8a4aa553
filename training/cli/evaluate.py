"""The `evaluate` command: the accuracy of a bundle on IMDB's test half or labelled files, from its ONNX files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from training.cli.data import archive_option, labelled_options
from training.evaluation.display import print_metrics

_TOLERANCE = 0.05  # percentage points between the test accuracy of the manifest and the computed one


@click.command()
@click.argument("model")
@archive_option
@click.option(
    "--precision", metavar="NAME", help="Precision to evaluate, fp32 or int8; default all precisions of the bundle."
)
@click.option(
    "--data",
    metavar="FILES",
    help="Labelled file of your own, or a folder, glob or URL of several, instead of IMDB.",
)
@labelled_options
@click.option("--reviews", "sample", type=click.IntRange(1), metavar="N", help="Evaluate N random reviews, not all.")
@click.option("--record", is_flag=True, help="Write the figures into the bundle's manifest and model card.")
def evaluate(
    model: str,
    archive: Path | None,
    precision: str | None,
    data: str | None,
    sample: int | None,
    record: bool,
    **options: Any,
) -> None:
    """Compute the test accuracy of MODEL (a name or a folder) from its ONNX files.

    This opens IMDB's test half: nothing may be chosen by its result. If the manifest already has a test accuracy, a
    difference of more than 0.05 percentage points is an error, unless only a sample of the reviews is evaluated.
    Then the errors are shown by length of text, as the least confident predictions are left out.

    With --data, MODEL is evaluated on your own labelled files, and the errors are shown by file too. With --neutral,
    neutral rows add the macro recall and the confusion matrix of the labels negative, neutral and positive.

    \b
    Examples:
      python -m training evaluate bilstm
      python -m training evaluate models/bilstm --archive aclImdb_v1.tar.gz
      python -m training evaluate runs/bilstm/bundle/bilstm --record
      python -m training evaluate models/mine --data 'held-out/*.csv' --neutral
    """  # noqa: D301
    from sentiline.bundle import find
    from training.bundle.record_metrics import record_metrics, score_bundle
    from training.bundle.record_thresholds import print_risk, print_three_way, score_labelled_data
    from training.data import imdb, labelled_file
    from training.evaluation.cut_points import measure_three_way
    from training.evaluation.evaluate import check_recorded_accuracy
    from training.evaluation.risk_coverage import measure_risk_coverage

    if record and (precision is not None or sample is not None):
        raise click.UsageError(
            "--record writes the figures of every precision on all reviews: leave out --precision and --reviews"
        )
    if data is not None and (archive is not None or record):
        raise click.UsageError("--data evaluates on files of your own: leave --archive and --record out")
    if data is None and options["neutral"]:
        raise click.UsageError("--neutral is for --data: IMDB has no neutral reviews")
    console = Console(stderr=True)
    bundle = find(model)
    if options["neutral"]:
        bundle.manifest.require_cut_points()
    precisions = tuple(bundle.manifest.precisions) if precision is None else (bundle.precision(precision),)
    found = None if data is None else labelled_file.load(data, **options)
    reviews = imdb.load_test(archive, final_evaluation=True) if found is None else found.reviews
    if found is not None:
        console.print(found.summary(), highlight=False, markup=False)
    if sample is not None:
        reviews = tuple(random.Random(0).sample(reviews, min(sample, len(reviews))))
    scored = {name: score_bundle(bundle, name, reviews, console) for name in precisions}
    figures = {name: part.evaluation() for name, part in scored.items()}
    known = bundle.manifest.document.get("metrics", {}).get("test", {})
    print_metrics(Console(), {"test": {name: figure.as_dict() for name, figure in figures.items()}}, "test")
    name = bundle.manifest.default_precision if precision is None else precisions[0]
    texts = scored[name].as_texts("IMDB") if found is None else score_labelled_data(bundle, found, name)
    wide = Console(width=max(console.width, 110))
    print_risk(wide, measure_risk_coverage(texts, bundle.manifest.uncertainty))
    if found is not None:
        if options["neutral"]:
            print_three_way(wide, measure_three_way(texts, bundle.manifest.require_cut_points()))
        return
    if record:
        record_metrics(bundle, "test", figures)
        console.print(f"recorded in {bundle.path}", highlight=False)
    elif sample is None:
        check_recorded_accuracy(figures, known, tolerance=_TOLERANCE)
