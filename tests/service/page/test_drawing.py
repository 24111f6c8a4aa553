"""What is drawn is what the API answers: spans, tints, verdict, chart, left-out text, long texts."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.service.page.colors import rgb
from tests.service.page.panel import ASTRAL, LEVELS, TURN, Visit, ask, classes, cursor, level, settled, tokens
from tests.service.server import Server

LONG = 20_000


@pytest.mark.parametrize("text", [TURN, ASTRAL, "Good\r\nbad\n\n  \t so so"])
def test_spans_and_tints_are_those_of_the_api(visit: Visit, site: Server, text: str) -> None:
    shown = text.replace("\r\n", "\n")  # as every text field has it
    root = settled(visit(shown), shown)
    steps = ask(site, shown)["timesteps"]
    scale = max(0.05, *(abs(step["contribution"]) for step in steps))
    drawn = tokens(root)
    assert [(token["text"], token["start"]) for token in drawn] == [(step["token"], step["start"]) for step in steps]
    for token, step in zip(drawn, steps, strict=True):
        wanted = classes(level(step["contribution"], scale)) | ({"unknown"} if step["unknown"] else set())
        assert set(token["classes"]) == wanted
        assert bool(token["title"]) == step["unknown"]
    assert max(abs(level(step["contribution"], scale)) for step in steps) == LEVELS
    assert root.locator(".text").evaluate("(text) => text.textContent") == shown


def test_stronger_contributions_have_stronger_colours(visit: Visit) -> None:
    root = settled(visit(), TURN)
    root.locator(".text").evaluate(
        """(text) => {
             for (const side of ["negative", "positive"])
               for (let level = 1; level <= 8; level++) {
                 const token = document.createElement("span");
                 token.className = `token ${side} tint-${level}`;
                 text.append(token);
               }
           }"""
    )
    colors = [rgb(token["color"]) for token in tokens(root)[-2 * LEVELS :]]
    for side, warm in ((colors[:LEVELS], True), (colors[LEVELS:], False)):
        saturation = [max(color) - min(color) for color in side]
        assert saturation == sorted(saturation)
        assert len(set(side)) == LEVELS
        assert all((red > blue) == warm for red, _, blue in side)


def test_the_verdict_is_the_apis(visit: Visit, site: Server) -> None:
    page = visit()
    root, prediction = settled(page, TURN), ask(site, TURN)
    expect(root.locator(".label")).to_have_text(prediction["label"].capitalize())
    expect(root.locator(".score")).to_have_text(f"{100 * prediction['score']:.1f}\u00a0%")
    expect(root.locator(".meter")).to_have_attribute("aria-valuenow", f"{100 * prediction['positive']:.1f}")
    expect(root.locator(".facts")).to_contain_text(f"{prediction['tokens_total']} tokens, all read")
    expect(page.locator("#verdicts")).to_contain_text(f"bilstm: {prediction['label'].lower()}")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("zzz qqq good xxx", "uncertain: more than 25\u00a0% of the tokens unknown"),
        ("It was fine, but not great", "uncertain: less than 75\u00a0% sure"),
        ("a zzz", "uncertain: less than 75\u00a0% sure; more than 25\u00a0% of the tokens unknown"),
    ],
)
def test_what_the_model_does_not_know_is_said(visit: Visit, site: Server, text: str, note: str) -> None:
    page = visit(text, "unsure", "tiny")
    unsure, tiny = (settled(page, text, panel) for panel in (0, 1))
    assert ask(site, text, "unsure")["uncertain"] is True
    expect(unsure.locator(".doubt")).to_be_visible()
    expect(unsure.locator(".doubt")).to_have_text(note)
    expect(tiny.locator(".doubt")).to_be_hidden()
    expect(page.locator("#verdicts")).to_contain_text(f", {note}; tiny: ")  # and read out, with the verdict
    page.fill("#review", "So boring: the worst plot.")
    expect(settled(page, "So boring: the worst plot.").locator(".doubt")).to_be_hidden()
    page.fill("#review", text)
    expect(settled(page, text).locator(".doubt")).to_be_visible()
    page.fill("#review", "")
    expect(unsure.locator(".doubt")).to_be_hidden()


def test_the_switch_tells_neutral_texts_too(visit: Visit, site: Server) -> None:
    text = "It is a film about the plot"
    page = visit(text, "threeway", "tiny")
    switch = page.locator("#neutral")
    expect(switch).not_to_be_checked()
    settled(page, text)
    expect(page.locator(".reading").first.locator(".shares")).to_be_hidden()
    switch.check()
    three, tiny = (settled(page, text, panel) for panel in (0, 1))
    body = {"inputs": text, "model": "threeway", "neutral": True}
    [answer] = httpx.post(f"{site.url}/predict", json=body, timeout=120).json()["predictions"]
    expect(three.locator(".label")).to_have_text(answer["label"].capitalize())
    expect(three.locator(".shares")).to_be_visible()
    expect(three.locator(".meter")).to_be_hidden()
    spoken = three.locator(".shares").get_attribute("aria-label") or ""
    assert spoken.replace("\u00a0", " ") == ", ".join(
        f"{name} {100 * share:.1f} %" for name, share in answer["probabilities"].items()
    )
    expect(tiny.locator(".shares")).to_be_hidden()  # it has no cut points, and goes on with two labels
    expect(page.locator("#command")).to_contain_text('"neutral":true')
    switch.uncheck()
    expect(settled(page, text).locator(".meter")).to_be_visible()
    page.select_option("#model", "tiny")
    expect(switch).to_be_disabled()


def test_the_running_line_is_the_apis(visit: Visit, site: Server) -> None:
    root = settled(visit(), TURN)
    line = root.locator(".plot path.running").get_attribute("d") or ""
    heights = [float(height) for height in re.findall(r"[ML][\d.]+ ([\d.]+)", line)]
    running = [step["running"] for step in ask(site, TURN)["timesteps"]]
    assert heights == pytest.approx([152 - 140 * value for value in running], abs=0.06)


def test_a_model_without_contributions(visit: Visit, site: Server) -> None:
    page = visit(TURN, "plain")
    root = settled(page, TURN)
    steps = ask(site, TURN, "plain")["timesteps"]
    assert {step["contribution"] for step in steps} == {None}
    for token, step in zip(tokens(root), steps, strict=True):
        assert set(token["classes"]) - {"unknown"} == classes(level(step["positive"] - 0.5, 0.5))
    expect(root.locator(".plot path.running")).to_have_count(0)
    expect(root.locator(".sentences")).to_be_hidden()
    root.locator(".token").nth(2).hover()
    assert "NaN" not in cursor(root)[2]
    expect(root.locator(".readout")).not_to_contain_text("contribution")


def test_left_out_text_is_marked(visit: Visit, site: Server) -> None:
    text = "I loved this good film. " + "So so, and of the plot it is. " * 40 + "The worst ending 😍!"
    root = settled_tokens(visit(None), text, "tiny")
    prediction = ask(site, text, "tiny")
    steps = prediction["timesteps"]
    assert prediction["truncated"]
    assert [token["text"] for token in tokens(root)] == [step["token"] for step in steps]
    left_out = root.locator(".left-out")
    expect(left_out).to_contain_text(f"{prediction['tokens_total'] - prediction['tokens_used']} tokens left out")
    expect(root.locator(".facts")).to_contain_text(
        f"{prediction['tokens_used']} of {prediction['tokens_total']} tokens"
    )
    expect(root.locator(".plot .gap")).to_have_count(1)
    before, after = steps[len(steps) // 2 - 1], steps[len(steps) // 2]
    left_out.locator(".fold").click()
    assert left_out.locator("del").text_content() == text[before["end"] : after["start"]].strip()


def settled_tokens(page: Page, text: str, model: str) -> Locator:
    page.select_option("#model", model)
    page.fill("#review", text)
    root = page.locator(".reading").first
    expect(root.locator(".text")).to_contain_text(text[:16], timeout=60_000)  # of the example too something is left out
    expect(root.locator(".left-out")).to_be_visible(timeout=60_000)
    expect(root).to_have_attribute("aria-busy", "false", timeout=60_000)
    return root


def test_a_long_text_keeps_the_document_small(visit: Visit) -> None:
    """Its 20,000 tokens have elements only where they are seen, and the chart as many paths as ever."""
    page = visit(TURN, "wide")
    short = settled(page, TURN)
    paths = short.locator(".plot path").count()
    sentence = "I loved the good film so. "  # 6 tokens
    text = sentence * (LONG // 6)
    assert len(text) < 100_000
    page.fill("#review", text)
    root = settled(page, text)
    expect(root.locator(".facts")).to_contain_text(f"{LONG // 6 * 6:,} tokens, all read")
    elements = "() => document.querySelectorAll('*').length"
    assert page.evaluate(elements) < 3_500
    root.locator(".text").focus()
    page.keyboard.press("End")
    token, active, _ = cursor(root)
    assert (token, active) == ("so", LONG // 6 * 6 - 1)
    frame, box = root.locator(".text").bounding_box(), root.locator(".token.active").bounding_box()
    assert frame is not None
    assert box is not None
    assert frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"]
    for _ in range(3):
        page.keyboard.press("PageUp")
    assert cursor(root)[1] == LONG // 6 * 6 - 76
    for part in (0.2, 0.5, 0.8, 0.0):
        root.locator(".text").evaluate("(text, part) => { text.scrollTop = part * text.scrollHeight; }", part)
        seen = root.locator(".chunk:has(.token)").count()
        assert seen > 0
    assert page.evaluate(elements) < 6_000
    assert root.locator(".plot path").count() == paths
    width = root.locator(".plot").evaluate("(plot) => plot.clientWidth")
    points = root.locator(".plot path.running").evaluate("(path) => path.getAttribute('d').match(/[ML]/g).length")
    assert points <= 4 * width / 2
    assert len(root.locator(".sentence").all()) == 5
    root.locator(".more").click()
    assert len(root.locator(".sentence").all()) == 55
