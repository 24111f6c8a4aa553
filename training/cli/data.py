"""The `data` commands: fetch, check and describe training data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from sentiline.bundle import find
from sentiline.cli.dialect import dialect_options
from sentiline.errors import OptionError
from sentiline.labels import MAPPING_EXAMPLE, SCHEMES, check_labels
from training.cli.group import CommandGroup
from training.data import download, imdb, labelled_file
from training.data import imdb_archive as archive_file
from training.data.imdb_archive import PARTS
from training.data.review import POSITIVE, Review
from training.evaluation.data_quality import describe_quality

Command = TypeVar("Command", bound=Callable[..., Any])


archive_option = click.option(
    "--archive",
    type=click.Path(path_type=Path),
    help="Path of aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache (SENTILINE_CACHE).",
)


def _check_labels(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return check_labels(value, field="--labels")
    except OptionError as error:
        raise click.BadParameter(str(error)) from None


NEUTRAL_HELP = (
    "Use rows with a neutral label, which are skipped otherwise: a fit gives them the target 0.5, and cut points for "
    "the option `neutral` of predictions."
)


def labelled_options(command: Command) -> Command:
    """Decorate a command with the parameters of `training.data.labelled_file.load`."""
    command = dialect_options(command)
    for option in reversed(
        [
            click.option("--text-column", default="text", show_default=True, help="Column or JSON key with the text."),
            click.option(
                "--label-column", default="label", show_default=True, help="Column or JSON key with the label."
            ),
            click.option(
                "--group-column", help="Column with what the text is about; a split keeps each group in one part."
            ),
            click.option(
                "--labels",
                metavar="|".join(["auto", *SCHEMES, "MAPPING"]),
                callback=_check_labels,
                default="auto",
                show_default=True,
                help="Meaning of the labels: 0/1, negative/positive, 1-5 stars (3 is skipped) or 1-10 stars (5 and "
                f"6 are skipped). A MAPPING lists the labels of each sentiment, such as {MAPPING_EXAMPLE}.",
            ),
            click.option(
                "--format",
                type=click.Choice(["csv", "tsv", "jsonl", "parquet"]),
                help="Format of the files; default by the ending of the name.",
            ),
            click.option("--neutral", is_flag=True, help=NEUTRAL_HELP),
        ]
    ):
        command = option(command)
    return command


@click.group(name="data", cls=CommandGroup)
def data() -> None:
    """Fetch, check and describe training data."""


@data.command()
@archive_option
@click.option(
    "--url", default=download.URL, show_default=True, help="Address of a copy, which is verified like the official one."
)
def fetch(archive: Path | None, url: str) -> None:
    """Download the Large Movie Review Dataset into the cache, unless it is there, and verify it.

    \b
    Examples:
      python -m training data fetch
      SENTILINE_CACHE=/data python -m training data fetch
    """  # noqa: D301 (click reads the \b as a character)
    path = download.locate(archive, url=url)
    _verify(path)


@data.command()
@click.argument("file", required=False)
@archive_option
@click.option("--strict", is_flag=True, help="Exit with status 1 if any row is skipped.")
@click.option(
    "--show", type=click.IntRange(min=0), default=20, show_default=True, help="Number of skipped rows to list."
)
@click.option(
    "--model",
    default="bilstm",
    show_default=True,
    metavar="NAME|PATH",
    help="Bundle whose vocabulary the words are compared with, as `fit --init` would use it.",
)
@labelled_options
def check(file: str | None, archive: Path | None, strict: bool, show: int, model: str, **options: Any) -> None:
    """Check a labelled FILE row by row; without FILE, verify the IMDB archive on this machine.

    FILE may also be a folder, a glob or a URL of several files. Shown are the rows that cannot be used, the balance of
    the classes, texts that repeat each other or have both labels, and the share of words that a model knows.

    \b
    Examples:
      python -m training data check reviews.csv --label-column stars
      python -m training data check reviews.jsonl --text-column body --labels names --strict
      python -m training data check --archive aclImdb_v1.tar.gz
    """  # noqa: D301 (click reads the \b as a character)
    if file is None:
        path = download.find(archive)
        if path is None:
            raise click.UsageError("no IMDB archive on this machine: run `data fetch`, or give --archive or a FILE")
        _verify(path)
        return
    _no_archive(archive)
    bundle = find(model)
    found = labelled_file.load(file, **options)
    click.echo(found.summary())
    for line in describe_quality(found.reviews, bundle):
        click.echo(line)
    for problem in found.problems[:show]:
        click.echo(f"{problem.file}:{problem.line}: {problem.kind}: {problem.value!r}")
    if len(found.problems) > show:
        click.echo(f"and {len(found.problems) - show:,} more (--show)")
    if strict and found.problems:
        raise click.exceptions.Exit(1)


@data.command()
@click.argument("file", required=False)
@archive_option
@click.option(
    "--fraction", type=float, default=0.1, show_default=True, help="Share of the reviews in the validation part."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of the split.")
@labelled_options
def describe(file: str | None, archive: Path | None, fraction: float, seed: int, **options: Any) -> None:
    """Describe a labelled FILE, or IMDB's training half, and its split. IMDB's test half is never opened.

    \b
    Examples:
      python -m training data describe
      python -m training data describe reviews.csv --group-column product --fraction 0.2
    """  # noqa: D301 (click reads the \b as a character)
    if file is None:
        found = imdb.load(archive)
        reviews: Sequence[Review] = found.train
        click.echo(f"{found.archive}: {len(reviews):,} labelled reviews, {len(found.unsup):,} without a label")
        parts = imdb.split(reviews, fraction=fraction, seed=seed)
    else:
        _no_archive(archive)
        own = labelled_file.load(file, **options)
        reviews = own.reviews
        click.echo(f"{file}: {own.summary()}")
        parts = labelled_file.split(reviews, fraction=fraction, seed=seed)
    table = Table("part", *(["reviews", "positive", "groups", "characters (median)", "characters (longest)"]))
    for name, part in (("all", reviews), ("training", parts[0]), ("validation", parts[1])):
        table.add_row(name, *_statistics(part))
    Console().print(table)
    stars = Counter(review.stars for review in reviews if review.stars is not None)
    if stars:
        click.echo("stars: " + ", ".join(f"{star}: {stars[star]:,}" for star in sorted(stars)))


def _statistics(reviews: Sequence[Review]) -> list[str]:
    lengths = np.array([len(review.text) for review in reviews])
    positive = sum(review.label == POSITIVE for review in reviews)
    groups = {review.film for review in reviews} - {None}
    return [
        f"{len(reviews):,}",
        f"{positive:,}",
        f"{len(groups):,}" if groups else "-",
        f"{np.median(lengths):,.0f}",
        f"{lengths.max():,}",
    ]


def _verify(path: Path) -> None:
    archive_file.read(path)
    table = Table("part", "files", "bytes", "sha256")
    for name, part in PARTS.items():
        table.add_row(name, f"{part.files:,}", f"{part.bytes:,}", f"{part.sha256[:16]}…")
    Console().print(table)
    click.echo(f"{path}: complete and unaltered")


def _no_archive(archive: Path | None) -> None:
    if archive is not None:
        raise click.UsageError("give a FILE or --archive, not both")
