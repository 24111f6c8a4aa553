"""A report on scored reviews as one PNG, drawn with matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiline.errors import SettingError
from sentiline.formatting import format_percent as percent
from sentiline.reporting.html_report import dated, signed, ticked, whole
from sentiline.reporting.line_wrapping import Line, lines
from sentiline.reporting.summary import Overview
from sentiline.reporting.words import Word

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID, ACCENT = "#1c2225", "#5d676c", "#e2e3dd", "#25548c"
POSITIVE, NEGATIVE = "#007a5e", "#c83a18"

_WIDTH = 14.0
"""Inches."""
_DPI = 110
_COLUMNS = 98
"""Characters in a line of a review."""
_ADVANCE = 7
"""Pixels from one of them to the next: a whole number, which hinting leaves alone."""
_REVIEWS = 3
_LINES = 8
_LINE = 0.165
"""Height of a line of a review, in inches."""
_WORDS = 12


def check_installed() -> None:
    """Raise unless pictures can be drawn.

    Raises:
        SettingError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise SettingError("PNG reports need matplotlib: pip install 'sentiline[report]'", field="matplotlib") from None


def draw(view: Overview) -> bytes:
    """Draw a report.

    Args:
        view: what it shows.

    Returns:
        The content of a PNG file.

    Raises:
        SettingError: matplotlib is not installed.
    """
    check_installed()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {"text.parse_math": False, "font.size": 10, "text.color": INK, "axes.edgecolor": SOFT}
    ticks: dict[Any, Any] = {
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "axes.labelcolor": SOFT,
        "font.family": "DejaVu Sans",
    }
    with rc_context(style | ticks):
        parts: list[tuple[float, Any]] = [(1.25, _head)]
        if view.tally.scored:
            parts.append((2.5, _distribution))
        if view.periods:
            parts.append((3.4, _timeline))
        if view.ranking:
            parts.append((3.3, _sums))
            if view.ranking.largest_mean:
                parts.append((3.3, _means))
        if view.highest:
            parts.append((_reviews_height(view), _reviews))
        parts.append((0.5 + 0.22 * (len(view.facts) + 1 + len(view.faults)), _foot))
        height = sum(size for size, _ in parts)
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="#ffffff")
        top = height
        for size, part in parts:
            part(_Canvas(figure, height, top), view)
            top -= size
        content = io.BytesIO()
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


class _Canvas:
    """A strip of the figure; measures in inches from its upper left corner."""

    def __init__(self, figure: Figure, height: float, top: float) -> None:
        self._figure = figure
        self._height = height
        self._top = top

    def axes(self, left: float, down: float, width: float, height: float) -> Axes:
        bottom = self._top - down - height
        box = (left / _WIDTH, bottom / self._height, width / _WIDTH, height / self._height)
        axes = self._figure.add_axes(box)
        axes.tick_params(length=0, pad=6)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        return axes

    def heading(self, left: float, title: str, note: str = "") -> None:
        self.text(left, 0.1, title, size=12, weight="bold")
        self.text(left + 0.16 + 0.115 * len(title), 0.125, note, color=SOFT)

    def text(self, left: float, down: float, text: str, **style: Any) -> None:
        style = {"va": "top", "ha": "left"} | style
        self._figure.text(left / _WIDTH, (self._top - down) / self._height, _drawable(text), **style)


def _head(canvas: _Canvas, view: Overview) -> None:
    tally = view.tally
    canvas.text(0.6, 0.3, f"Sentiment of {_short(view.title, 80)}", size=18, weight="bold")
    share = tally.positive / tally.scored if tally.scored else None
    parts = [
        f"{whole(tally.rows)} rows",
        f"{whole(tally.scored)} scored, {percent(share)} of them positive",
        f"{whole(tally.failed)} not scored",
        f"{percent(tally.unknown / tally.tokens if tally.tokens else None)} of the tokens unknown",
    ]
    if tally.judged:
        parts.insert(2, f"{percent(tally.uncertain / tally.judged)} uncertain")
    canvas.text(0.6, 0.72, "   \u00b7   ".join(parts), size=11, color=SOFT)
    canvas.text(0.6, 0.95, f"{view.model}, {view.facts['finished']}", size=11, color=SOFT)


def _distribution(canvas: _Canvas, view: Overview) -> None:
    canvas.heading(0.6, "Distribution", "reviews by P(positive)")
    axes = canvas.axes(1.2, 0.45, _WIDTH - 1.8, 1.6)
    bins = len(view.histogram)
    colours = [POSITIVE if index >= bins / 2 else NEGATIVE for index in range(bins)]
    axes.bar((np.arange(bins) + 0.5) / bins, view.histogram, width=0.92 / bins, color=colours)
    axes.set_xlim(0, 1)
    _count_axis(axes)


