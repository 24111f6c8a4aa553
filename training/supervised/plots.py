"""The charts of a fit: learning curves and review lengths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from training.plotting import STYLE, TRAIN, VALIDATION, png


def learning_curves(history: Sequence[Mapping[str, Any]], best: int, loss: str = "bce") -> bytes:
    """Plot loss and accuracy per epoch, in training and validation.

    Args:
        history: One dict per epoch, as `training.supervised.fit.fit` returns them.
        best: The number of the epoch whose weights were kept.
        loss: The training loss, "bce" or "mse". Validation always reports cross-entropy.

    Returns:
        The chart as PNG.
    """
    epochs = [epoch["epoch"] for epoch in history]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3), layout="constrained")
        squared = loss == "mse"
        titles = "loss" if squared else "cross-entropy (nats)", "accuracy"
        for axes, name, title in zip(figure.subplots(1, 2), ("loss", "accuracy"), titles, strict=True):
            mixed = squared and name == "loss"
            for key, label, color in (
                (name, "train, mean squared error" if mixed else "train, with dropout", TRAIN),
                (f"validation_{name}", "validation, cross-entropy" if mixed else "validation", VALIDATION),
            ):
                values = [epoch[key] for epoch in history]
                axes.plot(epochs, values, marker="o", markersize=3.5, color=color, label=label)
            axes.axvline(best, color="#9ca3af", linewidth=0.8, linestyle=":")
            axes.set(xlabel="epoch", title=title)
            axes.set_xticks(epochs)
        figure.axes[0].legend(frameon=False)
        figure.axes[0].annotate(
            "kept",
            (best, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -9),
            textcoords="offset points",
            fontsize=8,
        )
        return png(figure)


def length_edges(tokens: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the edges of at most 61 bars of equal width that reach the 99th percentile of the lengths.

    Args:
        tokens: int32 [reviews], the number of tokens of each review.

    Returns:
        float64 [bars + 1], halves, so that every length lies within a bar.
    """
    top = max(1, math.ceil(np.percentile(tokens, 99)))
    width = math.ceil(top / 60)
    return np.arange(0, top + width, width, dtype=np.float64) + 0.5


def length_histogram(tokens: NDArray[np.int32], limit: int) -> bytes:
    """Plot a histogram of review lengths, with the share of reviews that are read whole.

    Args:
        tokens: int32 [reviews], the number of tokens of each training review before truncation.
        limit: The maximum number of tokens that the served model reads.

    Returns:
        The chart as PNG.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        axes: Axes = figure.subplots()
        edges = length_edges(tokens)
        last = int(edges[-1])
        axes.hist(np.minimum(tokens, last), bins=edges.tolist(), color=TRAIN)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(top=1.35 * axes.get_ylim()[1])  # room for the annotation above the bars
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if limit <= last:
            axes.axvline(limit, color=VALIDATION, linewidth=1.2)
        whole = 100 * float((tokens <= limit).mean())
        axes.annotate(
            f"served limit {limit:,}\n{whole:.1f} % read whole",
            (min(limit, last), 0.95),
            xycoords=("data", "axes fraction"),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="top",
        )
        median, ninety = np.percentile(tokens, [50, 90])
        rest = f"; the last bar counts all longer ones, up to {tokens.max():,}" if tokens.max() > last else ""
        axes.set(
            xlabel=f"tokens (median {median:.0f}, 90 % have at most {ninety:.0f}{rest})",
            ylabel="reviews",
            title="Review lengths in the training part",
        )
        return png(figure)
