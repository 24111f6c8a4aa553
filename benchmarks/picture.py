"""Draw what the model reads in one review: its tokens tinted by contribution, and the verdict as it builds up.

Usage: python -m benchmarks.picture [--model bilstm] [--text "…"] [--output docs/images/reading.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

import sentiline
from sentiline import Prediction

TEXT = (
    "The trailer promised a clever thriller and the first half hour is genuinely tense. After that the plot falls "
    "apart, the dialogue is painful and the ending makes no sense at all. What a waste of a wonderful cast!"
)
_DIVERGING = LinearSegmentedColormap.from_list("sentiment", ["#e07a5f", "#fdfcfa", "#5aa17f"])
_INK, _FAINT, _LINE_CHARACTERS = "#26292e", "#8b9199", 92


def lines_of(text: str, prediction: Prediction) -> list[list[tuple[str, float]]]:
    """Break the raw text into lines of `(piece, contribution)`; pieces between tokens contribute 0."""
    pieces: list[tuple[str, float]] = []
    position = 0
    for step in prediction.timesteps or ():
        pieces.append((text[position : step.start], 0.0))
        pieces.append((text[step.start : step.end], step.contribution or 0.0))
        position = step.end
    pieces.append((text[position:], 0.0))
    lines: list[list[tuple[str, float]]] = [[]]
    width = 0
    for piece, contribution in pieces:
        if width + len(piece) > _LINE_CHARACTERS and piece.strip():
            lines.append([])
            width = 0
        lines[-1].append((piece, contribution))
        width += len(piece)
    return lines


def draw_text(axes: Axes, text: str, prediction: Prediction) -> None:
    """Print the text in a fixed-width face, each token on its tint."""
    lines = lines_of(text, prediction)
    largest = max(abs(contribution) for line in lines for _, contribution in line) or 1.0
    for row, line in enumerate(lines):
        column = 0
        for piece, contribution in line:
            if contribution:
                tint = _DIVERGING(0.5 + 0.5 * contribution / largest)
                axes.fill_between([column - 0.15, column + len(piece) + 0.15], row - 0.42, row + 0.42, color=tint, lw=0)
            for offset, character in enumerate(piece):
                axes.text(column + offset + 0.5, row, character, ha="center", va="center", family="monospace")
            column += len(piece)
    axes.set(xlim=(0, _LINE_CHARACTERS + 1), ylim=(len(lines) - 0.4, -0.6))
    axes.axis("off")


def draw_running(axes: Axes, prediction: Prediction) -> None:
    """Plot each token's own reading as dots and the running verdict as a line."""
    steps = prediction.timesteps or ()
    x = np.arange(len(steps))
    axes.axhline(0.5, color="#d5d8dc", linewidth=0.8)
    axes.scatter(
        x, [s.positive for s in steps], s=12, color=_DIVERGING([s.positive for s in steps]), edgecolor=_FAINT, lw=0.5
    )
    axes.plot(x, [s.running for s in steps], color=_INK, linewidth=1.6)
    axes.annotate("running verdict", (x[-1], steps[-1].running), xytext=(-4, 7), textcoords="offset points", ha="right")
    axes.set_xticks(x, [s.token for s in steps], rotation=90, fontsize=7)
    axes.set(ylim=(-0.04, 1.04), xlim=(-0.8, len(steps) - 0.2), ylabel="P(positive)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors="#4b5563", length=2)


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="bilstm")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--output", type=Path, default=Path("docs/images/reading.png"))
    options = parser.parse_args()
    with sentiline.load(options.model) as model:
        prediction = model.predict([options.text], detail="timesteps")[0]
    with mpl.rc_context({"font.size": 9, "text.color": _INK}):
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        upper, lower = figure.subplots(2, 1, height_ratios=[1, 2.3])
        draw_text(upper, options.text, prediction)
        draw_running(lower, prediction)
        upper.set_title(
            f"{prediction.label}  {prediction.score:.3f}     "
            f"logit {prediction.logit:+.2f} = bias {prediction.bias:+.2f} "
            f"+ the sum of {prediction.tokens_used} contributions",
            loc="left",
        )
        options.output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(options.output, dpi=130, metadata={"Software": None})
    print(f"{prediction.label} {prediction.score:.4f}: {options.output}")


if __name__ == "__main__":
    main()
