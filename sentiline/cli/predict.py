"""`sentiline predict`: texts from arguments, files or standard input; results as coloured text or as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiline.cli.main import EXIT_CODES
from sentiline.errors import InputError
from sentiline.prediction import DETAILS, Detail
from sentiline.tokenizer import TRUNCATIONS, Truncation

if TYPE_CHECKING:
    from sentiline.predictor import Predictor
    from sentiline.reading import Reading

HELP = """
Show the sentiment of each TEXT and the contribution of every token. The TEXT - stands for standard input.

\b
Examples:
  sentiline predict "A quiet film that I could not stop thinking about."
  sentiline predict "Loved it!" "The second half is a mess."
  sentiline predict --file review.txt
  sentiline predict - < review.txt
  sentiline predict --json "Not bad at all" > answer.json
  sentiline predict --precision fp32 --detail none "Not bad at all"
  sentiline predict --detail sentences "Great cast. A dull plot, though. See it anyway!"

Tokens that raise the logit are green and tokens that lower it red; stronger colours mean larger contributions. Unknown
tokens are underlined. Without colours (in a pipe, or with NO_COLOR set) the strongest tokens are marked {+like+} or
{-this-}; FORCE_COLOR=1 keeps colours in a pipe. A line "? uncertain" says that the prediction is uncertain, and why.

--json prints one document, identical to the service's answer.
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file",
    "-f",
    "files",
    multiple=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Read a text from this file (UTF-8); may be given several times. Files come after the TEXTs.",
)
@click.option(
    "--model", default="bilstm", show_default=True, metavar="NAME|PATH", help="An installed model, or a bundle's path."
)
@click.option("--precision", metavar="NAME", help="fp32 or int8. Default: the model's own choice.")
@click.option(
    "--detail",
    type=click.Choice(DETAILS),
    default="timesteps",
    show_default=True,
    help="Show every token, every sentence, or only the prediction.",
)
@click.option(
    "--truncation", type=click.Choice(TRUNCATIONS), help="How to shorten long texts. Default: the model's own choice."
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Texts processed at the same time. Default: the available CPUs."
)
@click.option(
    "--neutral", is_flag=True, help="Label texts NEGATIVE, NEUTRAL or POSITIVE, with all three probabilities."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def predict(
    texts: tuple[str, ...],
    files: tuple[Path, ...],
    model: str,
    precision: str | None,
    detail: Detail,
    truncation: Truncation | None,
    threads: int | None,
    neutral: bool,
    as_json: bool,
) -> None:
    """Read the texts, predict, and print."""
    if not texts and not files:
        raise click.UsageError("no text: give one in quotes, or --file PATH, or - for standard input")
    inputs = [("standard input", _stdin()) if text == "-" else (f"text {n}", text) for n, text in enumerate(texts, 1)]
    inputs += [(str(path), _file(path)) for path in files]
    _hint_at_files(texts)

    from sentiline.predictor import load  # onnxruntime is slow to import, so check the input first

    with load(model, precision=precision, threads=threads) as predictor:
        readings = _read(predictor, inputs, truncation, neutral=neutral)
        if as_json:
            answer = predictor.answer(readings, detail)
            # as bytes: JSON is UTF-8 (RFC 8259), whatever the terminal's encoding
            click.echo(json.dumps(answer, ensure_ascii=False).encode())
        else:
            _show(predictor, readings, detail)


def _read(
    predictor: Predictor, inputs: list[tuple[str, str]], truncation: Truncation | None, *, neutral: bool
) -> list[Reading]:
    """Predict the texts; an error names its text as the user gave it."""
    try:
        return predictor.read([text for _, text in inputs], truncation=truncation, neutral=neutral)
    except InputError as error:
        for index, (name, _) in enumerate(inputs):
            if error.field == f"texts[{index}]":
                raise type(error)(str(error).replace(error.field, name, 1), field=name) from None
        raise


def _show(predictor: Predictor, readings: list[Reading], detail: Detail) -> None:
    from rich.console import Console

    from sentiline.terminal import render

    manifest = predictor.manifest
    console = Console(highlight=False)
    for number, reading in enumerate(readings, 1):
        if len(readings) > 1:
            console.print(f"[{number}/{len(readings)}]", style="bold", markup=False)
        console.print(render(reading, detail, console))
    console.print(f"{manifest.name} {manifest.version}, {predictor.precision}", style="dim")


def _stdin() -> str:
    if sys.stdin is None:
        raise click.UsageError("standard input is closed; pipe a text into it, or give the text in quotes")
    return _decode(sys.stdin.buffer.read(), "standard input")


def _file(path: Path) -> str:
    try:
        return _decode(path.read_bytes(), str(path))
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None


def _decode(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(
            f"{source} is not UTF-8: byte 0x{content[error.start]:02x} at position {error.start}; convert it first, "
            "for example with: iconv -f WINDOWS-1252 -t UTF-8"
        ) from None


def _hint_at_files(texts: tuple[str, ...]) -> None:
    for text in texts:
        if text != "-" and len(text) < 256 and "\0" not in text and Path(text).is_file():
            click.echo(f"Note: scoring the words {text!r}; to read the file of that name use --file", err=True)
