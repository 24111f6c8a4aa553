"""Print the steps from a plain BiLSTM to the flagship as one table, from the run folders of `make flagship`.

`python -m benchmarks.ablation runs/bilstm-plain runs/bilstm-teacher runs/ngrams runs/bilstm --markdown ablation.md`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.lib.tables import Table, add_options, machine, publish
from training.supervised.run_folder import Run


def fit_row(run: Run) -> list[str]:
    """Return the row of a fit: its name, parameters, minutes, and accuracy on validation and, if measured, on test."""
    config, data = run.read_config()
    history = run.read_log()
    best = min(history, key=lambda epoch: epoch["validation_loss"])
    manifest: dict[str, Any] = {}
    for path in (run.bundle / config.name / "manifest.json", Path("models", config.name, "manifest.json")):
        if path.exists():
            manifest = json.loads(path.read_text(encoding="utf-8"))
            break
    start = [name for name in ("encoder", "fitted", "targets") if name in data]
    names = ["a fit" if name == "fitted" else name for name in start]
    step = config.name + (f", from {' and '.join(names)}" if start else "")
    parameters = manifest.get("architecture", {}).get("parameters")
    test = manifest.get("metrics", {}).get("test", {}).get(manifest.get("default_precision", ""), {})
    return [
        step,
        f"{parameters:,}" if parameters else "",
        _minutes(sum(epoch["seconds"] for epoch in history)),
        f"{100 * best['validation_accuracy']:.2f}",
        f"{best['validation_loss']:.4f}",
        f"{test['accuracy']:.2f} ± {test['interval']:.2f}" if test else "not read",
    ]


def _minutes(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.1f}" if minutes < 2 else f"{minutes:.0f}"


def ngram_row(folder: Path) -> list[str]:
    """Return the row of the n-gram classifier."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    figures = report["validation"]
    accuracy, loss = 100 * figures["accuracy"], figures["cross_entropy"]
    return ["n-grams", f"{report['ngrams']:,}", "", f"{accuracy:.2f}", f"{loss:.4f}", "not read"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, in the order of the table")
    add_options(parser)
    options = parser.parse_args(arguments)
    rows = [ngram_row(path) if (path / "report.json").exists() else fit_row(Run(path)) for path in options.runs]
    headings = ["step", "parameters", "minutes", "validation, %", "cross-entropy", "test, %"]
    figures = {"columns": headings, "rows": rows}
    publish([Table(headings, rows), f"Wall-clock minutes of the fits; {machine()}."], figures, options)


if __name__ == "__main__":
    main()
