"""Measure accuracy by the number of labels, without initial weights and from one or several of them.

For every count and seed, that many IMDB training reviews, half of each class, are the only labels. A model is fitted to
them as by `python -m training fit bilstm --data FILE`, without and with --init: a tenth is held out to choose the
epoch, and a fit from initial weights ends after at most 700 steps. The accuracy is that on the film-disjoint validation
part, on which nothing is chosen. With --data, the reviews are those of labelled files of your own, in their own
proportion of classes, and the accuracy is that on a fifth of them. Fits take long: each result is a line of a file, and
fits that already have one with the same recipe and initial weights are skipped. An interrupted fit resumes from its
checkpoint.

Usage: IMDB_ARCHIVE=… python -m benchmarks.label_counts [--init bilstm encoder] [--results FILE.jsonl]
       [--data FILE --text-column text --label-column label --labels auto]
       [--counts 100 300 1000 3000 22489] [--seeds 0 1 2] [--only plain] [--fit '{"epochs": 4}'] [--picture FILE.png]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.lib.tables import Table, machine
from sentiline.atomic_write import write_atomically
from sentiline.wilson import wilson
from training.bundle.publish import load_best
from training.config.fit import FitConfig
from training.config.presets import BILSTM
from training.config.small_data import enough_steps
from training.data import imdb, labelled_file
from training.data.dataset import encode
from training.data.review import Review
from training.nn import backend
from training.nn.encoder import Encoder
from training.nn.initial_weights import InitialWeights
from training.plotting import STYLE, TRAIN, VALIDATION, png
from training.run.progress import FitProgress
from training.supervised.fit import fit
from training.supervised.fit_data import FitData, with_initial_weights
from training.supervised.run_folder import Run
from training.supervised.trainer import Trainer
from training.supervised.warm_start import load_initial_weights

COUNTS = (100, 300, 1_000, 3_000, 22_489)
ARMS = {"plain": "without the encoder", "init": "from the encoder"}
# The limit of a fit from the encoder, whose 256 units cost eight times as much as 64: all labels would take hours.
MOST_STEPS = 700

COLORS = (TRAIN, VALIDATION, "#4c956c")

# Larger counts take longest, so they only use the first seed.
SEVERAL_DRAWS = 300


def draw_reviews(train: Sequence[Review], count: int, seed: int) -> list[Review]:
    """Return `count` reviews (or all) with alternating classes; a smaller count gives the beginning of a larger one."""
    order = np.random.default_rng([seed, 1]).permutation(len(train))
    sides = [[train[index] for index in order if train[index].label == label] for label in (0, 1)]
    paired = [review for pair in zip(*sides, strict=False) for review in pair]
    return paired[:count] if count <= len(paired) else list(train)


def draw_in_proportion(train: Sequence[Review], count: int, seed: int) -> list[Review]:
    """Return `count` reviews (or all) as they come; a smaller count gives the beginning of a larger one."""
    order = np.random.default_rng([seed, 1]).permutation(len(train))[:count]
    return [train[index] for index in order]


def hold_out(reviews: Sequence[Review], start: InitialWeights | None, digests: Mapping[str, str]) -> FitData:
    """Split labelled reviews as by `fit --data`, ignoring their films: a tenth is for choosing the epoch."""
    nameless = [dataclasses.replace(review, film=None) for review in reviews]
    train, validation = labelled_file.split(nameless, fraction=BILSTM.validation, seed=BILSTM.split_seed)
    description = {"name": "imdb", "training_reviews": len(train), "validation_reviews": len(validation)}
    return with_initial_weights(FitData(train, validation, (), {**description, "sha256": dict(digests)}), start, None)


def recipe(arm: str, labels: int, seed: int, units: int, changes: Mapping[str, Any]) -> FitConfig:
    """Return the recipe of `fit bilstm` for a number of labels; from the encoder with fewer epochs for `MOST_STEPS`."""
    config = dataclasses.replace(BILSTM, name=f"labels-{labels}", seed=seed, units=units)
    config = enough_steps(config, labels, from_layers=arm == "init")
    if arm == "init":
        most = max(1, MOST_STEPS // math.ceil(labels / config.batch_size))
        config = dataclasses.replace(config, epochs=min(config.epochs, most))
    return dataclasses.replace(config, **changes)


def measure_accuracy(
    run: Run, config: FitConfig, data: FitData, reviews: Sequence[Review], progress: FitProgress
) -> float:
    """Fit, or resume an interrupted fit, and return the accuracy of its best epoch in percent."""
    fit(config, data, run, resume=True, progress=progress)
    tokenizer = run.read_tokenizer()
    model = load_best(run, config, tokenizer)
    _, accuracy = Trainer(config, model, 1).evaluate(encode(reviews, tokenizer))
    return 100 * accuracy


def read_results(path: Path) -> list[dict[str, Any]]:
    """Read the results so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def results_table(results: Sequence[Mapping[str, Any]], arms: Mapping[str, str] = ARMS) -> Table:
    """Return the mean, lowest and highest accuracy over the seeds, by count and arm."""
    rows = []
    for count in sorted({result["labels"] for result in results}):
        cells = []
        for arm in arms:
            found = [result["accuracy"] for result in results if (result["labels"], result["arm"]) == (count, arm)]
            span = f" ({min(found):.2f}…{max(found):.2f})" if len(found) > 1 else ""
            cells.append(f"{np.mean(found):.2f}{span}" if found else "-")
        rows.append([f"{count:,}", *cells])
    return Table(["labels", *(f"{name}, %" for name in arms.values())], rows)


