"""A reading as coloured terminal text: the prediction, a chart along the text, and the text token by token."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group
from rich.style import Style
from rich.text import Text

from sentiline.code_points import printable
from sentiline.formatting import format_probability
from sentiline.prediction import Detail
from sentiline.reading import Reading
from sentiline.text_pieces import text_pieces, token_weights
from sentiline.tokenizer import UNKNOWN_ID

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-:=+*#"

INK = "#ffffff"
# Weakest first. White text is readable on each, and each is visible on dark and light terminals. The green leans to
# blue and the red to orange, so that people with red-green colour blindness can tell them apart.
POSITIVE = ("#2c6f68", "#237765", "#007a5e")
NEGATIVE = ("#935a4e", "#ab4a39", "#c02e1c")
_FAINT = 0.12  # a token with a smaller share of the strongest contribution stays plain
_EDGE = 60  # characters shown at either end of a sentence that was not read
_STRONG = 0.45  # a token with at least this share is marked where there are no colours


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours that a terminal can show.

    Attributes:
        positive: The background colours of tokens that raise the logit, weakest first; empty for no colours.
        negative: The background colours of tokens that lower it.
        ink: The colour of text on these; None to colour the text itself instead of the background.
    """

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    ink: str | None = INK

    @classmethod
    def of(cls, console: Console) -> Paint:
        """Return the colours for a console: all shades, or two of the sixteen basic colours, or none.

        The terminal decides what the basic colours look like. They are readable as text, but seldom as background.
        """
        if console.color_system is None or console.no_color:
            return cls()
        if console.color_system in ("standard", "windows"):
            return cls(("green",), ("red",), None)
        return cls(POSITIVE, NEGATIVE)

    def token(self, weight: float) -> Style:
        """Return the style of a token with this weight, from -1 to 1."""
        shades = self.positive if weight > 0 else self.negative
        if not shades or abs(weight) < _FAINT:
            return Style()
        if self.ink is None:
            return Style(color=shades[0], bold=abs(weight) >= _STRONG)
        share = ((abs(weight) - _FAINT) / (1 - _FAINT)) ** 0.5  # one very strong token must not make all others pale
        return Style(color=self.ink, bgcolor=shades[min(int(share * len(shades)), len(shades) - 1)])

    def line(self, positive: bool) -> Style:
        """Return the style of a bar of the chart."""
        shades = self.positive if positive else self.negative
        return Style(color=shades[-1]) if shades else Style()


def render(reading: Reading, detail: Detail, console: Console) -> Group:
    """Lay a reading out for a console.

    Args:
        reading: The reading to show.
        detail: "none" shows only the prediction, "sentences" adds a line per sentence, "timesteps" the whole text.
        console: The console, for its width, encoding and colours.

    Returns:
        The lines, for `console.print`.
    """
    paint = Paint.of(console)
    lines = [verdict(reading, paint)]
    if reading.uncertain:
        lines.append(uncertainty_line(reading))
    if detail == "timesteps":
        values = reading.running() if reading.contributions is not None else reading.scores
        assert values is not None
        title = "verdict so far " if reading.contributions is not None else "at each token "
        lines += [chart(values, title, console.width, paint, ascii_only=console.options.ascii_only)]
        lines += [Text(), review(reading, paint), Text(), *strongest(reading)]
    if detail == "sentences":
        lines += [Text(), *sentences(reading, paint)]
    return Group(*lines)


def sentences(reading: Reading, paint: Paint) -> list[Text]:
    """Return one line per sentence: its contribution to the logit, and the sentence in the matching colour."""
    found = reading.sentences()
    largest = max((abs(sentence.contribution or 0.0) for sentence in found), default=0.0) or 1.0
    lines = []
    for sentence in found:
        contribution = sentence.contribution or 0.0
        amount = (
            "not read"
            if sentence.tokens_used == 0
            else "-"
            if sentence.contribution is None
            else f"{contribution:+.2f}"
        )
        words = sentence.sentence if sentence.tokens_used else _shortened(sentence.sentence)
        text = printable(" ".join(words.split()))
        lines.append(Text.assemble(f"{amount:>8}  ", (text, paint.token(contribution / largest)), overflow="fold"))
    return lines