def _timeline(canvas: _Canvas, view: Overview) -> None:
    note = f"share that is positive, by {view.unit}, with its 95 % interval; below: reviews"
    canvas.heading(0.6, "Over time", note + (f"; {whole(view.undated)} have no readable date" if view.undated else ""))
    axes = canvas.axes(1.2, 0.45, _WIDTH - 1.8, 1.65)
    places = np.arange(len(view.periods))
    counts = np.array([one.count for one in view.periods])
    shares = np.array([np.nan if one.positive is None else one.positive for one in view.periods])
    low = np.where(counts > 0, [one.low for one in view.periods], np.nan)
    high = np.where(counts > 0, [one.high for one in view.periods], np.nan)
    axes.fill_between(places, low, high, color=ACCENT, alpha=0.16, linewidth=0)
    axes.plot(places, shares, color=ACCENT, marker="o", markersize=3.5 if len(places) < 120 else 2, linewidth=1.6)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.yaxis.grid(True, color=GRID)
    axes.set_axisbelow(True)
    axes.set_xticks([])
    below = canvas.axes(1.2, 2.25, _WIDTH - 1.8, 0.65)
    below.bar(places, counts, width=0.86, color=SOFT, alpha=0.45)
    _count_axis(below, 2)
    shown = ticked(len(places), 10)
    below.set_xticks(shown, [dated(view.periods[index].start, view.unit) for index in shown])
    for one in (axes, below):
        one.set_xlim(-0.7, len(places) - 0.3)


def _sums(canvas: _Canvas, view: Overview) -> None:
    assert view.ranking
    canvas.heading(0.6, "Words by sum", "what they added to the logits of all reviews (times read)")
    _words(canvas, view.ranking.raising, view.ranking.lowering, "total", view.ranking.largest_total, 1)


def _means(canvas: _Canvas, view: Overview) -> None:
    assert view.ranking
    canvas.heading(0.6, "Words by mean", f"the strongest of those read {whole(view.ranking.least)} times or more")
    _words(canvas, view.ranking.raising_mean, view.ranking.lowering_mean, "mean", view.ranking.largest_mean, 3)


def _words(
    canvas: _Canvas, raising: Sequence[Word], lowering: Sequence[Word], attribute: str, largest: float, digits: int
) -> None:
    for left, words, colour in ((1.9, raising[:_WORDS], POSITIVE), (8.6, lowering[:_WORDS], NEGATIVE)):
        axes = canvas.axes(left, 0.45, 4.8, 2.65)
        places = np.arange(_WORDS)[: len(words)]
        values = [getattr(word, attribute) for word in words]
        axes.barh(places, np.abs(values), height=0.72, color=colour)
        for place, word, value in zip(places.tolist(), words, values, strict=True):
            note = f" {signed(value, digits)}  ({whole(word.count)})"
            axes.text(abs(value), place, note, va="center", color=SOFT, size=9)
        axes.set_xlim(0, (largest or 1.0) * 1.35)
        axes.set_ylim(_WORDS - 0.4, -0.6)
        axes.set_xticks([])
        axes.set_yticks(places, [_drawable(_short(word.token, 20)) for word in words], color=INK)
        axes.spines["bottom"].set_visible(False)


def _reviews(canvas: _Canvas, view: Overview) -> None:
    width = _COLUMNS * _ADVANCE / _DPI
    for left, title, samples in ((0.6, "Most positive", view.highest), (7.15, "Least positive", view.lowest)):
        canvas.heading(left, f"{title} reviews")
        down = 0.42
        for sample in samples[:_REVIEWS]:
            note = (
                f"P(positive) {percent(sample.positive, 2)}, logit {signed(sample.logit)}, {_short(sample.place, 50)}"
            )
            canvas.text(left, down, note, color=SOFT, size=9)
            made = lines(sample, _COLUMNS, _LINES)
            axes = canvas.axes(left, down + 0.2, width, len(made) * _LINE)
            axes.set_axis_off()
            axes.set_xlim(0, _COLUMNS)
            axes.set_ylim(len(made), 0)
            for row, line in enumerate(made):
                _line(axes, row, line)
            down += (len(made) + 2.2) * _LINE


def _reviews_height(view: Overview) -> float:
    columns = (
        sum(len(lines(sample, _COLUMNS, _LINES)) + 2.2 for sample in samples[:_REVIEWS])
        for samples in (view.highest, view.lowest)
    )
    return 0.5 + max(columns) * _LINE


def _line(axes: Axes, row: int, line: Line) -> None:
    from matplotlib.patches import Rectangle

    for start, end, weight in line.spans:
        if abs(weight) >= 0.05:
            colour = POSITIVE if weight > 0 else NEGATIVE
            box = Rectangle(
                (start, row + 0.04), end - start, 0.92, color=colour, alpha=0.08 + 0.62 * abs(weight) ** 0.8, lw=0
            )
            axes.add_patch(box)
    size = _ADVANCE * 72 / _DPI / 0.602  # an advance of this font is 0.602 of its size
    axes.text(0, row + 0.5, _drawable(line.text), family="DejaVu Sans Mono", size=size, va="center")


def _foot(canvas: _Canvas, view: Overview) -> None:
    canvas.text(0.6, 0.1, "How it was run", size=12, weight="bold")
    rows = [*view.facts.items(), *((fault.kind, f"{whole(fault.count)} rows: {fault.reason}") for fault in view.faults)]
    for index, (name, value) in enumerate(rows):
        canvas.text(0.6, 0.42 + 0.22 * index, name, color=SOFT, size=9)
        canvas.text(2.6, 0.42 + 0.22 * index, _short(value, 130), size=9)


def _count_axis(axes: Axes, count: int = 4) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(count, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: whole(value)))
    axes.yaxis.grid(True, color=GRID)
    axes.set_axisbelow(True)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _drawable(text: str) -> str:
    """The text with what the font lacks as U+FFFD."""
    from matplotlib import font_manager, ft2font

    font = ft2font.FT2Font(font_manager.findfont("DejaVu Sans Mono"))
    return "".join(char if font.get_char_index(ord(char)) else "\ufffd" for char in text)
