"""Plot of accuracy against throughput with the Pareto frontier."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox

from training.plotting import INK, STYLE, png

# The smallest gap in accuracy, in percentage points, at which the axis is broken.
GAP = 6.0

# Okabe & Ito's colours, which colour-blind readers tell apart; the marker says the same
KINDS = {
    "Sentiline": ("#0072b2", "o"),
    "n-grams, fitted": ("#d55e00", "s"),
    "lexicon": ("#6b7280", "^"),
    "transformer": ("#009e73", "D"),
}
# The offsets of a name from its point in typographic points, in order of preference.
_PLACES = [
    (distance * x, distance * y)
    for distance in (10, 20, 32, 46, 62)
    for x, y in ((0.8, 0.8), (1, 0), (0.8, -0.8), (0, 1.2), (-0.8, 0.8), (-1, 0), (-0.8, -0.8), (0, -1.2))
]


@dataclass(frozen=True)
class Point:
    """One system.

    Attributes:
        kind: One of "Sentiline", "n-grams, fitted", "lexicon", "transformer".
        speed: The reviews per second, the median of the rounds.
        slowest: The reviews per second of the slowest round.
        fastest: The reviews per second of the fastest round.
        accuracy: The accuracy in percent.
        low: The lower end of its interval.
        high: The upper end of its interval.
        quoted: Whether the accuracy was measured by others.
    """

    kind: str
    speed: float
    slowest: float
    fastest: float
    accuracy: float
    low: float
    high: float
    quoted: bool = False


def frontier(points: Mapping[str, Point]) -> list[str]:
    """Return the names of the points that no other point matches in both accuracy and speed, the fastest first."""
    found: list[str] = []
    for name in sorted(points, key=lambda name: (-points[name].speed, -points[name].accuracy)):
        if not found or points[name].accuracy > points[found[-1]].accuracy:
            found.append(name)
    return found


def draw(points: Mapping[str, Point], highlighted: str, note: str, path: Path) -> None:
    """Plot the points.

    Args:
        points: The points by name, at least one.
        highlighted: The name to highlight.
        note: A note below the title.
        path: The PNG file to write.
    """
    with mpl.rc_context({**STYLE, "font.size": 10}):
        figure = Figure(figsize=(8.6, 5.4), layout="constrained")
        panels = _panels(figure, points)
        for axes in panels:
            _points(axes, points, highlighted)
        top, bottom = panels[0], panels[-1]
        bottom.set_xlabel("reviews per second, from raw text to label, all cores (log scale)")
        figure.supylabel("accuracy on IMDB test (%)", fontsize=10)
        top.set_title(f"Accuracy against throughput\n{note}", fontsize=10)
        handles, labels = top.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=5,
            columnspacing=1.4,
            handletextpad=0.4,
            frameon=False,
            fontsize=9,
        )
        label_points(figure, panels, points, highlighted)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(figure))


def _panels(figure: Figure, points: Mapping[str, Point]) -> list[Axes]:
    """Create one panel, or two with a shared speed axis if the accuracy axis is broken at the widest gap."""
    ends = sorted((point.low, point.high) for point in points.values())
    gaps = [(right[0] - left[1], index) for index, (left, right) in enumerate(itertools.pairwise(ends))]
    widest, place = max(gaps, default=(0.0, 0))
    groups = [ends[place + 1 :], ends[: place + 1]] if widest > GAP else [ends]
    heights = [max(2.0, max(end[1] for end in group) - min(end[0] for end in group)) for group in groups]
    ratios = [1.0] if len(groups) == 1 else [2.6, 1.0]
    panels = list(figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0])
    for axes, group, height in zip(panels, groups, heights, strict=True):
        margin = min(0.2 * height, 0.4 * widest) if len(groups) == 2 else 0.15 * height
        axes.set_ylim(min(end[0] for end in group) - margin, max(end[1] for end in group) + margin)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=8 if axes is panels[0] else 4, integer=True))
    panels[0].set_xscale("log")
    speeds = [point.speed for point in points.values()]
    panels[0].set_xlim(min(speeds) / 2.2, max(speeds) * 2.2)
    for axes in panels:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if len(panels) == 2:
        top, bottom = panels
        top.spines["bottom"].set_visible(False)
        top.tick_params(axis="x", which="both", bottom=False)
        for axes, height in ((top, 0), (bottom, 1)):  # the two strokes of a broken axis
            axes.plot(
                [0], [height], transform=axes.transAxes, marker=[(-1, -0.6), (1, 0.6)], markersize=9,
                color=INK, linestyle="none", clip_on=False,
            )  # fmt: skip
    return panels


def _points(axes: Axes, points: Mapping[str, Point], highlighted: str) -> None:
    best = [points[name] for name in frontier(points)]
    axes.plot(
        [point.speed for point in best], [point.accuracy for point in best], "--",
        color="#9aa5b4", linewidth=1.4, zorder=1, label="frontier",
    )  # fmt: skip
    for kind, (color, marker) in KINDS.items():
        if any(point.kind == kind for point in points.values()):
            quoted = all(point.quoted for point in points.values() if point.kind == kind)
            axes.plot(
                [], [], marker=marker, linestyle="none", color=color, markerfacecolor="white" if quoted else color,
                label=f"{kind}, accuracy quoted" if quoted else kind,
            )  # fmt: skip
    for name, point in points.items():
        if not _holds(axes, point):
            continue
        color, marker = KINDS[point.kind]
        first = name == highlighted
        axes.errorbar(
            point.speed, point.accuracy,
            xerr=[[point.speed - point.slowest], [point.fastest - point.speed]],
            yerr=[[point.accuracy - point.low], [point.high - point.accuracy]],
            fmt="*" if first else marker, markersize=17 if first else 7,
            color=color, markerfacecolor="white" if point.quoted else color,
            markeredgecolor="white" if first else color, elinewidth=0.9, zorder=4 if first else 3,
        )  # fmt: skip


def label_points(figure: Figure, panels: Sequence[Axes], points: Mapping[str, Point], highlighted: str) -> None:
    """Write each name at the nearest place where it covers no point, error bar or other name."""
    figure.draw_without_rendering()  # only a drawn figure knows where its points are
    home = {name: next(axes for axes in panels if _holds(axes, point)) for name, point in points.items()}
    taken = [box for name, point in points.items() for box in _covered(home[name], point)]
    for name in sorted(points, key=lambda name: name != highlighted):
        axes = home[name]
        weight = "bold" if name == highlighted else "normal"
        trials = [_annotate(axes, name, points[name], place, weight) for place in _PLACES]
        boxes = [_text_box(trial).padded(2) for trial in trials]
        free = [
            axes.bbox.contains(*box.min) and axes.bbox.contains(*box.max) and not box.count_overlaps(taken)
            for box in boxes
        ]
        chosen = free.index(True) if True in free else 0
        taken.append(boxes[chosen])
        for index, trial in enumerate(trials):
            if index != chosen:
                trial.remove()


def _covered(axes: Axes, point: Point) -> list[Bbox]:
    """Return the boxes of a point and its error bars in pixels."""
    place = axes.transData.transform
    x, y = place((point.speed, point.accuracy))
    low, high = place((point.speed, point.low))[1], place((point.speed, point.high))[1]
    left, right = place((point.slowest, point.accuracy))[0], place((point.fastest, point.accuracy))[0]
    return [
        Bbox.from_bounds(x - 7, y - 7, 14, 14),
        Bbox.from_extents(x - 1, low, x + 1, high),
        Bbox.from_extents(left, y - 1, right, y + 1),
    ]


def _holds(axes: Axes, point: Point) -> bool:
    low, high = axes.get_ylim()
    return low <= point.accuracy <= high


def _annotate(axes: Axes, name: str, point: Point, place: tuple[float, float], weight: str) -> Annotation:
    far = math.hypot(*place) > 16
    annotation = axes.annotate(
        name, (point.speed, point.accuracy), xytext=place, textcoords="offset points",
        ha="left" if place[0] > 0 else "right" if place[0] < 0 else "center", va="center", fontsize=9.5,
        fontweight=weight, color=KINDS[point.kind][0], zorder=5,
        arrowprops={"arrowstyle": "-", "color": "#9ca3af", "linewidth": 0.6, "shrinkB": 4} if far else None,
    )  # fmt: skip
    annotation.set_path_effects([withStroke(linewidth=3, foreground="white")])  # legible across the frontier
    annotation.set_in_layout(False)
    return annotation


def _text_box(annotation: Annotation) -> Bbox:
    annotation.get_window_extent()  # puts the text into its place; what it returns includes the line to the point
    return Text.get_window_extent(annotation)
