"""`sentiline evaluate`: measures models on labelled files, see `sentiline.evaluation`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from sentiline.bundle import installed
from sentiline.cli.dialect import dialect_options
from sentiline.cli.main import EXIT_CODES
from sentiline.errors import BundleNotFoundError, OptionError
from sentiline.labels import SCHEMES, check_labels
from sentiline.scoring.io.formats import KINDS
from sentiline.tokenizer import TRUNCATIONS, Truncation

HELP = """
Measure how well models do on your own labelled reviews. Each INPUT has a column of texts and a column of labels.

INPUTs are read as by `sentiline score`. Labels are 0 and 1, negative and positive, or stars: out of five (1-2 negative,
4-5 positive) or ten (1-4 negative, 7-10 positive). The stars in between are neutral and evaluated only with --neutral,
which adds the accuracy, macro recall and confusion matrix of the labels NEGATIVE, NEUTRAL and POSITIVE. Rows that
cannot be evaluated are counted and listed by line.

\b
Examples:
  sentiline evaluate reviews.csv --text-column review --label-column stars
  sentiline evaluate reviews.csv --label-column stars --labels stars5
  sentiline evaluate reviews.csv --labels negative=1,positive=2
  sentiline evaluate reviews.csv --label-column stars --model bilstm --model ./my-model
  sentiline evaluate reviews.csv --label-column stars --all-models --json out.json --report out.html
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--text-column", metavar="NAME", help="Column with the texts. Default: the only suitable column.")
@click.option("--label-column", default="label", show_default=True, metavar="NAME", help="Column with the labels.")
@click.option("--labels", default="auto", show_default=True, metavar="|".join(["auto", *SCHEMES, "MAPPING"]),
              help="Meaning of the labels; auto infers it from all of them. A MAPPING lists the labels of each "
              "sentiment, such as negative=1,positive=2 or negative=bad,poor,neutral=fair,positive=good.")  # fmt: skip
@click.option("--model", "models", multiple=True, metavar="NAME|PATH",
              help="An installed model, or a bundle's path; may be given several times. Default: bilstm.")  # fmt: skip
@click.option("--all-models", is_flag=True, help="Evaluate every installed model.")
@click.option("--precision", metavar="NAME", help="fp32 or int8. Default: each model's own choice.")
@click.option("--neutral", is_flag=True, help="Evaluate neutral rows too, and predictions with three labels.")
@click.option("--json", "json_path", metavar="PATH", type=click.Path(path_type=Path), help="Write all figures as JSON.")
@click.option("--report", metavar="PATH", type=click.Path(path_type=Path),
              help="Write a report (.html); needs the extra `report`.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the --json and --report files if they exist.")
@click.option("--worst", type=click.IntRange(min=0), default=5, show_default=True,
              help="Number of each model's worst errors to show.")  # fmt: skip
@click.option("--format", "kind", type=click.Choice([kind for kind in KINDS if kind != "text"]),
              help="Format of the inputs. Default: by their file extensions.")  # fmt: skip
@dialect_options
@click.option("--max-characters", type=click.IntRange(min=1), default=1_000_000, show_default=True,
              help="Longest text that is evaluated.")  # fmt: skip
@click.option(
    "--truncation", type=click.Choice(TRUNCATIONS), help="How to shorten long texts. Default: the model's own choice."
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Texts processed at the same time. Default: the available CPUs."
)
def evaluate(
    inputs: tuple[str, ...],
    text_column: str | None,
    label_column: str,
    labels: str,
    models: tuple[str, ...],
    all_models: bool,
    precision: str | None,
    neutral: bool,
    json_path: Path | None,
    report: Path | None,
    overwrite: bool,
    worst: int,
    kind: str | None,
    max_characters: int,
    truncation: Truncation | None,
    threads: int | None,
    **dialect: Any,
) -> None:
    """Evaluate the models, print the tables, and write the files."""
    from rich.console import Console  # these and onnxruntime are slow to import, and --help does not need them

    from sentiline.atomic_write import write_atomically
    from sentiline.evaluation.display import show
    from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
    from sentiline.evaluation.progress import Progress
    from sentiline.predictor import load
    from sentiline.reporting.output_file import check_output_file

    names = _names(models, all_models)
    for path, option, endings in ((json_path, "--json", (".json",)), (report, "--report", (".html", ".htm"))):
        if path is not None:
            check_output_file(path, option, endings, inputs, overwrite=overwrite)
    if report is not None:
        from sentiline.reporting.html_report import check_installed

        check_installed()
    options = EvaluationOptions(
        text_column=text_column,
        label_column=label_column,
        labels=check_labels(labels, field="--labels"),
        format=kind,
        **dialect,
        truncation=truncation,
        max_characters=max_characters,
        worst=worst,
        neutral=neutral,
    )
    with ExitStack() as stack:
        predictors = [stack.enter_context(load(name, precision=precision, threads=threads)) for name in names]
        with Progress() as progress:
            evaluation = evaluate_files(predictors, inputs, options, on_progress=progress.update)
    contents = {}
    if json_path is not None:
        contents[json_path] = json.dumps(evaluation.as_dict(), ensure_ascii=False, indent=1)
    if report is not None:
        from sentiline.evaluation.html_report import render_evaluation

        contents[report] = render_evaluation(evaluation)
    failures = []
    for path, content in contents.items():
        try:
            write_atomically(path, content.encode("utf-8", "replace"))
        except OSError as error:  # the tables are shown all the same
            failures.append(f"cannot write {path}: {error.strerror or error}")
    show(evaluation, Console(highlight=False))
    if failures:
        raise click.UsageError("; ".join(failures))
    for path in contents:
        click.echo(f"Written: {path}")


def _names(models: tuple[str, ...], all_models: bool) -> tuple[str, ...]:
    if models and all_models:
        raise OptionError("--model selects some models and --all-models all; give one of them", field="--model")
    if all_models and not (found := tuple(installed())):
        raise BundleNotFoundError("no model is installed, so --all-models finds none", field="--all-models")
    return found if all_models else tuple(dict.fromkeys(models)) or ("bilstm",)
