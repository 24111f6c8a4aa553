"""`sentiline verify`: compares models with the numpy reference and prints the largest differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiline.bundle import installed
from sentiline.errors import BundleNotFoundError

if TYPE_CHECKING:
    from sentiline.verification.result import Verification

HELP = """
Check that the files of each MODEL (a name or a path) are intact, and that its graph computes what it should.

The weights are read from the model's graph and run through the numpy reference in float64, on texts of many kinds.
Every output at every token is compared with ONNX Runtime's. Without MODEL, all installed models are checked.

\b
Examples:
  sentiline verify
  sentiline verify bilstm
  sentiline verify ./models/bilstm --file review.txt --file another.txt
  sentiline verify bilstm --json

Needs the package onnx (pip install onnx), but not TensorFlow.
"""

EXIT_CODES = """
\b
Exit codes:
  0  every model is within tolerance
  1  a model is not, or cannot be used: missing, damaged or malformed
  2  wrong usage, a text that cannot be scored, or onnx is not installed
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--file",
    "-f",
    "files",
    multiple=True,
    metavar="PATH",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare on the text in this file (UTF-8) instead of the built-in texts; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(models: tuple[str, ...], files: tuple[Path, ...], as_json: bool) -> None:
    """Verify the models and print the differences."""
    from sentiline.verification.verify import TEXTS  # onnxruntime is slow to import, and --help does not need it
    from sentiline.verification.verify import verify as check

    names = models or tuple(installed())
    if not names:
        raise BundleNotFoundError("no model to verify: none is installed, and none was given", field="model")
    texts = [_text(path) for path in files] or TEXTS
    findings = [check(name, texts) for name in names]
    if as_json:
        click.echo(json.dumps({"verifications": [one.as_dict() for one in findings]}, ensure_ascii=False).encode())
    else:
        for one in findings:
            _show(one)
    if not all(one.passed for one in findings):
        click.get_current_context().exit(1)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8; convert it first") from None


def _show(one: Verification) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(f"{one.model}: {one.texts} texts, {one.timesteps} tokens", style="bold", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("largest difference", no_wrap=True)
    for row in one.comparisons:
        table.add_column(f"{row.precision}\n{row.runs}", justify="right", no_wrap=True)
    for name in one.comparisons[0].largest:
        cells = []
        for row in one.comparisons:
            held = name in row.held
            exceeds = held and not row.largest[name] <= row.tolerance
            cells.append(Text(f"{row.largest[name]:.1e}", style="bold red" if exceeds else "" if held else "dim"))
        table.add_row(name, *cells)
    table.add_row("tolerance", *(f"{row.tolerance:.0e}" for row in one.comparisons))
    table.add_row("same label", *(f"{100 * row.agreement:.0f} %" for row in one.comparisons))
    results = (Text("ok", style="green") if row.passed else Text("FAILED", style="bold red") for row in one.comparisons)
    table.add_row("", *results)
    console.print(table)
    note = f"The reference used the weights of {one.comparisons[0].weights}."
    loose = [row.precision for row in one.comparisons if len(row.held) < len(row.largest)]
    if loose:
        note += f" For {', '.join(loose)}, only the probability must be within the tolerance."
    console.print(note, style="dim", markup=False, soft_wrap=True)
