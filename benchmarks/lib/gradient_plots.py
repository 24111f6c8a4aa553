"""The plots of docs/gradients.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.lib.clipping import Trajectory
from training.plotting import INK, STYLE

COLORS = {"RNN": "#b45309", "GRU": "#0f766e", "LSTM": "#1d4ed8"}
_FACTORS = mpl.colormaps["viridis"]
_LOWEST, _HIGHEST = 1e-30, 1e30
_WINDOW = 20

# Norms relative to the last step, [reviews, timesteps]: column k is k steps before the last.
Norms = NDArray[np.float64]


def draw_norms(panels: Mapping[str, Mapping[str, Norms]], path: Path) -> None:
    """Plot one panel per group of curves: geometric means with bands from the 10th to the 90th percentile.

    Args:
        panels: The curves by title and name; a name starts with the cell, or is a factor such as "1.5".
        path: The PNG file to write.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained")
        for axes, (title, curves) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            for position, (name, norms) in enumerate(curves.items()):
                _curve(axes, name, norms, position / max(1, len(curves) - 1))
            axes.axhline(1, color="#9ca3af", linewidth=0.8)
            low, high = axes.get_ylim()
            axes.set(yscale="log", title=title, xlabel="k, timesteps before the last")
            axes.set_ylim(max(_LOWEST, low), min(_HIGHEST, high))
            axes.legend(frameon=False, fontsize=8)
        figure.axes[0].set_ylabel("norm of the gradient, at the last step 1")
        _save(figure, path)


def _curve(axes: Axes, name: str, norms: Norms, position: float) -> None:
    cell = name.split()[0].rstrip(",")
    color = COLORS.get(cell, _FACTORS(0.9 * position))
    steps = np.arange(norms.shape[1])
    low, high = np.percentile(norms, [10, 90], axis=0)
    axes.set_yscale("log")
    axes.fill_between(steps, low, high, color=color, alpha=0.18, linewidth=0)
    style = "--" if "," in name else "-"
    axes.plot(steps, np.exp(np.log(norms).mean(axis=0)), style, color=color, linewidth=1.6, label=name)


def draw_clipping(runs: Mapping[str, Sequence[Trajectory]], path: Path) -> None:
    """Plot the loss and gradient norm of every run, with one color per setting.

    Args:
        runs: The runs by setting, one per seed.
        path: The PNG file to write.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for (name, found), color in zip(runs.items(), ("#b91c1c", "#0f766e"), strict=True):
            for number, run in enumerate(found):
                label = name if number == 0 else None
                mean = np.convolve(run.losses, np.ones(_WINDOW) / _WINDOW, mode="valid")
                left.plot(np.arange(len(mean)) + _WINDOW, mean, color=color, linewidth=1.1, label=label)
                right.plot(run.norms, ".", markersize=1.8, color=color, alpha=0.5)
        left.axhline(np.log(2), color=INK, linewidth=1, linestyle=":", label="chance")
        left.set(xlabel="update", title=f"Loss, mean of {_WINDOW} batches, one line per seed")
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        right.set(xlabel="update", title="Norm of the gradient before clipping", yscale="log")
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=130, metadata={"Software": None})
