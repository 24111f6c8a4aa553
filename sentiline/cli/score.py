"""`sentiline score`: files of reviews, scored into one file; the work is sentiline.scoring's."""

from __future__ import annotations

from pathlib import Path

import click

from sentiline.cli.main import EXIT_CODES
from sentiline.scoring.format import KINDS
from sentiline.tokenizer import TRUNCATIONS, Truncation

HELP = """
Score the reviews in each INPUT, and write all rows with their sentiment to OUTPUT.

An INPUT is a file, a folder, a glob in quotes, or - for standard input. Formats: CSV, TSV, JSON Lines, Parquet, and
plain text with a review on each line; all but Parquet also compressed with gzip (.gz) or zstd (.zst). All columns are
carried through, and label, score, positive, tokens_total, unknown_tokens, truncated and error are added. A row that
cannot be scored stays, and its column error says why.

\b
Examples:
  sentiline score reviews.csv -o scored.csv
  sentiline score reviews.csv -o scored.parquet --text-column review
  sentiline score reviews/ -o scored.jsonl.gz
  sentiline score reviews.jsonl -o timesteps.jsonl --timesteps
  zcat reviews.csv.gz | sentiline score - --format csv -o scored.csv
  sentiline score reviews.csv -o scored.csv --resume

OUTPUT appears when it is complete. Until then it grows in OUTPUT.partial, and a run that was stopped goes on with
--resume. Parquet and zstd need pyarrow: pip install 'sentiline[batch]'.
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--output", "-o", required=True, metavar="PATH", type=click.Path(path_type=Path), help="The file to write."
)
@click.option("--text-column", metavar="NAME", help="Column with the texts; default the only one that may be it.")
@click.option("--format", "kind", type=click.Choice(KINDS), help="Format of the inputs; default by their endings.")
@click.option(
    "--to",
    type=click.Choice([kind for kind in KINDS if kind != "text"]),
    help="Format of the output; default by its ending.",
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of text files.")
@click.option("--prefix", default="", metavar="TEXT", help="Put before the names of the added columns.")
@click.option("--timesteps", is_flag=True, help="Add the sentiment at every token (JSON Lines and Parquet).")
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be scored.")
@click.option("--resume", is_flag=True, help="Go on where a stopped run was.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("--max-characters", type=click.IntRange(min=1), default=1_000_000, show_default=True,
              help="A longer text is not scored.")  # fmt: skip
@click.option("--truncation", type=click.Choice(TRUNCATIONS), help="For long texts; default the model's own choice.")
@click.option("--model", default="bilstm", show_default=True, metavar="NAME|PATH", help="Installed model, or a bundle.")
@click.option("--precision", metavar="NAME", help="fp32 or int8; default the model's own choice.")
@click.option("--threads", type=click.IntRange(min=1), help="Texts read side by side; default the available CPUs.")
def score(
    inputs: tuple[str, ...],
    output: Path,
    text_column: str | None,
    kind: str | None,
    to: str | None,
    encoding: str,
    prefix: str,
    timesteps: bool,
    strict: bool,
    resume: bool,
    overwrite: bool,
    max_characters: int,
    truncation: Truncation | None,
    model: str,
    precision: str | None,
    threads: int | None,
) -> None:
    """Score, show how far it is, sum up."""
    from sentiline.predictor import load  # onnxruntime is slow to import: not for --help
    from sentiline.scoring.display import Display, show_summary
    from sentiline.scoring.run import Options, score_files

    options = Options(
        text_column=text_column,
        format=kind,
        to=to,
        encoding=encoding,
        prefix=prefix,
        timesteps=timesteps,
        truncation=truncation,
        max_characters=max_characters,
        strict=strict,
    )
    with load(model, precision=precision, threads=threads) as predictor:
        try:
            with Display() as display:
                tally = score_files(
                    predictor, inputs, output, options, resume=resume, overwrite=overwrite, report=display.update
                )
        except KeyboardInterrupt:
            click.echo("Stopped. What is finished is kept: the same command with --resume goes on.", err=True)
            raise
        except OSError as error:
            raise click.UsageError(
                f"cannot write {output}: {error.strerror or error}; what is finished is kept for --resume"
            ) from error
    if tally is None:
        click.echo(f"{output} is complete: nothing to resume.")
    else:
        show_summary(tally, output)