def _shortened(left_out: str) -> str:
    """Return the beginning and the end of a sentence that was not read."""
    return left_out if len(left_out) <= 2 * _EDGE else f"{left_out[:_EDGE]} ... {left_out[-_EDGE:]}"


def verdict(reading: Reading, paint: Paint) -> Text:
    """Return one line: the label, its probability, the logit, and the numbers of tokens read and unknown.

    With three classes, a second line has the probability of each.
    """
    encoding = reading.encoding
    read = f"{encoding.tokens_used:,} token{'s' if encoding.tokens_used > 1 else ''}"
    if encoding.truncated:
        read = f"{encoding.tokens_used:,} of {encoding.tokens_total:,} tokens read"
    unknown = f", {encoding.unknown_tokens:,} unknown" if encoding.unknown_tokens else ""
    style = paint.token({"POSITIVE": 1.0, "NEUTRAL": 0.0, "NEGATIVE": -1.0}[reading.label])
    label = f" {reading.label} " if style.bgcolor else reading.label
    line = Text.assemble(
        (label, style + Style(bold=True)),
        (f" {format_probability(reading.score)}", "bold"),
        f"  logit {reading.logit:+.2f}  {read}{unknown}",
    )
    if (three := reading.probabilities) is not None:
        shares = (f"{name} {format_probability(share)}" for name, share in asdict(three).items())
        line.append(f"\n{', '.join(shares)}")
    return line


def uncertainty_line(reading: Reading) -> Text:
    """Return one line that says that the prediction is uncertain, and why."""
    return Text.assemble(("? uncertain", "bold"), f": {'; '.join(reading.uncertainty_reasons())}")


def chart(values: NDArray[np.floating[Any]], title: str, width: int, paint: Paint, *, ascii_only: bool = False) -> Text:
    """Return one line of bars from 0 to 1, at most one per token.

    Args:
        values: The probabilities [T]; if there is no room for T bars, each is the mean of several.
        title: The text before the bars.
        width: The width of the terminal in columns.
        paint: The terminal's colours.
        ascii_only: Whether to avoid block characters, which the terminal cannot show.
    """
    bars = _ASCII_BARS if ascii_only else _BARS
    last = f" {format_probability(float(values[-1]))} positive"
    room = max(1, min(len(values), width - len(title) - len(last) - 1, 100))
    line = Text(title)
    for share in np.array_split(values, room):
        mean = float(share.mean())
        line.append(bars[min(int(mean * len(bars)), len(bars) - 1)], paint.line(mean >= 0.5))
    return line.append(last)


def review(reading: Reading, paint: Paint) -> Text:
    """The text as written, each token on the colour of its contribution.

    Without colours the strongest tokens are written `{+token+}` and `{-token-}`.
    """
    weights = token_weights(reading)
    unknown = (reading.encoding.ids == UNKNOWN_ID).tolist()
    shown = Text(overflow="fold")
    for index, piece in text_pieces(reading):
        if index is None:
            shown.append(printable(piece))
            continue
        weight = weights[index]
        style = Style(underline=True) if unknown[index] else Style()
        token = printable(piece)
        if not paint.positive and abs(weight) >= _STRONG:
            sign = "+" if weight > 0 else "-"
            token = f"{{{sign}{token}{sign}}}"
        shown.append(token, style + paint.token(weight))
    return shown


def strongest(reading: Reading, count: int = 5) -> list[Text]:
    """Return up to two lines: the tokens that raise the logit most, and those that lower it most."""
    if reading.contributions is None:
        return []
    starts, ends = reading.encoding.starts.tolist(), reading.encoding.ends.tolist()
    order = np.argsort(reading.contributions, kind="stable").tolist()
    lines = []
    for title, sign, indices in (("positive", 1, order[::-1]), ("negative", -1, order)):
        parts = []
        for index in indices[:count]:
            contribution = float(reading.contributions[index])
            if contribution * sign > 0:
                token = textwrap.shorten(printable(reading.text[starts[index] : ends[index]]), 30, placeholder="…")
                parts.append(f"{token or '…'} {contribution:+.2f}")
        if parts:
            lines.append(Text(f"{title}  {'   '.join(parts)}", overflow="fold"))
    return lines
