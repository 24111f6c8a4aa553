"""Measure the cost of a training step of the flagship and of the pre-training against the arithmetic it needs.

The steps are those of `python -m training` on IMDB training reviews; the arithmetic is counted from shapes and compared
with the best matrix product that any of the processes reached just before. Each setting of TensorFlow's threads has its
own process (`benchmarks.lib.training_steps`). Nothing else should run at the same time.

Usage: IMDB_ARCHIVE=… python -m benchmarks.training [--steps 8] [--markdown FILE] [--json FILE]
In parts: … --ids IDS.npz --only default --cases fit --known FILE.json --json FILE.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.tables import Table, add_options, machine, publish
from sentiline.bundle import find
from training.config.small_data import SMALL_BATCH
from training.data import imdb
from training.data.dataset import encode

LAYER_KINDS = {"float32": "float32", "bfloat16": "bfloat16", "keras": "float32, as Keras computes it"}
LAYERS = tuple(f"layer-{units}-{kind}" for units in (64, 128, 256) for kind in LAYER_KINDS)
# The threads per op, the number of parallel ops (0 for all), and the cases timed with them.
PROCESSES: Mapping[str, tuple[int, int, Sequence[str]]] = {
    "default": (
        0,
        0,
        (
            *("fit", "fit-keras", "fit-bfloat16", "fit-unbucketed", "fit-eager", "few", "few-keras"),
            *("pretrain-bfloat16", "pretrain-float32", "pretrain-keras"),
            *LAYERS,
        ),
    ),
    "1 thread an op, 2 side by side": (1, 2, ("fit", "fit-keras", "few", "few-keras", "pretrain-float32")),
    "1 thread": (1, 1, ("fit", "few", "pretrain-float32")),
    "XLA": (0, 0, ("fit-xla", "pretrain-xla")),
}

NAMES = {
    "fit": "as it is",
    "fit-keras": "LSTM as Keras computes it",
    "fit-bfloat16": "products in bfloat16",
    "fit-unbucketed": "batches as they come",
    "fit-eager": "eager",
    "fit-xla": "compiled by XLA",
    "few": "few texts, as it is",
    "few-keras": "few texts, LSTM as Keras computes it",
    "pretrain-bfloat16": "bfloat16",
    "pretrain-float32": "float32",
    "pretrain-keras": "float32, LSTM as Keras computes it",
    "pretrain-xla": "bfloat16, compiled by XLA",
}


def write_ids(path: Path, archive: Path | None, model: str, reviews: int) -> None:
    """Write the token ids of IMDB training reviews, encoded by the tokenizer of a bundle."""
    tokenizer = find(model).tokenizer()
    train, _ = imdb.split(imdb.load(archive).train)
    chosen = np.random.default_rng(0).permutation(len(train))[:reviews]
    found = encode([train[index] for index in chosen], tokenizer)
    np.savez(path, ids=np.concatenate(found.ids), lengths=found.lengths, words=len(tokenizer.vocabulary))


def chosen(name: str, beginnings: Sequence[str]) -> list[str]:
    """Return the cases of a process whose names start with one of the prefixes."""
    return [case for case in PROCESSES[name][2] if case.startswith(tuple(beginnings))]


def run_process(name: str, ids: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run one process and return its figures."""
    intra, inter, _ = PROCESSES[name]
    command = [sys.executable, "-m", "benchmarks.lib.training_steps", ids, "--intra", intra, "--inter", inter]
    command += ["--steps", options.steps, "--fit", options.fit, "--pretrain", options.pretrain]
    command += chosen(name, options.cases)
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([str(part) for part in command], env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def best_products(found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the operations per second of the best matrix product by dtype, over all thread settings."""
    return {dtype: max(figures["peak"][dtype] for figures in found.values()) for dtype in ("float32", "bfloat16")}


def table(found: Mapping[str, Mapping[str, Any]], kind: str, base: str) -> Table:
    """Return a table of the steps of one kind, with costs per token relative to the base case with default threads."""
    rows, costs, best = [], {}, best_products(found)
    for process, figures in found.items():
        for case, figure in figures["cases"].items():
            if case.startswith(kind):
                seconds = sum(figure["seconds"])
                costs[process, case] = seconds / figure["tokens"]
                rate, peak = figure["operations"] / seconds, best[figure["dtype"]]
                cells = [f"{1e6 * costs[process, case]:.2f}", _ratio(costs, process, case, base), f"{rate / 1e9:.0f}"]
                cells += [f"{100 * rate / peak:.0f} %", f"{figure['first']:.1f}"]
                threads = "" if process in ("default", "XLA") else f", {process}"
                rows.append([NAMES[case] + threads, *cells])
    return Table(["", "µs a token", "cost", "Gop/s", "of the best product", "first step, s"], rows)


def _ratio(costs: Mapping[tuple[str, str], float], process: str, case: str, base: str) -> str:
    return f"{costs[process, case] / costs['default', base]:.2f}" if ("default", base) in costs else "-"


def layers(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of one LSTM layer by units: 10⁹ operations per second, and the share of the best product."""
    rows, best = [], best_products(found)
    for units in (64, 128, 256):
        cells = []
        for kind in LAYER_KINDS:
            figure = found["default"]["cases"][f"layer-{units}-{kind}"]
            rate = figure["operations"] / sum(figure["seconds"])
            cells.append(f"{rate / 1e9:.0f} ({100 * rate / best[figure['dtype']]:.0f} %)")
        rows.append([str(units), *cells])
    return Table(["units", *LAYER_KINDS.values()], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--steps", type=int, default=8, help="number of steps per case")
    parser.add_argument("--reviews", type=int, default=25_000, help="number of training reviews to form batches from")
    parser.add_argument("--only", nargs="+", choices=list(PROCESSES), default=list(PROCESSES))
    parser.add_argument("--fit", default="{}", help="fields of the plain recipe to change, as JSON")
    parser.add_argument("--pretrain", default="{}", help="fields of the pre-training's recipe to change, as JSON")
    parser.add_argument("--known", type=Path, help="JSON file of an earlier run to add to")
    parser.add_argument(
        "--cases", nargs="+", default=["fit", "few", "pretrain", "layer"], help="prefixes of the names of the cases"
    )
    parser.add_argument("--ids", type=Path, help="file for the token ids; an existing file is reused")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        ids = options.ids or Path(folder, "ids.npz")
        if not ids.exists():
            write_ids(ids, options.archive, options.model, options.reviews)
        known = json.loads(options.known.read_text()) if options.known else {}
        found = {}
        for name in PROCESSES:
            figures = known.get(name, {"cases": {}})
            if name in options.only and chosen(name, options.cases):
                new = run_process(name, ids, options)
                figures = new | {"cases": figures["cases"] | new["cases"]}
            if figures["cases"]:
                found[name] = figures
    publish(_parts(found, options), found, options)


def _parts(found: Mapping[str, Mapping[str, Any]], options: argparse.Namespace) -> list[str | Table]:
    peaks = ", ".join(f"{rate / 1e9:.0f} in {dtype}" for dtype, rate in best_products(found).items())
    shares = next(iter(found.values()))["padding"]
    parts: list[str | Table] = [
        f"{options.steps} steps of each case, fewer where compiled by XLA or eager; {machine()}. The best product of "
        f"1,536 x 1,536 matrices reached {peaks}, in thousand million operations a second (Gop/s).",
        "The fit:",
        table(found, "fit", "fit"),
        f"Padding is {100 * shares['bucketed']:.1f} % of the timesteps of an epoch, and would be "
        f"{100 * shares['as they come']:.1f} % in batches as they come.",
        f"The fit of few texts from an encoder, of four times the units and in batches of {SMALL_BATCH}:",
        table(found, "few", "few"),
        "The pre-training:",
        table(found, "pretrain", "pretrain-bfloat16"),
    ]
    if "default" in found and set(LAYERS) <= set(found["default"]["cases"]):
        parts += ["One LSTM layer alone, forward and backward, 64 texts of 200 tokens, in Gop/s:", layers(found)]
    return parts


if __name__ == "__main__":
    main()
