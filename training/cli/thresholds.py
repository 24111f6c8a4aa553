"""The `thresholds` command: fits cut points and thresholds by length on labelled texts of several sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from training.cli.data import labelled_options


@click.command()
@click.argument("model")
@click.argument("files", metavar="FILES")
@click.option("--precision", metavar="NAME", help="fp32 or int8; default the model's own choice, which is served.")
@click.option(
    "--target-error",
    type=click.FloatRange(0, 50, min_open=True),
    default=6.0,
    show_default=True,
    metavar="PERCENT",
    help="Error rate wanted among the certain predictions of every length of text.",
)
@click.option(
    "--max-flagged",
    type=click.FloatRange(0, 100, min_open=True),
    default=30.0,
    show_default=True,
    metavar="PERCENT",
    help="Largest share of a length of text that may be uncertain to reach it.",
)
@click.option("--record", is_flag=True, help="Write them into the bundle's manifest, model card and plots.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all figures to this file."
)
@labelled_options
def thresholds(
    model: str,
    files: str,
    precision: str | None,
    target_error: float,
    max_flagged: float,
    record: bool,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Fit which predictions of MODEL are uncertain, and its cut points for neutral texts, on labelled FILES.

    FILES is a file, a folder, a glob or a URL of texts that the model was not trained on; each file is a source. The
    confidence that a prediction needs is fitted per length of text. With --neutral, neutral rows are used too, and the
    cut points between negative, neutral and positive are fitted on the logits. Shown are the errors by length and by
    source, as the least confident predictions are left out.

    \b
    Examples:
      python -m training thresholds models/mine 'held-out/*.csv'
      python -m training thresholds models/mine held-out.csv --neutral --record
    """  # noqa: D301
    import json

    from sentiline.atomic_write import write_atomically
    from sentiline.bundle import find
    from training.bundle.record_metrics import check_recordable
    from training.bundle.record_thresholds import (
        fit_uncertainty,
        print_uncertainty,
        record_uncertainty,
        score_labelled_data,
    )
    from training.data import labelled_file

    bundle = find(model)
    if record:
        check_recordable(bundle)
    console = Console(stderr=True)
    found = labelled_file.load(files, **options)
    console.print(found.summary(), highlight=False, markup=False)
    scored = score_labelled_data(bundle, found, precision)
    fitted = fit_uncertainty(scored, target_error=target_error / 100, max_flagged=max_flagged / 100)
    print_uncertainty(Console(width=max(console.width, 110)), fitted)
    if json_file is not None:
        content = {**fitted.manifest_entries(), "risk_coverage": fitted.risk.as_dict()}
        write_atomically(json_file, (json.dumps(content, indent=1) + "\n").encode())
    if record:
        record_uncertainty(bundle, fitted)
        console.print(f"recorded in {bundle.path}", highlight=False)
