"""Plots of a comparison as PNG bytes: learning curves, accuracies, and accuracy against latency."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from training.evaluation.compare import PUBLISHED, ModelEntry
from training.plotting import INK, TRAIN, VALIDATION, png
from training.plotting import STYLE as STYLE

# The color of each cell in every plot.
COLORS = {"rnn": "#b45309", "gru": "#0f766e", "lstm": "#1d4ed8"}

_CELLS = {"rnn": "Elman", "gru": "GRU", "lstm": "LSTM"}
_GREY = "#9ca3af"
_OTHER = "#6b7280"
_COLUMNS = 4
# Possible offsets of a name from its point, in points, in order of preference.
_OFFSETS = [
    (distance * x, distance * y)
    for distance in (9, 18, 28, 40, 54)
    for x, y in ((1, 0), (-1, 0), (0.8, 0.9), (0.8, -0.9), (-0.8, 0.9), (-0.8, -0.9), (0, 1.2), (0, -1.2))
]


def draw_learning_curves(entries: Sequence[ModelEntry]) -> bytes | None:
    """Plot training and validation accuracy by epoch for every model, on one scale.

    Args:
        entries: At least one model.

    Returns:
        PNG bytes, or None if no manifest has a history.
    """
    trained = [entry for entry in entries if entry.history]
    if not trained:
        return None
    columns = min(_COLUMNS, len(trained))
    rows = math.ceil(len(trained) / columns)
    values = [epoch[key] for entry in trained for epoch in entry.history for key in ("accuracy", "validation_accuracy")]
    low = 10 * math.floor(10 * min(values))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(2.6 * columns, 4.4), 2.1 * rows + 0.5), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, entry in zip(grid.flat, trained, strict=False):
            _curve(axes, entry)
            axes.set_ylim(low, 101)
        for axes in grid.flat[len(trained) :]:
            axes.set_visible(False)
        for row in grid:
            row[0].set_ylabel("accuracy (%)")
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
        return png(figure)


def _curve(axes: Axes, entry: ModelEntry) -> None:
    epochs = [epoch["epoch"] for epoch in entry.history]
    for key, label, color in (
        ("accuracy", "train, with dropout", TRAIN),
        ("validation_accuracy", "validation", VALIDATION),
    ):
        accuracies = [100 * epoch[key] for epoch in entry.history]
        axes.plot(epochs, accuracies, marker="o", markersize=3, color=color, label=label)
    if entry.best_epoch is not None:
        axes.axvline(entry.best_epoch, color=_GREY, linewidth=0.9, linestyle=":", label="epoch kept")
    axes.set_xticks(epochs)
    axes.set_title(entry.name, color=_color(entry))
    axes.set_xlabel("epoch")


def draw_comparison(entries: Sequence[ModelEntry]) -> bytes | None:
    """Plot the accuracy of every model as bars that begin at chance, and against the latency of its graph.

    Validation accuracy, drawn hollow, replaces a test accuracy that the manifest lacks.

    Args:
        entries: At least one model.

    Returns:
        PNG bytes, or None if no manifest has an accuracy.
    """
    measured = [entry for entry in entries if entry.reported_accuracy]
    if not measured:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.5, max(3.4, 0.36 * len(measured) + 1.2)), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
        _bars(left, sorted(measured, key=lambda entry: _accuracy_of(entry)[0]))
        _scatter(right, measured)
        return png(figure)


def _bars(axes: Axes, entries: Sequence[ModelEntry]) -> None:
    for height, entry in enumerate(entries):
        percent, interval, tested = _accuracy_of(entry)
        color = _color(entry)
        axes.barh(height, percent - 50, left=50, height=0.62, color=color if tested else "white", edgecolor=color)
        axes.errorbar(percent, height, xerr=interval, color=INK, linewidth=1, capsize=2)
        right = max(percent + interval, PUBLISHED.get(entry.name, 0) + 0.8)
        axes.text(right + 0.7, height, f"{percent:.1f}", va="center", fontsize=8)
        if entry.name in PUBLISHED:
            axes.plot(PUBLISHED[entry.name], height, marker="D", markersize=5, color="white", markeredgecolor=INK)
    published = any(entry.name in PUBLISHED for entry in entries)
    axes.set_yticks(range(len(entries)), [entry.name for entry in entries])
    axes.set_xlim(min(50, *(_accuracy_of(entry)[0] - _accuracy_of(entry)[1] for entry in entries)), 100)
    axes.grid(visible=False, axis="y")
    axes.set_axisbelow(True)
    axes.set_xlabel("accuracy (%), bars begin at chance" + (";  ◇ published, validation" if published else ""))
    axes.set_title(_accuracy_title(entries))


def _scatter(axes: Axes, entries: Sequence[ModelEntry]) -> None:
    for cell in dict.fromkeys(entry.architecture.get("cell") for entry in entries):
        axes.scatter([], [], color=COLORS.get(str(cell), _OTHER), label=_CELLS.get(str(cell), "other"))
    for entry in entries:
        percent, interval, tested = _accuracy_of(entry)
        color = _color(entry)
        axes.errorbar(
            entry.speed.milliseconds,
            percent,
            yerr=interval,
            fmt="o",
            markersize=6,
            color=color,
            markerfacecolor=color if tested else "white",
            elinewidth=0.8,
        )
    axes.set_xscale("log")
    axes.margins(x=0.18, y=0.1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.set(xlabel="milliseconds per review, one thread, one review per run (log scale)", ylabel="accuracy (%)")
    axes.set_title("Accuracy against latency")
    axes.legend(frameon=False, loc="lower right")
    _label(axes, entries)


def _label(axes: Axes, entries: Sequence[ModelEntry]) -> None:
    """Write each name at the nearest place where it covers no point and no other name, or else at the nearest place."""
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.draw_without_rendering()  # the positions of the points are known only after drawing
    points = {entry.name: (entry.speed.milliseconds, _accuracy_of(entry)[0]) for entry in entries}
    occupied = [Bbox.from_bounds(x - 8, y - 8, 16, 16) for x, y in map(axes.transData.transform, points.values())]
    legend = axes.get_legend()
    if legend is not None:
        occupied.append(legend.get_window_extent())
    for name, point in points.items():
        trials = [_annotate(axes, name, point, place) for place in _OFFSETS]
        boxes = [_text_box(trial) for trial in trials]
        free = [
            axes.bbox.contains(*box.min) and axes.bbox.contains(*box.max) and not box.count_overlaps(occupied)
            for box in boxes
        ]
        chosen = free.index(True) if True in free else 0
        occupied.append(boxes[chosen])
        for index, trial in enumerate(trials):
            if index != chosen:
                trial.remove()


def _annotate(axes: Axes, name: str, point: tuple[float, float], place: tuple[float, float]) -> Annotation:
    far = math.hypot(*place) > 15
    return axes.annotate(
        name,
        point,
        xytext=place,
        textcoords="offset points",
        ha="left" if place[0] > 0 else "right" if place[0] < 0 else "center",
        va="center",
        fontsize=8,
        arrowprops={"arrowstyle": "-", "color": _GREY, "linewidth": 0.6, "shrinkB": 4} if far else None,
    )


def _text_box(annotation: Annotation) -> Bbox:
    annotation.get_window_extent()  # positions the text; its own result includes the line to the point
    return Text.get_window_extent(annotation)


def _accuracy_of(entry: ModelEntry) -> tuple[float, float, bool]:
    """Return `(percent, interval, whether on test)` for a model that has an accuracy."""
    if entry.reported_accuracy is None:
        raise ValueError(f"{entry.name} has no accuracy to draw")
    part, accuracy = entry.reported_accuracy
    return accuracy.percent, accuracy.interval, part == "test"


def _color(entry: ModelEntry) -> str:
    return COLORS.get(str(entry.architecture.get("cell")), _OTHER)


def _accuracy_title(entries: Sequence[ModelEntry]) -> str:
    parts = {part for entry in entries if entry.reported_accuracy for part in entry.reported_accuracy[:1]}
    if len(parts) == 1:
        return f"Accuracy on {parts.pop()}, 95 % intervals"
    return "Accuracy on test (hollow: on validation), 95 % intervals"
