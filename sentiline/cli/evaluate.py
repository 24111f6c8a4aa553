"""`sentiline evaluate`: models against labelled files; the work is sentiline.evaluation's."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import click

from sentiline.bundle import installed
from sentiline.cli.main import EXIT_CODES
from sentiline.errors import BundleNotFoundError, OptionError
from sentiline.labels import SCHEMES
from sentiline.scoring.io.formats import KINDS, QUOTINGS
from sentiline.tokenizer import TRUNCATIONS, Truncation

HELP = """
Tell how well models do on your own labelled reviews: each INPUT has a column with texts and one with labels.

An INPUT is read as by `sentiline score`. Labels are 0 and 1, negative and positive, or stars, of five (1-2 negative,
4-5 positive) or ten (1-4, 7-10); what stars lie between is neutral and not evaluated. Rows that cannot be evaluated
are counted, and their lines named.

\b
Examples:
  sentiline evaluate reviews.csv --text-column review --label-column stars
  sentiline evaluate reviews.csv --label-column stars --labels stars5
  sentiline evaluate reviews.csv --label-column stars --model bilstm --model ./my-model
  sentiline evaluate reviews.csv --label-column stars --all-models --json out.json --report out.html
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--text-column", metavar="NAME", help="Column with the texts; default the only one that may be it.")
@click.option("--label-column", default="label", show_default=True, metavar="NAME", help="Column with the labels.")
@click.option("--labels", type=click.Choice(["auto", *SCHEMES]), default="auto", show_default=True,
              help="What labels mean; auto looks at all of them.")  # fmt: skip
@click.option("--model", "models", multiple=True, metavar="NAME|PATH",
              help="Installed model, or a bundle; may be given several times. Default bilstm.")  # fmt: skip
@click.option("--all-models", is_flag=True, help="Every installed model.")
@click.option("--precision", metavar="NAME", help="fp32 or int8; default each model's own choice.")
@click.option("--json", "json_path", metavar="PATH", type=click.Path(path_type=Path), help="Write all figures as JSON.")
@click.option("--report", metavar="PATH", type=click.Path(path_type=Path),
              help="Write a report (.html); needs the extra `report`.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace these files if they exist.")
@click.option("--worst", type=click.IntRange(min=0), default=5, show_default=True,
              help="Show so many of each model's worst errors.")  # fmt: skip
@click.option("--format", "kind", type=click.Choice([kind for kind in KINDS if kind != "text"]),
              help="Format of the inputs; default by their endings.")  # fmt: skip
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of text files.")
@click.option("--delimiter", metavar="CHARACTER",
              help="Between the columns of CSV inputs, such as ';'; default a comma, and a tab for TSV.")  # fmt: skip
@click.option("--quoting", type=click.Choice(QUOTINGS), default="csv", show_default=True,
              help="none: double quotes in CSV and TSV inputs are text.")  # fmt: skip
@click.option("--max-characters", type=click.IntRange(min=1), default=1_000_000, show_default=True,
              help="A longer text is not evaluated.")  # fmt: skip
@click.option("--truncation", type=click.Choice(TRUNCATIONS), help="For long texts; default the model's own choice.")
@click.option("--threads", type=click.IntRange(min=1), help="Texts read side by side; default the available CPUs.")
def evaluate(
    inputs: tuple[str, ...],
    text_column: str | None,
    label_column: str,
    labels: str,
    models: tuple[str, ...],
    all_models: bool,
    precision: str | None,
    json_path: Path | None,
    report: Path | None,
    overwrite: bool,
    worst: int,
    kind: str | None,
    encoding: str,
    delimiter: str | None,
    quoting: str,
    max_characters: int,
    truncation: Truncation | None,
    threads: int | None,
) -> None:
    """Evaluate, print, write."""
    from rich.console import Console  # these and onnxruntime are slow to import: not for --help

    from sentiline.atomic_write import write_atomically
    from sentiline.evaluation.display import show
    from sentiline.evaluation.evaluate import Options, evaluate_files
    from sentiline.evaluation.progress import Progress
    from sentiline.predictor import load
    from sentiline.reporting.output_file import check_target

    names = _names(models, all_models)
    for path, option, endings in ((json_path, "--json", (".json",)), (report, "--report", (".html", ".htm"))):
        if path is not None:
            check_target(path, option, endings, inputs, overwrite=overwrite)
    if report is not None:
        from sentiline.reporting.html_report import check_installed

        check_installed()
    options = Options(
        text_column=text_column,
        label_column=label_column,
        labels=next((scheme for scheme in SCHEMES if scheme == labels), "auto"),
        format=kind,
        encoding=encoding,
        delimiter=delimiter,
        quoting=quoting,
        truncation=truncation,
        max_characters=max_characters,
        worst=worst,
    )
    with ExitStack() as stack:
        predictors = [stack.enter_context(load(name, precision=precision, threads=threads)) for name in names]
        with Progress() as progress:
            evaluation = evaluate_files(predictors, inputs, options, report=progress.update)
    contents = {}
    if json_path is not None:
        contents[json_path] = json.dumps(evaluation.as_dict(), ensure_ascii=False, indent=1)
    if report is not None:
        from sentiline.evaluation.html_report import render

        contents[report] = render(evaluation)
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
        raise OptionError("--model names some models and --all-models takes all: give one of them", field="--model")
    if all_models and not (found := tuple(installed())):
        raise BundleNotFoundError("no model is installed, so --all-models finds none", field="--all-models")
    return found if all_models else tuple(dict.fromkeys(models)) or ("bilstm",)
