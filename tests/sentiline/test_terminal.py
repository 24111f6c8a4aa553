"""Terminal rendering: the review comes out whole, coloured by contribution, and obeys no escape in it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import Color, ColorSystem
from rich.console import Console

from sentiline.predictor import Predictor, load
from sentiline.reading import Reading
from sentiline.terminal import INK, NEGATIVE, POSITIVE, Paint, chart, render, review, strongest
from sentiline.text_pieces import GAP
from sentiline.tokenizer import Encoding

PLAIN, FULL = Paint(), Paint(POSITIVE, NEGATIVE)
System = Literal["truecolor", "256", "standard"]


@pytest.fixture(scope="module")
def loaded(bundle_path: Path) -> Iterator[Predictor]:
    with load(bundle_path, precision="fp32", threads=1) as predictor:
        yield predictor


def reading(text: str, contributions: list[float], *, unknown: tuple[int, ...] = ()) -> Reading:
    """A reading of space-separated tokens with these contributions."""
    words = text.split(" ")
    ends = np.cumsum([len(word) + 1 for word in words], dtype=np.int32) - 1
    ids = np.array([1 if index in unknown else 5 for index in range(len(words))], np.int32)
    starts = ends - np.array([len(word) for word in words], np.int32)
    values = np.array(contributions, np.float32)
    logit = float(values.sum())
    positive = 1 / (1 + np.exp(-logit))
    encoding = Encoding(ids, len(words), lambda: (starts, ends))
    return Reading(text, encoding, positive, logit, 0.0, np.full(len(words), 0.5, np.float32), values)


def console(system: System | None = "truecolor", width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=system is not None, color_system=system, _environ={})


def shown(reading: Reading, to: Console) -> str:
    to.print(render(reading, "timesteps", to))
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def test_tokens_are_coloured_by_contribution() -> None:
    text = review(reading("great bad so-so weak", [2.0, -1.9, 0.01, 0.5]), FULL)
    spans = {text.plain[span.start : span.end]: span.style for span in text.spans}
    assert spans["great"].bgcolor == Color.parse(POSITIVE[-1])
    assert spans["bad"].bgcolor == Color.parse(NEGATIVE[-1])
    assert spans["weak"].bgcolor in [Color.parse(shade) for shade in POSITIVE[:-1]]
    assert "so-so" not in spans or spans["so-so"].bgcolor is None
    assert text.plain == "great bad so-so weak"


def test_unknown_tokens_are_underlined() -> None:
    for paint in (PLAIN, FULL):
        text = review(reading("good zzz", [1.0, 0.0], unknown=(1,)), paint)
        assert [text.plain[span.start : span.end] for span in text.spans if span.style.underline] == ["zzz"]


def test_strong_tokens_are_marked_without_colour() -> None:
    assert review(reading("great film bad", [1.0, 0.1, -0.9]), PLAIN).plain == "{+great+} film {-bad-}"


def test_basic_colours_leave_the_background_alone() -> None:
    text = review(reading("great bad", [1.0, -1.0]), Paint.of(console("standard")))
    assert [(span.style.color.name, span.style.bgcolor) for span in text.spans] == [("green", None), ("red", None)]


@pytest.mark.parametrize("shade", [*POSITIVE, *NEGATIVE])
def test_ink_is_readable_on_every_shade(shade: str) -> None:
    def luminance(color: Color) -> float:
        """Relative luminance, WCAG 2.2."""
        parts = [value / 255 for value in color.get_truecolor()]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    ink, color = Color.parse(INK), Color.parse(shade)
    for background in (color, color.downgrade(ColorSystem.EIGHT_BIT)):
        assert (luminance(ink) + 0.05) / (luminance(background) + 0.05) >= 4.5


def test_an_ellipsis_marks_what_truncation_left_out(loaded: Predictor) -> None:
    words = [f"good{number}" for number in range(80)]
    text = " ".join(words) + " <br />"
    for policy, kept in (
        ("head", [*words[:64], "…"]),
        ("tail", ["…", *words[16:], "<br />"]),
        ("head_tail", [*words[:32], "…", *words[48:], "<br />"]),
    ):
        [cut] = loaded.read([text], truncation=policy)  # type: ignore[arg-type]
        assert review(cut, FULL).plain == " ".join(kept).replace(" … ", GAP).replace("… ", GAP).replace(" …", GAP)


@settings(max_examples=80, deadline=None)
@given(st.text(min_size=1, max_size=80))
def test_whole_text_is_shown(loaded: Predictor, text: str) -> None:
    [result] = loaded.read_each([text + " good"])
    assert isinstance(result, Reading)
    plain = review(result, FULL).plain
    wanted = text + " good"
    for char in plain:
        assert char in "\t\n" or char.isprintable() or char in wanted
    kept = "".join(char for char in wanted if char.isalnum())
    assert "".join(char for char in plain if char.isalnum()) == kept


@pytest.mark.parametrize("system", ["truecolor", "256", "standard", None])
def test_escapes_in_a_review_are_not_obeyed(loaded: Predictor, system: System | None) -> None:
    text = "good \x1b[2J\x1b]0;title\x07 film \x9b31m \u202egnirob\u202c \ud800 [bold]bad[/bold] \r\x08 the end"
    output = shown(loaded.read([text])[0], console(system))
    for forbidden in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\u202e", "\ud800", "\r", "\x08"):
        assert forbidden not in output
    assert output.count("\ufffd") == 9
    output.encode("utf-8")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(loaded: Predictor, width: int) -> None:
    text = "I loved this wonderful movie! " * 8 + "Donaudampfschifffahrtsgesellschaft" * 4
    for line in shown(loaded.read([text])[0], console(None, width)).splitlines()[1:]:
        assert len(line) <= width


def test_chart_rises_and_falls() -> None:
    values = np.array([0.01, 0.3, 0.55, 0.8, 0.3])
    assert chart(values, "so far ", 80, PLAIN).plain == "so far ▁▃▅▇▃ 30.0 % positive"
    assert chart(values, "so far ", 80, PLAIN, ascii_only=True).plain == "so far _-=*- 30.0 % positive"


def test_chart_of_many_tokens_takes_means() -> None:
    values = np.repeat([0.0, 1.0], 500)
    bars = chart(values, "", 40, PLAIN).plain.split(" ")[0]
    assert set(bars) <= set("▁▂▃▄▅▆▇█")
    assert (bars[0], bars[-1], len(bars)) == ("▁", "█", 40 - len(" > 99.9 % positive") - 1)


def test_the_strongest_tokens_are_listed_by_sign() -> None:
    lines = [line.plain for line in strongest(reading("a b c d", [0.5, -1.0, 1.25, 0.0]))]
    assert lines == ["positive  c +1.25   a +0.50", "negative  b -1.00"]
    assert [line.plain for line in strongest(reading("a", [0.5]))] == ["positive  a +0.50"]


def test_detail_none_is_one_line(loaded: Predictor) -> None:
    to = console(None)
    to.print(render(loaded.read(["good film"])[0], "none", to))
    assert isinstance(to.file, io.StringIO)
    assert to.file.getvalue().count("\n") == 1


def test_a_model_without_contributions_shows_each_token(models: Path) -> None:
    with load(models / "scorer", threads=1) as predictor:
        output = shown(predictor.read(["good film, bad plot"])[0], console())
    assert "at each token" in output
    assert "positive  " not in output.split("positive", 1)[1]
