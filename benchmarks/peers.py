"""Sentiline against what else labels English reviews: accuracy on IMDB's test reviews, and speed with all cores.

VADER, TextBlob, tf-idf and naive Bayes with logistic regression, fastText and a transformer of DistilBERT's size, from
raw text to label on the same reviews in the same run. docs/peers.md says how and why so.

Usage: IMDB_ARCHIVE=… python -m benchmarks.peers --output docs/images/peers.png [--page docs/peers.md] [--quick]
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
from typing import Any

from benchmarks.lib.frontier import Point, draw, frontier
from benchmarks.lib.process_pool import Crew
from benchmarks.lib.rounds import interleave, ratio
from benchmarks.lib.systems import Contender, bags, lexicons, models, transformers
from benchmarks.lib.tables import Table, add_options, machine, publish
from sentiline.cpus import available_cpus
from training.data import imdb
from training.data.review import Review

PACKAGES = {"VADER": "vaderSentiment", "TextBlob": "textblob", "fastText": "fasttext"}
"""What a peer needs that the development environment lacks."""

ZOO = ("bigru", "gru", "lstm")
BEGIN, END = "<!-- benchmarks.peers begins -->", "<!-- benchmarks.peers ends -->"


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
        fitted = bags(folder, train, validation, without=missing)
        lexical = lexicons(without=missing)
        sources = {peer.name: peer.source for peer in (*lexical, *fitted)}
        crew = stack.enter_context(Crew(sources, available_cpus()))
        slow = transformers(folder, [review.text for review in train], tiny=options.quick)
        ours = models(stack, options.model, ZOO)
        measured = [*ours, *(peer.contender(crew, validation) for peer in (*lexical, *fitted))]
        progress(f"accuracy on {len(test):,} reviews")
        for contender in measured:
            contender.judge(test)
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
    parser.add_argument("--reviews", type=int, help="in a round; default 4000")
    parser.add_argument("--slow", type=int, help="of them, those that the transformer reads; default 64")
    parser.add_argument("--rounds", type=int, help="default 7")
    parser.add_argument("--test", type=int, help="test reviews to measure accuracy on; default all")
    parser.add_argument("--fit", type=int, help="train reviews to fit peers on; default all")
    parser.add_argument(
        "--quick", action="store_true", help="few reviews and a tiny transformer: the figures mean nothing"
    )
    parser.add_argument("--skip-missing", action="store_true", help="leave out, and name, peers that are not installed")
    parser.add_argument("--output", type=Path, help="file for the picture")
    parser.add_argument("--page", type=Path, help="document between whose two marks table and picture go")
    options = parser.parse_args()
    defaults = {"reviews": 4000, "slow": 64, "rounds": 7, "test": None, "fit": None}
    if options.quick:
        defaults = {"reviews": 120, "slow": 8, "rounds": 2, "test": 400, "fit": 1000}
    for name, value in defaults.items():
        given = getattr(options, name)
        if given is not None and given < 1:
            parser.error(f"--{name} is {given}; it must be at least 1")
        setattr(options, name, value if given is None else given)
    if options.page is not None and options.output is None:
        parser.error("--page shows the picture, so it needs --output")
    return options


def reviews(options: argparse.Namespace) -> tuple[list[Review], list[Review], list[Review]]:
    """Train and validation parts, which share no film, and test; random ones where fewer are wanted."""
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
    """That many of the texts, evenly by length, so that they are as long on average."""
    order = sorted(texts, key=len)
    count = min(count, len(order))
    return [order[int((place + 0.5) * len(order) / count)] for place in range(count)]


def progress(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def report(
    options: argparse.Namespace,
    about: str,
    contenders: Sequence[Contender],
    speeds: Mapping[str, list[float]],
    missing: Sequence[str],
    counts: tuple[int, int, int],
) -> None:
    """Print and write what was found."""
    tested, read, few = counts
    base = contenders[0].name
    points = {one.name: one.point(speeds[one.name]) for one in contenders}
    best = frontier(points)
    ranked = sorted(contenders, key=lambda one: -points[one.name].speed)
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
        f"On the frontier, from the fastest: {', '.join(best)}. " + summary(contenders, speeds, base),
        *(note for note in [notes(contenders)] if note),
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
            for one in contenders
        },
    }
    publish(parts, figures, options)
    if options.output:
        draw(points, base, f"{tested:,} test reviews, {about.split(' (')[0]}", options.output)
    if options.page:
        link = os.path.relpath(options.output.resolve(), options.page.resolve().parent)
        fill(options.page, [*parts, f"![Accuracy on IMDB's test reviews against reviews a second]({link})"])


def row(one: Contender, point: Point, times: float) -> list[str]:
    """The cells of a contender."""
    if point.quoted:
        accuracy = f"{point.low:.1f} to {point.high:.1f}, quoted"
    else:
        accuracy = f"{point.accuracy:.2f} ± {(point.high - point.low) / 2:.2f}"
    title = f"**Sentiline {one.name}**" if one.kind == "Sentiline" else one.name
    speed = [number(point.speed), f"{number(point.slowest)} to {number(point.fastest)}", f"{times:.3g}"]
    return [title, accuracy, *speed, f"{one.size / 1e6:.1f}", "" if one.seconds is None else f"{one.seconds:,.0f}"]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def summary(contenders: Sequence[Contender], speeds: Mapping[str, list[float]], base: str) -> str:
    """How many times as fast the first contender is as the peers."""
    peers = [one.name for one in contenders if one.kind != "Sentiline"]
    times = {name: ratio(speeds[base], speeds[name]) for name in peers}
    told = [
        f"{value:,.0f} times {name}" if value >= 10 else f"{value:.2g} times {name}" for name, value in times.items()
    ]
    return f"The speed of {base} is {', '.join(told)} (medians of the ratios within a round)."


def notes(contenders: Sequence[Contender]) -> str:
    """What was chosen on the validation part."""
    chosen = [f"{one.name}: {one.chosen}" for one in contenders if one.chosen]
    return f"Chosen on the validation part: {'; '.join(chosen)}." if chosen else ""


def fill(page: Path, parts: Sequence[Any]) -> None:
    """Put the parts between the marks of a page.

    Raises:
        SystemExit: it has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"error: {page} must hold {BEGIN} and {END} once each")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    partial = page.with_name(page.name + ".partial")
    partial.write_text("\n\n".join([before + BEGIN, *map(str, parts), END + after]), encoding="utf-8")
    partial.replace(page)


if __name__ == "__main__":
    main()
