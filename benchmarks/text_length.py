"""Measure what a text costs by its length: every text alone, short texts in batches, and the arithmetic limit.

CPU time of one thread, from raw texts to predictions, on reviews cut to each length, and on the files of SHORT_TEXTS.
docs/speed.md describes the result.

Usage: IMDB_ARCHIVE=… python -m benchmarks.text_length --output docs/images/text-length.png --markdown lengths.md
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import orjson
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.lib.arithmetic import operations, peak
from benchmarks.lib.reviews import sample_reviews
from benchmarks.lib.short_texts import files_from_environment, load_short_texts
from benchmarks.lib.tables import Table, add_options, machine, publish
from sentiline.predictor import Predictor, load
from sentiline.reading import Reading
from training.plotting import INK, STYLE, png

LENGTHS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
ALONE, BATCHES, LIMIT = "every text alone", "short texts in batches", "arithmetic limit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--texts", type=int, default=256, help="texts per length")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds; the best of each counts")
    parser.add_argument("--output", type=Path, help="PNG file for the plot")
    options = parser.parse_args()
    about = machine()
    reviews = sample_reviews(options.archive, options.texts)
    with load(options.model, threads=1) as together, load(options.model, threads=1) as alone:
        alone._graph.short_tokens = 0  # as every text ran before there were batches
        per_token = operations(together.manifest) / peak("fp32" if together.precision == "fp32" else "int8")
        found: dict[int, tuple[float, float, float]] = {}
        for length in LENGTHS:
            texts = [cut for text in reviews if (cut := first_tokens(together, text, length))]
            seconds = best(predictions(alone, together, texts), options.rounds, texts)
            found[length] = (*seconds, 1e6 * per_token * length)
        rows = [row(alone, together, name, texts, options.rounds) for name, texts in sets(options.texts)]
        title = f"{together.manifest.name} {together.manifest.version}, {together.precision}"
    parts: list[str | Table] = [
        f"CPU µs per text, one thread, detail none, lists of {options.texts}, best of {options.rounds} interleaved "
        f"rounds; {title}; {about}; {dot_products()}.",
        Table(
            ["tokens", ALONE, BATCHES, "ratio", LIMIT, "share of the limit"],
            [
                [f"{length}", f"{one:.1f}", f"{many:.1f}", f"{one / many:.2f}", f"{limit:.1f}", f"{limit / many:.0%}"]
                for length, (one, many, limit) in found.items()
            ],
        ),
    ]
    if rows:
        columns = ["", "tokens", "none: µs alone", "in batches", "ratio", "timesteps: µs alone", "in batches", "ratio"]
        parts.append(Table(columns, rows))
    publish(parts, {"machine": about, "microseconds": {str(length): times for length, times in found.items()}}, options)
    if options.output:
        draw(found, f"{title}, {about.split(' (')[0]}", options.output)


def predictions(alone: Predictor, together: Predictor, texts: Sequence[str]) -> list[Callable[[], object]]:
    """Return the works to compare: a reading and a prediction per text, one text per run; and in batches."""
    return [
        lambda: [reading.prediction() for reading in alone.read(texts, spans=False)],
        lambda: together.predict(texts),
    ]


def first_tokens(predictor: Predictor, text: str, count: int) -> str:
    """Return the text up to its token of that number; empty if it has fewer."""
    ends = predictor.tokenizer.split(text)[1][1]
    return text[: ends[count - 1]] if len(ends) >= count else ""


def best(works: Sequence[Callable[[], object]], rounds: int, texts: Sequence[str]) -> list[float]:
    """Return the least CPU time of each work in µs per text; they take turns."""
    least = [float("inf")] * len(works)
    for _ in range(rounds):
        for index, work in enumerate(works):
            started = time.process_time()
            work()
            least[index] = min(least[index], time.process_time() - started)
    return [1e6 * seconds / len(texts) for seconds in least]


def sets(count: int) -> list[tuple[str, list[str]]]:
    """Return the name and texts of each file of SHORT_TEXTS."""
    found = [load_short_texts(path, 4 * count) for path in files_from_environment()]
    return [(one.name, [review.text for review in one.test]) for one in found]


def row(alone: Predictor, together: Predictor, name: str, texts: list[str], rounds: int) -> list[str]:
    """Return the cells of one set of texts."""
    texts = [text for text in texts if not isinstance(together.read_each([text], spans=False)[0], Exception)]
    lengths = together.columns(texts).tokens_used

    def serialize(reading: Reading) -> orjson.Fragment:
        return orjson.Fragment(orjson.dumps(reading.as_dict("timesteps")))

    cells = [name, f"{lengths.mean():.1f}"]
    none = predictions(alone, together, texts)
    steps = [lambda: orjson.dumps(alone.map(serialize, texts)), lambda: orjson.dumps(together.map(serialize, texts))]
    for works in (none, steps):
        one, many = best(works, rounds, texts)
        cells += [f"{one:.1f}", f"{many:.1f}", f"{one / many:.2f}"]
    return cells


def dot_products() -> str:
    """Say whether the processor has instructions for 8-bit dot products."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return "8-bit dot products unknown"
    known = [name for name in ("avx512_vnni", "avx_vnni", "asimddp", "i8mm") if name in flags]
    return f"with 8-bit dot products ({', '.join(known)})" if known else "without 8-bit dot products"


def draw(found: dict[int, tuple[float, float, float]], note: str, path: Path) -> None:
    """Plot the cost of a token against the length of the text."""
    lengths = list(found)
    with mpl.rc_context({**STYLE, "font.size": 10}):
        figure = Figure(figsize=(7.6, 4.6), layout="constrained")
        axes = figure.subplots()
        styles = ((ALONE, "#d55e00", "s-"), (BATCHES, "#0072b2", "o-"), (LIMIT, INK, "--"))
        for index, (name, color, style) in enumerate(styles):
            costs = [found[length][index] / length for length in lengths]
            axes.plot(lengths, costs, style, color=color, label=name, markersize=5, linewidth=1.6)
        axes.set_xscale("log")
        axes.set_xticks(lengths, [str(length) for length in lengths])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel("tokens in the text (log scale)")
        axes.set_ylabel("CPU µs per token")
        axes.set_title(f"The cost of a token, from raw text to prediction\n{note}", fontsize=10)
        axes.legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
