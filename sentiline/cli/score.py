"""`sentiline score`: score files of reviews into one file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiline.cli.dialect import dialect_options
from sentiline.cli.main import EXIT_CODES, InputFailure, RowsFailure
from sentiline.errors import OptionError
from sentiline.scoring.io.formats import KINDS
from sentiline.scoring.memory import DEFAULT
from sentiline.scoring.scorer import BAD_ROWS
from sentiline.tokenizer import TRUNCATIONS

if TYPE_CHECKING:
    from sentiline.scoring.summary import Summary

HELP = """
Score the reviews in each INPUT, and write all rows with their sentiment to OUTPUT.

An INPUT is a file, a folder, a glob in quotes, a URL (s3://, gs://) of one of these, or - for standard input. Formats
are CSV, TSV, JSON Lines or arrays, Parquet, and plain text with one review per line; all but Parquet may be compressed
with gzip (.gz), bzip2 (.bz2), xz (.xz) or zstd (.zst), or be the only file in a ZIP archive (.zip). All columns are
kept, and label, score, positive, tokens_total, unknown_tokens, truncated, uncertain and error are added. A row that
cannot be scored is kept, with the reason in its column error.

\b
Examples:
  sentiline score reviews.csv -o scored.csv
  sentiline score reviews.csv -o scored.parquet --text-column review
  sentiline score reviews/ -o scored.jsonl.gz
  sentiline score reviews.jsonl -o timesteps.jsonl --timesteps
  sentiline score - -o scored.csv < reviews.csv
  sentiline score 's3://bucket/reviews/**/*.parquet' -o s3://bucket/scored.parquet
  sentiline score reviews.csv -o scored.csv --report report.html --date-column date
  sentiline score reviews.csv -o scored.csv --resume
  sentiline score reviews/ -o scored --engine ray --address 10.0.0.1:6379

OUTPUT appears when it is complete. Until then it grows in OUTPUT.partial, and --resume continues an interrupted run.
Parquet, zstd and URLs need pyarrow: pip install 'sentiline[batch]'.
--report needs pip install 'sentiline[report]'.
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--output", "-o", required=True, metavar="PATH|URL", help="The file to write.")
@click.option("--text-column", metavar="NAME",
              help="The column with the texts, or a path such as meta.text; by default the only one that looks like "
              "text.")  # fmt: skip
@click.option("--format", type=click.Choice(KINDS),
              help="The format of the inputs; by default detected from the extension or content.")  # fmt: skip
@click.option("--to", type=click.Choice([kind for kind in KINDS if kind != "text"]),
              help="The format of the output; by default taken from its extension.")  # fmt: skip
@dialect_options
@click.option("--prefix", default="", metavar="TEXT", help="A prefix for the names of the added columns.")
@click.option("--timesteps", is_flag=True, help="Add the sentiment at every token (JSON Lines and Parquet).")
@click.option("--sentences", is_flag=True,
              help="Add the contribution of every sentence (JSON Lines and Parquet).")  # fmt: skip
@click.option("--neutral", is_flag=True,
              help="Label texts NEGATIVE, NEUTRAL or POSITIVE, and add the probability of each.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be scored, or not be carried as it is.")
@click.option("--bad-rows", type=click.Choice(BAD_ROWS), default="stop", show_default=True,
              help="Rows that cannot be read or written: stop there, keep them with their error, or skip all rows with "
              "an error and count them.")  # fmt: skip
@click.option("--drop", multiple=True, metavar="COLUMN",
              help="A column that is not written; may be repeated.")  # fmt: skip
@click.option("--keep", multiple=True, metavar="COLUMN",
              help="Of the columns of the inputs, write only those given so; may be repeated.")  # fmt: skip
@click.option("--check", is_flag=True,
              help="Read and check all INPUTS and options, say what a run would do, and write nothing.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Resume an interrupted run.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("--report", "reports", multiple=True, metavar="PATH", type=click.Path(path_type=Path),
              help="Also write an HTML report to PATH; may be repeated.")  # fmt: skip
@click.option("--date-column", metavar="NAME", help="A column with dates: the report shows positivity over time.")
@click.option("--date-format", metavar="PATTERN", help="The format of the dates, such as %d.%m.%Y; default ISO 8601.")
@click.option("--scratch", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="The folder in which an OUTPUT in an object store grows, shared by all machines of a cluster; "
              "default the current one.")  # fmt: skip
@click.option("--memory", default=DEFAULT, show_default=True, metavar="SIZE", help="The peak memory to stay within.")
@click.option("--max-characters", type=click.IntRange(min=1), default=1_000_000, show_default=True,
              help="The length beyond which a text is not scored.")  # fmt: skip
@click.option("--truncation", type=click.Choice(TRUNCATIONS),
              help="How to shorten long texts; default the model's own choice.")  # fmt: skip
@click.option("--model", default="bilstm", show_default=True, metavar="NAME|PATH",
              help="The name of an installed model, or the path of a bundle.")  # fmt: skip
@click.option("--precision", metavar="NAME", help="fp32 or int8; default the model's own choice.")
@click.option("--threads", type=click.IntRange(min=1), help="Texts scored in parallel; default the available CPUs.")
@click.option("--engine", type=click.Choice(("local", "ray")), default="local", show_default=True,
              help="This machine, or a Ray cluster, which writes OUTPUT as a folder of Parquet files.")  # fmt: skip
@click.option("--address", metavar="HOST:PORT",
              help="The address of the Ray cluster; default RAY_ADDRESS, else this machine.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1),
              help="Ray actors, with --threads CPUs each (default 1); default all CPUs.")  # fmt: skip
@click.option("--part-rows", type=click.IntRange(min=1024),
              help="Rows per file that Ray writes; default 16384.")  # fmt: skip
def score(
    inputs: tuple[str, ...],
    output: str,
    check: bool,
    resume: bool,
    overwrite: bool,
    reports: tuple[Path, ...],
    date_column: str | None,
    date_format: str | None,
    scratch: Path | None,
    model: str,
    precision: str | None,
    threads: int | None,
    engine: str,
    address: str | None,
    workers: int | None,
    part_rows: int | None,
    **options: Any,
) -> None:
    """Score files; `options` are the fields of `ScoreOptions`, which have the names of the command's options."""
    from sentiline.predictor import load  # onnxruntime is slow to import: not for --help
    from sentiline.scoring.check import check_files
    from sentiline.scoring.display import Display, show_check, show_summary
    from sentiline.scoring.options import ScoreOptions
    from sentiline.scoring.pipeline import score_files

    settings = ScoreOptions(**options)
    if reports:
        from sentiline.reporting.report import HtmlReportBuilder, check_targets

        check_targets(reports, (*inputs, output), overwrite=overwrite or resume)
    elif date_column or date_format:
        raise OptionError("--date-column and --date-format are for --report, which is not given", field="--report")
    if engine == "ray":
        threads = threads or 1  # per worker
    elif address or workers or part_rows:
        raise OptionError("--address, --workers and --part-rows are for --engine ray; add it", field="--engine")
    with load(model, precision=precision, threads=threads) as predictor:
        report_builder = None
        if reports:
            command = shlex.join(["sentiline", *sys.argv[1:]])
            report_builder = HtmlReportBuilder(
                reports, predictor, date_column=date_column, date_format=date_format, facts={"command": command}
            )
        try:
            with Display() as display:
                run: dict[str, Any] = {
                    "resume": resume,
                    "overwrite": overwrite,
                    "scratch": scratch,
                    "on_progress": display.update,
                    "report_builder": report_builder,
                }
                if check and engine == "ray":
                    from sentiline.cluster.driver import check_for_cluster

                    result = check_for_cluster(predictor, inputs, output, settings, **run)
                elif check:
                    result = check_files(predictor, inputs, output, settings, **run)
                elif engine == "ray":
                    from sentiline.cluster.driver import Cluster, score_on_cluster
                    from sentiline.cluster.splits import PART_ROWS

                    cluster = Cluster(address, workers, predictor.threads, part_rows or PART_ROWS)
                    summary = score_on_cluster(predictor, inputs, output, settings, cluster, **run)
                else:
                    summary = score_files(predictor, inputs, output, settings, **run)
        except KeyboardInterrupt:
            click.echo("Stopped. The finished part is kept: repeat the command with --resume to continue.", err=True)
            raise
        except OSError as error:
            raise click.UsageError(
                f"cannot write {error.filename or output}: {error.strerror or error}; the finished part is kept for "
                "--resume"
            ) from error
    if check:
        show_check(result, output)
        if result.problems:
            raise InputFailure(f"a run would end with an error: {result.problems[0]}")
        _check_share(result.summary)
    elif summary is None:
        click.echo(f"{output} is complete, of the same inputs, model and options: nothing to resume.")
    else:
        show_summary(summary, output)
        for path in filter(Path.exists, reports):
            click.echo(f"report: {path}")
        _check_share(summary)


def _check_share(summary: Summary) -> None:
    if summary.failed * 2 > summary.rows:
        raise RowsFailure(
            f"{summary.failed:,} of {summary.rows:,} rows cannot be scored; their errors are counted above. Is the "
            "text column right?"
        )