def plot_results(results: Sequence[Mapping[str, Any]], arms: Mapping[str, str] = ARMS) -> bytes:
    """Plot accuracy over labels as PNG bytes: one dot per seed, and a line through the means."""
    counts = sorted({result["labels"] for result in results})
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.subplots()
        for number, (arm, name) in enumerate(arms.items()):
            color = COLORS[number % len(COLORS)]
            found = [result for result in results if result["arm"] == arm]
            own = sorted({result["labels"] for result in found})
            means = [np.mean([result["accuracy"] for result in found if result["labels"] == count]) for count in own]
            axes.plot(own, means, color=color, label=name)
            axes.plot(
                [result["labels"] for result in found],
                [result["accuracy"] for result in found],
                linestyle="",
                marker="o",
                markersize=4,
                color=color,
            )
        axes.set_xscale("log")
        axes.set_xticks(counts)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="labelled reviews", ylabel="accuracy on held-out reviews, %")
        axes.legend(frameon=False, loc="lower right")
        return png(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument(
        "--init",
        nargs="+",
        default=["encoder"],
        help="weights to start from, each as of `python -m training fit --init`",
    )
    parser.add_argument("--data", help="labelled files of your own instead of IMDB")
    parser.add_argument("--text-column", default="text", help="column of the texts in --data")
    parser.add_argument("--label-column", default="label", help="column of the labels in --data")
    parser.add_argument("--labels", default="auto", help="meaning of the labels in --data")
    parser.add_argument("--quoting", default="csv", help="none: double quotes in --data are part of the texts")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=list(ARMS), help="run only the fits without or with initial weights")
    parser.add_argument("--units", type=int, default=BILSTM.units, help="preset of the fit without the encoder")
    parser.add_argument("--fit", default="{}", help="fields of the plain recipe to change, as JSON")
    parser.add_argument(
        "--results", type=Path, default=Path("runs/label-counts.jsonl"), help="file with one line per fit"
    )
    parser.add_argument("--picture", type=Path, help="PNG file for the plot")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--threads", type=int, help="TensorFlow threads; default all cores")
    options = parser.parse_args(arguments)
    backend.configure(options.threads)
    starts = {"plain": None} | {name: load_initial_weights(name) for name in options.init if options.only != "plain"}
    arms = _titles(starts)
    if options.only == "init":
        del starts["plain"], arms["plain"]
    if options.data is None:
        archive = imdb.load(options.archive)
        train, reviews = imdb.split(archive.train)
        draw, digests = draw_reviews, dict(archive.digests)
    else:
        columns = {"text_column": options.text_column, "label_column": options.label_column}
        own = labelled_file.load(options.data, labels=options.labels, quoting=options.quoting, **columns)
        train, reviews = labelled_file.split(own.reviews, fraction=0.2)
        draw, digests = draw_in_proportion, {"data": options.data}
    wanted = []
    with FitProgress() as progress:
        for count in sorted(options.counts):
            for seed in options.seeds if count <= SEVERAL_DRAWS else options.seeds[:1]:
                for arm, start in starts.items():
                    data = hold_out(draw(train, count, seed), start, digests)
                    units, way = (options.units, "plain") if start is None else (_units(start), "init")
                    config = recipe(way, len(data.train), seed, units, json.loads(options.fit))
                    result = _result(way, count, config, data, reviews, options.results, progress)
                    wanted.append({**result, "arm": arm})
    low, high = wilson(round(0.9 * len(reviews)), len(reviews))
    warm = " or ".join(title for name, title in arms.items() if name != "plain")
    limit = f"Fits {warm} take at most {MOST_STEPS} steps. " if warm else ""
    page = (
        f"{machine()}. Accuracy on {len(reviews):,} held-out reviews, by which nothing was chosen here: one of 90 % "
        f"has a 95 % interval of ±{50 * (high - low):.1f} points. {limit}"
        f"{_draws(len(options.seeds))}\n\n{results_table(wanted, arms)}\n"
    )
    print(page, end="")
    if options.markdown:
        write_atomically(options.markdown, page.encode())
    if options.picture:
        write_atomically(options.picture, plot_results(wanted, arms))


