"""`sentiline score`: files of reviews, scored into one file; the work is sentiline.scoring's."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from sentiline.cli.main import EXIT_CODES
from sentiline.errors import OptionError
from sentiline.scoring.io.formats import KINDS, QUOTINGS
from sentiline.scoring.memory import DEFAULT, parse_size
from sentiline.tokenizer import TRUNCATIONS

HELP = """
Score the reviews in each INPUT, and write all rows with their sentiment to OUTPUT.

An INPUT is a file, a folder, a glob in quotes, a URL (s3://, gs://) of one of these, or - for standard input. Formats:
CSV, TSV, JSON Lines, Parquet, and plain text with a review on each line; all but Parquet also compressed with gzip
(.gz) or zstd (.zst). All columns are carried through, and label, score, positive, tokens_total, unknown_tokens,
truncated, uncertain and error are added. A row that cannot be scored stays, and its column error says why.

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

OUTPUT appears when it is complete. Until then it grows in OUTPUT.partial, and a run that was stopped goes on with
--resume. Parquet, zstd and URLs need pyarrow: pip install 'sentiline[batch]'.
--report needs pip install 'sentiline[report]'.
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--output", "-o", required=True, metavar="PATH|URL", help="The file to write.")
@click.option("--text-column", metavar="NAME", help="Column with the texts; default the only one that may be it.")
@click.option("--format", type=click.Choice(KINDS), help="Format of the inputs; default by ending or content.")
@click.option(
    "--to",
    type=click.Choice([kind for kind in KINDS if kind != "text"]),
    help="Format of the output; default by its ending.",
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of text files.")
@click.option("--delimiter", metavar="CHARACTER",
              help="Between the columns of CSV inputs, such as ';'; default a comma, and a tab for TSV.")  # fmt: skip
@click.option("--quoting", type=click.Choice(QUOTINGS), default="csv", show_default=True,
              help="none: double quotes in CSV and TSV inputs are text.")  # fmt: skip
@click.option("--prefix", default="", metavar="TEXT", help="Put before the names of the added columns.")
@click.option("--timesteps", is_flag=True, help="Add the sentiment at every token (JSON Lines and Parquet).")
@click.option("--sentences", is_flag=True, help="Add what every sentence adds to the verdict, likewise.")
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be scored.")
@click.option("--resume", is_flag=True, help="Go on where a stopped run was.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("--report", "reports", multiple=True, metavar="PATH", type=click.Path(path_type=Path),
              help="Write a report too (.html or .png); may be given twice.")  # fmt: skip
@click.option("--date-column", metavar="NAME", help="Column with dates: the report shows positivity over time.")
@click.option("--date-format", metavar="PATTERN", help="How dates are written, as %d.%m.%Y, if not ISO 8601.")
@click.option("--scratch", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="Where an OUTPUT in an object store grows, on a cluster a folder that all machines see; default "
              "the current one.")  # fmt: skip
@click.option("--memory", default=DEFAULT, show_default=True, metavar="SIZE", help="Peak memory to stay within.")
@click.option("--max-characters", type=click.IntRange(min=1), default=1_000_000, show_default=True,
              help="A longer text is not scored.")  # fmt: skip
@click.option("--truncation", type=click.Choice(TRUNCATIONS), help="For long texts; default the model's own choice.")
@click.option("--model", default="bilstm", show_default=True, metavar="NAME|PATH", help="Installed model, or a bundle.")
@click.option("--precision", metavar="NAME", help="fp32 or int8; default the model's own choice.")
@click.option("--threads", type=click.IntRange(min=1), help="Texts read side by side; default the available CPUs.")
@click.option("--engine", type=click.Choice(("local", "ray")), default="local", show_default=True,
              help="This machine alone, or a Ray cluster that writes OUTPUT as a folder of Parquet files.")  # fmt: skip
@click.option("--address", metavar="HOST:PORT", help="Of the Ray cluster; default RAY_ADDRESS, else this machine.")
@click.option("--workers", type=click.IntRange(min=1), help="Ray actors, of --threads CPUs each (1); default all CPUs.")
@click.option("--part-rows", type=click.IntRange(min=1024), help="Rows of a file that Ray writes; default 16384.")
def score(
    inputs: tuple[str, ...],
    output: str,
    resume: bool,
    overwrite: bool,
    reports: tuple[Path, ...],
    date_column: str | None,
    date_format: str | None,
    scratch: Path | None,
    memory: str,
    model: str,
    precision: str | None,
    threads: int | None,
    engine: str,
    address: str | None,
    workers: int | None,
    part_rows: int | None,
    **how: Any,
) -> None:
    """Score, show how far it is, sum up; `how` holds the other fields of `Options`, which are named like options."""
    from sentiline.predictor import load  # onnxruntime is slow to import: not for --help
    from sentiline.scoring.display import Display, show_summary
    from sentiline.scoring.pipeline import Options, score_files

    options = Options(memory=parse_size(memory), **how)
    if reports:
        from sentiline.reporting.report import Report, check_targets

        check_targets(reports, (*inputs, output), overwrite=overwrite or resume)
    elif date_column or date_format:
        raise OptionError("--date-column and --date-format are for --report, which is not given", field="--report")
    if engine == "ray":
        threads = threads or 1  # of each worker
    elif address or workers or part_rows:
        raise OptionError("--address, --workers and --part-rows are for --engine ray; add it", field="--engine")
    with load(model, precision=precision, threads=threads) as predictor:
        follower = None
        if reports:
            command = shlex.join(["sentiline", *sys.argv[1:]])
            follower = Report(
                reports, predictor, date_column=date_column, date_format=date_format, facts={"command": command}
            )
        try:
            with Display() as display:
                if engine == "ray":
                    from sentiline.cluster.driver import Cluster, score_on_cluster
                    from sentiline.cluster.splits import PART_ROWS

                    tally = score_on_cluster(
                        predictor,
                        inputs,
                        output,
                        options,
                        Cluster(address, workers, predictor.threads, part_rows or PART_ROWS),
                        resume=resume,
                        overwrite=overwrite,
                        scratch=scratch,
                        on_progress=display.update,
                        report_builder=follower,
                    )
                else:
                    tally = score_files(
                        predictor,
                        inputs,
                        output,
                        options,
                        resume=resume,
                        overwrite=overwrite,
                        scratch=scratch,
                        report=display.update,
                        follower=follower,
                    )
        except KeyboardInterrupt:
            click.echo("Stopped. What is finished is kept: the same command with --resume goes on.", err=True)
            raise
        except OSError as error:
            raise click.UsageError(
                f"cannot write {error.filename or output}: {error.strerror or error}; what is finished is kept for "
                "--resume"
            ) from error
    if tally is None:
        click.echo(f"{output} is complete, of the same inputs, model and options: nothing to resume.")
    else:
        show_summary(tally, output)
        for path in filter(Path.exists, reports):
            click.echo(f"report: {path}")
