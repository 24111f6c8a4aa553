"""`sentiline models`: lists the installed models and checks their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sentiline.bundle import MODELS_VARIABLE, find_by_name, installed, search_path
from sentiline.cli.main import EXIT_CODES
from sentiline.errors import BundleCorruptError

HELP = f"""
List the models that can be loaded by name, and check that their files are intact.

Models are looked up in the folders that {MODELS_VARIABLE} names (separated as in PATH), then among those installed with
the package, then in the folder `models` of a source checkout. The exit code is 1 if a model is damaged, or if there is
no model.

\b
Examples:
  sentiline models
  sentiline models --json
"""


@click.command(help=HELP, epilog=EXIT_CODES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(as_json: bool) -> None:
    """List and check the models, and print the table or JSON."""
    entries = [describe(name, path) for name, path in installed().items()]
    if as_json:
        click.echo(json.dumps({"models": entries}, ensure_ascii=False, indent=2).encode())
    else:
        _show(entries)
    if not entries or any(entry["error"] for entry in entries):
        click.get_current_context().exit(1)


def describe(name: str, path: Path) -> dict[str, Any]:
    """Describe an installed model in plain values; `error` is None if its files are intact."""
    entry: dict[str, Any] = {"name": name, "path": str(path), "error": None}
    try:
        bundle = find_by_name(name)
        bundle.verify()
        tokenizer = bundle.tokenizer()
    except BundleCorruptError as error:
        return entry | {"error": str(error)}
    manifest, document = bundle.manifest, bundle.manifest.document
    test = _table(_table(document, "metrics"), "test")
    return entry | {
        "version": manifest.version,
        "summary": document.get("summary"),
        "parameters": _table(document, "architecture").get("parameters"),
        "vocabulary": len(tokenizer.vocabulary),
        "max_tokens": tokenizer.max_tokens,
        "uncertainty": None if manifest.uncertainty is None else manifest.uncertainty.as_dict(),
        **({} if manifest.cut_points is None else {"neutral": manifest.cut_points.as_dict()}),
        "default_precision": manifest.default_precision,
        "precisions": {
            precision: {"bytes": manifest.files[file].size, "test_accuracy": _table(test, precision).get("accuracy")}
            for precision, file in manifest.precisions.items()
        },
    }


def _table(document: Any, key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _show(entries: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not entries:
        folders = ", ".join(map(str, search_path())) or "no folder, since none exists"
        console.print(f"No models installed. Looked in: {folders}", markup=False, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("model", "version", "precision"):
        table.add_column(title, no_wrap=True)
    for title in ("size", "test accuracy", "parameters"):
        table.add_column(title, justify="right", no_wrap=True)
    for entry in entries:
        if entry["error"]:
            table.add_row(Text(entry["name"]), Text("damaged", style="bold red"))
            continue
        for row, (precision, facts) in enumerate(entry["precisions"].items()):
            table.add_row(
                Text(entry["name"] if row == 0 else ""),
                Text(entry["version"] if row == 0 else ""),
                precision + (" *" if precision == entry["default_precision"] else ""),
                f"{facts['bytes'] / 1e6:.1f} MB",
                "-" if facts["test_accuracy"] is None else f"{facts['test_accuracy']:.2f} %",
                "-" if entry["parameters"] is None else f"{entry['parameters']:,}",
            )
    console.print(table)
    console.print("* the default precision", style="dim", markup=False)
    for entry in entries:  # paths and errors are long: below the table, never cut
        console.print(f"{entry['name']}: {entry['error'] or entry['path']}", markup=False, soft_wrap=True)