def _titles(starts: Mapping[str, InitialWeights | None]) -> dict[str, str]:
    """Return what the table calls each way to fit, given its initial weights."""
    found = {
        name: "from the encoder" if isinstance(start, Encoder) else f"from {name}" for name, start in starts.items()
    }
    others = [title.removeprefix("from ") for name, title in found.items() if name != "plain"]
    return found | {"plain": f"without {others[0]}" if len(others) == 1 else "without initial weights"}


def _units(start: InitialWeights) -> int:
    return start.units if isinstance(start, Encoder) else start.config.units


def _draws(seeds: int) -> str:
    if seeds == 1:
        return "One draw of the labels."
    return (
        f"Up to {SEVERAL_DRAWS:,} labels {seeds} draws of them: mean, and the lowest and the highest; above one draw."
    )


def _result(
    arm: str,
    count: int,
    config: FitConfig,
    data: FitData,
    reviews: Sequence[Review],
    path: Path,
    progress: FitProgress,
) -> dict[str, Any]:
    """Return the result of one fit, from the file or measured."""
    weights = data.description.get("encoder", data.description.get("fitted"))
    key = {"arm": arm, "labels": count, "config": config.as_dict(), "encoder": weights}
    if "data" in data.description.get("sha256", {}):  # results of IMDB from before --data lack the key
        key["data"] = data.description["sha256"]["data"]
    for known in read_results(path):
        if {name: known.get(name) for name in {*key, "data"}} == {"data": None, **key}:
            return known
    progress.note(f"{count:,} labels, seed {config.seed}, {arm}")
    run = Run(path.with_suffix("") / f"{arm}-{count}-{config.seed}")
    accuracy = measure_accuracy(run, config, data, reviews, progress)
    result = {**key, "accuracy": accuracy, "reviews": len(reviews), "history": run.read_log()}
    before = "".join(json.dumps(known) + "\n" for known in read_results(path))
    write_atomically(path, (before + json.dumps(result) + "\n").encode())
    shutil.rmtree(run.folder)
    progress.note(f"{count:,} labels, seed {config.seed}, {arm}: {accuracy:.2f} %")
    return result


if __name__ == "__main__":
    main()
