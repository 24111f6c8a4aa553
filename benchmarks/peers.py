"""Compare Sentiline with other sentiment classifiers: accuracy on IMDB's test reviews, and speed with all cores.

VADER, TextBlob, tf-idf and naive Bayes with logistic regression, fastText and a transformer of DistilBERT's size, from
raw text to label on the same reviews in the same run. docs/peers.md describes the method.

With --short, or files in SHORT_TEXTS, a second table and picture compare them on short texts, such as tweets.

Usage: IMDB_ARCHIVE=… python -m benchmarks.peers --output docs/images/peers.png [--page docs/peers.md] [--quick]
       [--short tweets.tsv.gz --short sentences.tsv.gz --short-output docs/images/peers-short.png [--short-only]]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from benchmarks.lib.frontier import Point, draw, frontier
from benchmarks.lib.process_pool import ScorerPool
from benchmarks.lib.rounds import interleave, ratio
from benchmarks.lib.short_texts import VARIABLE, ShortTexts, draw_short, files_from_environment, load_short_texts
from benchmarks.lib.systems import (
    PythonSystem,
    System,
    lexicon_systems,
    ngram_classifiers,
    sentiline_models,
    transformers,
)
from benchmarks.lib.tables import Table, add_options, machine, publish, replace_block
from sentiline.cpus import available_cpus
from sentiline.tokenizer import words
from training.data import imdb
from training.data.review import Review

# packages that the development environment lacks
PACKAGES = {"VADER": "vaderSentiment", "TextBlob": "textblob", "fastText": "fasttext"}

ZOO = ("bigru", "gru", "lstm")
BEGIN, END = "<!-- benchmarks.peers begins -->", "<!-- benchmarks.peers ends -->"
SHORT_BEGIN, SHORT_END = (f"<!-- benchmarks.peers, short texts, {place} -->" for place in ("begins", "ends"))


def main() -> None:
    options = parse()
    missing = [name for name, package in PACKAGES.items() if find_spec(package) is None]
    if missing and not options.skip_missing:
        raise SystemExit(
            f"error: not installed: {', '.join(missing)}. Run: pip install -r requirements/bench.txt, "
            f"or leave them out with --skip-missing"
        )
    about = machine()
    train, validation, test = reviews(options)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ngrams = ngram_classifiers(folder, train, validation, without=missing)
        lexical = lexicon_systems(without=missing)
        sources = {one.name: one.source for one in (*lexical, *ngrams)}
        pool = stack.enter_context(ScorerPool(sources, available_cpus()))
        ours = sentiline_models(stack, options.model, ZOO)
        if options.short:
            report_short(options, about, ours, (*lexical, *ngrams), pool, missing)
        if options.short_only:
            return
        slow = transformers(folder, [review.text for review in train], tiny=options.quick)
        measured = [*ours, *(one.in_pool(pool, validation) for one in (*lexical, *ngrams))]
        progress(f"accuracy on {len(test):,} reviews")
        for system in measured:
            system.measure_accuracy(test)
        texts = [review.text for review in test]
        texts = random.Random(2).sample(texts, min(options.reviews, len(texts)))
        few = spread(texts, options.slow)
        turns = {one.name: one.turn(few if one.kind == "transformer" else texts) for one in (*measured, *slow)}
        progress(f"{options.rounds} rounds on {len(texts):,} reviews")
        speeds = interleave(turns, options.rounds)
    report(options, about, [*measured, *slow], speeds, missing, (len(test), len(texts), len(few)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--reviews", type=int, help="reviews per round; default 4000")
    parser.add_argument("--slow", type=int, help="reviews per round for the transformer; default 64")
    parser.add_argument("--rounds", type=int, help="interleaved rounds; default 7")
    parser.add_argument("--test", type=int, help="test reviews to measure accuracy on; default all")
    parser.add_argument("--fit", type=int, help="train reviews to fit the n-gram classifiers on; default all")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few reviews and a tiny transformer; the figures mean nothing",
    )
    parser.add_argument("--skip-missing", action="store_true", help="leave out systems that are not installed")
    parser.add_argument("--output", type=Path, help="PNG file for the plot")
    parser.add_argument("--page", type=Path, help="Markdown page whose text between two markers is replaced")
    parser.add_argument(
        "--short",
        type=Path,
        action="append",
        help=f"tab-separated file of short texts with the columns label and text; may be repeated; default {VARIABLE}",
    )
    parser.add_argument("--short-output", type=Path, help="PNG file for the plot of the short texts")
    parser.add_argument("--short-only", action="store_true", help="compare on the short texts only")
    options = parser.parse_args()
    defaults = {"reviews": 4000, "slow": 64, "rounds": 7, "test": None, "fit": None}
    if options.quick:
        defaults = {"reviews": 120, "slow": 8, "rounds": 2, "test": 400, "fit": 1000}
    for name, value in defaults.items():
        given = getattr(options, name)
        if given is not None and given < 1:
            parser.error(f"--{name} is {given}; it must be at least 1")
        setattr(options, name, value if given is None else given)
    options.short = options.short or files_from_environment()
    if options.short_only and not options.short:
        parser.error(f"--short-only needs --short, or files in {VARIABLE}")
    if options.page is not None and options.short and options.short_output is None:
        parser.error("--page includes the plot of the short texts, so it needs --short-output")
    if options.page is not None and options.output is None and not options.short_only:
        parser.error("--page includes the plot, so it needs --output")
    return options


def reviews(options: argparse.Namespace) -> tuple[list[Review], list[Review], list[Review]]:
    """Load the train, validation and test reviews, or random samples of them; train and validation share no film."""
    progress("reading the archive")
    train, validation = imdb.split(imdb.load(options.archive).train)
    test = list(imdb.load_test(options.archive, final_evaluation=True))
    chance = random.Random(1)
    if options.fit is not None:
        validation = chance.sample(validation, min(len(validation), options.fit // 4 + 2))
        train = chance.sample(train, min(len(train), options.fit))
    if options.test is not None:
        test = chance.sample(test, min(len(test), options.test))
    return train, validation, test


def spread(texts: Sequence[str], count: int) -> list[str]:
    """Select texts evenly by length, so that their mean length is that of all texts."""
    order = sorted(texts, key=len)
    count = min(count, len(order))
    return [order[int((place + 0.5) * len(order) / count)] for place in range(count)]


def progress(step: str) -> None:
    print(f"{step} …", file=sys.stderr, flush=True)


def report(
    options: argparse.Namespace,
    about: str,
    systems: Sequence[System],
    speeds: Mapping[str, list[float]],
    missing: Sequence[str],
    counts: tuple[int, int, int],
) -> None:
    """Print and write the results."""
    tested, read, few = counts
    base = systems[0].name
    points = {one.name: one.point(speeds[one.name]) for one in systems}
    best = frontier(points)
    ranked = sorted(systems, key=lambda one: -points[one.name].speed)
    rows = [row(one, points[one.name], ratio(speeds[one.name], speeds[base])) for one in ranked]
    parts: list[str | Table] = [
        f"Accuracy on {tested:,} test reviews with its 95 % interval; speed on {read:,} of them ({few} for the "
        f"transformer), median of {options.rounds} interleaved rounds; {about}.",
        Table(
            [
                "",
                "accuracy, %",
                "reviews/s",
                "slowest to fastest round",
                f"speed, {base} = 1",
                "MB on disk",
                "training, s",
            ],
            rows,
        ),
        f"On the frontier, from the fastest: {', '.join(best)}. " + summary(systems, speeds, base),
        *(note for note in [notes(systems)] if note),
    ]
    if missing:
        parts.append(f"Left out, since they are not installed: {', '.join(missing)}.")
    if options.quick:
        parts.append("Tried with --quick: these figures mean nothing.")
    figures = {
        "machine": about,
        "test_reviews": tested,
        "reviews_a_round": read,
        "reviews_a_round_transformer": few,
        "base": base,
        "frontier": best,
        "left_out": list(missing),
        "contenders": {
            one.name: asdict(points[one.name])
            | {"rounds": speeds[one.name], "ratio": ratio(speeds[one.name], speeds[base])}
            | {"bytes": one.size, "training_seconds": one.seconds, "chosen": one.chosen}
            for one in systems
        },
    }
    publish(parts, figures, options)
    if options.output:
        draw(points, base, f"{tested:,} test reviews, {about.split(' (')[0]}", options.output)
    if options.page:
        link = os.path.relpath(options.output.resolve(), options.page.resolve().parent)
        replace_block(
            options.page, BEGIN, END, [*parts, f"![Accuracy on IMDB's test reviews against reviews per second]({link})"]
        )


def report_short(
    options: argparse.Namespace,
    about: str,
    ours: Sequence[System],
    others: Sequence[PythonSystem],
    pool: ScorerPool,
    missing: Sequence[str],
) -> None:
    """Measure accuracy and speed on every set of short texts, and print and write the results."""
    base = ours[0].name
    points: dict[str, dict[str, Point]] = {}
    ratios: dict[str, dict[str, float]] = {}
    described = []
    for path in options.short:
        short: ShortTexts = load_short_texts(path, options.reviews)
        systems = [*ours, *(one.in_pool(pool, short.validation) for one in others)]
        progress(f"{short.name}: {len(short.test):,} texts")
        for system in systems:
            system.measure_accuracy(short.test)
        texts = [review.text for review in short.test]
        speeds = interleave({one.name: one.turn(texts) for one in systems}, options.rounds)
        points[short.name] = {one.name: one.point(speeds[one.name]) for one in systems}
        ratios[short.name] = {name: ratio(speeds[name], speeds[base]) for name in speeds}
        tokens = sum(map(len, map(words, texts))) / len(texts)
        described.append(f"{len(texts):,} texts of {short.name} with {tokens:.1f} tokens on average")
    rows = []
    for name in sorted(points[next(iter(points))], key=lambda name: -next(iter(points.values()))[name].speed):
        cells = []
        for dataset, found in points.items():
            point = found[name]
            cells += [f"{point.accuracy:.1f} ± {(point.high - point.low) / 2:.1f}", number(point.speed)]
            cells.append(f"{ratios[dataset][name]:.3g}")
        rows.append([f"**Sentiline {name}**" if points[dataset][name].kind == "Sentiline" else name, *cells])
    columns = [part for name in points for part in (f"{name}: accuracy, %", "texts/s", f"speed, {base} = 1")]
    parts: list[str | Table] = [
        f"{'; '.join(described)}; median of {options.rounds} interleaved rounds; {about}.",
        Table(["", *columns], rows),
    ]
    if missing:
        parts.append(f"Left out, since they are not installed: {', '.join(missing)}.")
    if options.quick:
        parts.append("Tried with --quick: these figures mean nothing.")
    if options.short_only:
        systems_by_set = {
            dataset: {name: asdict(point) for name, point in one.items()} for dataset, one in points.items()
        }
        publish(parts, {"machine": about, "base": base, "ratios": ratios, "contenders": systems_by_set}, options)
    else:  # the files are those of the first comparison
        print("\n\n".join(map(str, parts)))
    if options.short_output:
        draw_short(points, base, about.split(" (")[0], options.short_output)
    if options.page:
        link = os.path.relpath(options.short_output.resolve(), options.page.resolve().parent)
        picture = f"![Accuracy on short texts against texts per second]({link})"
        replace_block(options.page, SHORT_BEGIN, SHORT_END, [*parts, picture])


def row(one: System, point: Point, times: float) -> list[str]:
    """Return the cells of a system."""
    if point.quoted:
        accuracy = f"{point.low:.1f} to {point.high:.1f}, quoted"
    else:
        accuracy = f"{point.accuracy:.2f} ± {(point.high - point.low) / 2:.2f}"
    title = f"**Sentiline {one.name}**" if one.kind == "Sentiline" else one.name
    speed = [number(point.speed), f"{number(point.slowest)} to {number(point.fastest)}", f"{times:.3g}"]
    return [title, accuracy, *speed, f"{one.size / 1e6:.1f}", "" if one.seconds is None else f"{one.seconds:,.0f}"]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def summary(systems: Sequence[System], speeds: Mapping[str, list[float]], base: str) -> str:
    """State how many times as fast as each other system the first one is."""
    others = [one.name for one in systems if one.kind != "Sentiline"]
    times = {name: ratio(speeds[base], speeds[name]) for name in others}
    parts = [
        f"{value:,.0f} times {name}" if value >= 10 else f"{value:.2g} times {name}" for name, value in times.items()
    ]
    return f"The speed of {base} is {', '.join(parts)} (medians of the ratios within a round)."


def notes(systems: Sequence[System]) -> str:
    """List the hyperparameters chosen on the validation part."""
    chosen = [f"{one.name}: {one.chosen}" for one in systems if one.chosen]
    return f"Chosen on the validation part: {'; '.join(chosen)}." if chosen else ""


if __name__ == "__main__":
    main()
