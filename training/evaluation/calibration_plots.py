"""Plots of the calibration recorded in a manifest: reliability, and risk by coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.evaluation.calibration import BINS, COVERAGES
from training.plotting import INK, STYLE, TRAIN, VALIDATION, png

_PARTS = {"validation": TRAIN, "test": VALIDATION}


def draw_calibration(metrics: Mapping[str, Any], precision: str, confidence: float | None = None) -> dict[str, bytes]:
    """Return both plots by file name, or none if no part has a calibration.

    Args:
        metrics: The metrics of a manifest.
        precision: The precision whose figures are drawn.
        confidence: The score below which the manifest marks a prediction as uncertain; None if it has no such
            threshold.
    """
    found = {part: metrics.get(part, {}).get(precision, {}).get("calibration") for part in _PARTS}
    parts = {part: figures for part, figures in found.items() if figures}
    if not parts:
        return {}
    return {"reliability.png": draw_reliability(parts, confidence), "risk.png": draw_risk_coverage(parts)}


def draw_reliability(parts: Mapping[str, Mapping[str, Any]], confidence: float | None = None) -> bytes:
    """Plot the share of positive reviews against P(positive), above the number of reviews in each bin.

    Args:
        parts: `Calibration` as a mapping, by "validation" and "test".
        confidence: Shade P from 1 - confidence to confidence; None for no shading.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 4.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        upper.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        edges = [index / BINS for index in range(BINS)]
        for part, figures in parts.items():
            shown = [index for index, count in enumerate(figures["reviews"]) if count]
            upper.plot(
                [figures["predicted"][index] for index in shown],
                [figures["observed"][index] for index in shown],
                marker="o",
                markersize=3.5,
                color=_PARTS[part],
                label=f"{part}, ECE {figures['ece']:.2f} %",
            )
            shares = [count / sum(figures["reviews"]) for count in figures["reviews"]]
            lower.bar(edges, shares, 1 / BINS, align="edge", color=_PARTS[part], alpha=0.6)
        if confidence is not None and confidence > 0.5:
            for axes in (upper, lower):
                axes.axvspan(1 - confidence, confidence, color="#fef3c7", zorder=0)
        upper.set(ylabel="share that is positive", title="Reliability", xlim=(0, 1), ylim=(0, 1))
        upper.legend(frameon=False, loc="upper left")
        lower.set(xlabel="P(positive)" + (", uncertain where shaded" if confidence else ""), ylabel="reviews")
        lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        return png(figure)


def draw_risk_coverage(parts: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Plot the error rate among the most confident reviews against their share; arguments as in `draw_reliability`."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 3), layout="constrained")
        axes = figure.subplots()
        for part, figures in parts.items():
            axes.plot(COVERAGES, figures["risk"], marker="o", markersize=3, color=_PARTS[part], label=part)
        axes.set(xlabel="reviews answered, the surest first (%)", ylabel="errors (%)", title="Risk and coverage")
        axes.set(xlim=(0, 102))
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
        return png(figure)


def draw_risk_by_length(groups: Sequence[Mapping[str, Any]], coverages: Sequence[int]) -> bytes:
    """Plot the error rate against the share of the texts answered, one line per length class.

    Args:
        groups: The length classes of `training.evaluation.risk_coverage.RiskCoverage.as_dict`.
        coverages: The shares, in percent.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 3), layout="constrained")
        axes = figure.subplots()
        colors = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(groups)))
        for group, color in zip(groups, colors, strict=True):
            axes.plot(coverages, group["risk"], marker="o", markersize=3, color=color, label=group["name"])
        axes.set(
            xlabel="texts answered, the surest first (%)", ylabel="errors (%)", title="Risk and coverage by length"
        )
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=7)
        return png(figure)
