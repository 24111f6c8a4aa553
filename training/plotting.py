"""The pictures of a fit: curves and review lengths, as PNG bytes; no numbers are computed here."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

TRAIN, VALIDATION, INK = "#7a8aa0", "#c2410c", "#1f2937"
STYLE: Any = {  # rc_context wants a literal type of every key it knows
    "font.size": 9,
    "axes.edgecolor": "#9ca3af",
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": "#4b5563",
    "ytick.color": "#4b5563",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.6,
}

_COLORS = 64


def curves(history: Sequence[Mapping[str, Any]], best: int, loss: str = "bce") -> bytes:
    """Loss and accuracy by epoch, in training and validation.

    Args:
        history: as `training.supervised.fit.fit` returns it.
        best: number of the epoch whose weights were kept.
        loss: "bce", or "mse" where the training loss is not the cross-entropy that validation reports.
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


def lengths(tokens: NDArray[np.int32], limit: int) -> bytes:
    """Histogram of review lengths, with the share of reviews read whole.

    Args:
        tokens: int32 [reviews], tokens of each training review before any cut.
        limit: most tokens the served model reads.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        axes: Axes = figure.subplots()
        axes.hist(np.minimum(tokens, 1200), bins=60, range=(0, 1200), color=TRAIN)
        axes.axvline(limit, color=VALIDATION, linewidth=1.2)
        whole = 100 * float((tokens <= limit).mean())
        axes.annotate(
            f"served limit {limit:,}\n{whole:.1f} % read whole",
            (limit, 0.95),
            xycoords=("data", "axes fraction"),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="top",
        )
        median, ninety = np.percentile(tokens, [50, 90])
        axes.set(
            xlabel=f"tokens (median {median:.0f}, 90 % below {ninety:.0f}; the last bar holds all beyond 1,200)",
            ylabel="reviews",
            title="Review lengths in the training part",
        )
        return png(figure)


def png(figure: Figure) -> bytes:
    """A figure as PNG bytes of few colours, a third of the size of many; the same ones for the same figure."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=130)
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(_COLORS, method=Image.Quantize.FASTOCTREE).save(
            small, format="png", optimize=True
        )
    return small.getvalue()
