"""Short labelled texts, such as sentences and tweets, and the plot of systems on several sets of them."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.lib.frontier import KINDS, Point, label_points
from training.data.review import Review
from training.plotting import STYLE, png

VARIABLE = "SHORT_TEXTS"  # the environment variable with the files, separated like those of PATH
_LABELS = {"0": 0, "1": 1, "negative": 0, "positive": 1}


@dataclass(frozen=True)
class ShortTexts:
    """One file of short texts.

    Attributes:
        name: The file's name without its extensions.
        validation: Texts on which the thresholds of lexicons are chosen.
        test: The other texts, in random order.
    """

    name: str
    validation: list[Review]
    test: list[Review]


def files_from_environment() -> list[Path]:
    """Return the files that `SHORT_TEXTS` names."""
    return [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def load_short_texts(path: Path, count: int) -> ShortTexts:
    """Load random texts of a tab-separated file with the columns `label` and `text`, which may be compressed by gzip.

    Args:
        path: The file. Labels are 0 or negative, and 1 or positive; rows with others are left out.
        count: The number of texts for the test; a third as many are for validation.

    Raises:
        SystemExit: The file cannot be read or lacks a column.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SystemExit(f"error: cannot read {path}: {error.strerror}") from None
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    if not {"label", "text"} <= set(rows.fieldnames or ()):
        raise SystemExit(f"error: {path} must be tab-separated, with the columns label and text in its first line")
    found = [Review(row["text"], _LABELS[row["label"]]) for row in rows if row["label"] in _LABELS and row["text"]]
    random.Random(1).shuffle(found)
    test = found[: min(count, 3 * len(found) // 4)]
    return ShortTexts(path.name.split(".")[0], found[len(test) : len(test) + max(2, len(test) // 3)], test)


def draw_short(points: Mapping[str, Mapping[str, Point]], highlighted: str, note: str, path: Path) -> None:
    """Plot accuracy against texts per second, one panel per set of texts.

    Args:
        points: The points by system, by set of texts.
        highlighted: The name to highlight.
        note: A note below the title.
        path: The PNG file to write.
    """
    with mpl.rc_context({**STYLE, "font.size": 10}):
        figure = Figure(figsize=(4.8 * len(points), 5.2), layout="constrained")
        panels = figure.subplots(1, len(points), squeeze=False)[0]
        for axes, (title, found) in zip(panels, points.items(), strict=True):
            for name, point in found.items():
                color, marker = KINDS[point.kind]
                axes.errorbar(
                    point.speed, point.accuracy,
                    xerr=[[point.speed - point.slowest], [point.fastest - point.speed]],
                    yerr=[[point.accuracy - point.low], [point.high - point.accuracy]],
                    fmt="*" if name == highlighted else marker, markersize=15 if name == highlighted else 7,
                    color=color, elinewidth=0.9,
                )  # fmt: skip
            axes.set_xscale("log")
            speeds = [point.speed for point in found.values()]
            axes.set_xlim(min(speeds) / 2.5, max(speeds) * 2.5)
            axes.margins(y=0.15)
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_title(title, fontsize=10)
            axes.set_xlabel("texts per second, all cores (log scale)")
        figure.supylabel("accuracy (%)", fontsize=10)
        figure.suptitle(f"Short texts: accuracy against throughput\n{note}", fontsize=10)
        for axes, found in zip(panels, points.values(), strict=True):
            label_points(figure, [axes], found, highlighted)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(figure))
