"""For everyone: contrast in both schemes, small screens, names and roles, focus, reduced motion."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.service.page.colors import contrast, rgb
from tests.service.page.panel import ASTRAL, TURN, Visit, cursor, settled

INK_AND_GROUND = """() => {
  const text = document.querySelector(".text");
  for (const side of ["negative", "positive"])
    for (let level = 1; level <= 8; level++) {
      const token = document.createElement("span");
      token.className = `token ${side} tint-${level}`;
      token.append("x");
      text.append(token);
    }
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
  };
  const holds = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("body *")].filter((element) => holds(element) && element.checkVisibility())
    .map((element) => [element.className || element.id || element.tagName, getComputedStyle(element).color,
                       ground(element)]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_both_schemes(visit: Visit, scheme: Any) -> None:
    page = visit(TURN, color_scheme=scheme)
    paper = rgb(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
    assert (sum(paper) / 3 > 0.5) == (scheme == "light")
    pairs = page.evaluate(INK_AND_GROUND)
    assert len(pairs) > 60
    assert [(name, ink, ground) for name, ink, ground in pairs if contrast(ink, ground) < 4.5] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_doubt_can_be_read_in_both_schemes(visit: Visit, scheme: Any) -> None:
    page = visit("a zzz", "unsure", color_scheme=scheme)
    [(_, ink, ground)] = [pair for pair in page.evaluate(INK_AND_GROUND) if pair[0] == "doubt"]
    assert contrast(ink, ground) >= 4.5


def test_the_scheme_can_be_switched_and_stays(visit: Visit) -> None:
    page = visit(TURN, color_scheme="dark")
    toggle = page.get_by_role("button", name="Dark scheme")
    color = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(color)
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "false")
    light = page.evaluate(color)
    assert sum(rgb(light)) > sum(rgb(dark))
    page.reload()
    expect(toggle).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(color) == light


@pytest.mark.parametrize("chosen", [(), ("bilstm", "tiny")])
def test_a_phone_never_scrolls_sideways(visit: Visit, chosen: tuple[str, ...]) -> None:
    text = f"{TURN} {'a' * 300} {ASTRAL}"
    page = visit(text, *chosen, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    assert page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, textarea, input")]
                   .filter((element) => element.checkVisibility())
                   .filter((element) => element.getBoundingClientRect().height < 24).map((element) => element.id)"""
    )
    assert small == []
    root = settled(page, text)
    root.locator(".token[data-index='2']").tap()
    assert cursor(root)[1] == 2


def test_what_assistive_technology_is_told(visit: Visit) -> None:
    page = visit(TURN, "bilstm", "tiny")
    assert page.locator("html").get_attribute("lang") == "en"
    for role, name in (
        ("textbox", "Your review"),
        ("combobox", "Read by"),
        ("combobox", "compared with"),
        ("button", "Dark scheme"),
        ("heading", "Sentiline"),
        ("navigation", "The service"),
        ("meter", "Probability that the review is positive, in percent"),
        ("slider", "Sentiment along the text, bilstm"),
        ("slider", "Sentiment along the text, tiny"),
        ("article", "Reading of tiny"),
    ):
        expect(page.get_by_role(role, name=name).first).to_be_visible()  # type: ignore[arg-type]
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, select, textarea, input, a, [tabindex='0']")]
             .filter((element) => element.checkVisibility())
             .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim()
                                    || element.labels?.length)).length"""
    )
    assert unnamed == 0
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(set(ids)) == len(ids)
    assert page.locator("h1").count() == 1
    assert page.locator("[role=status]").count() >= 1


def test_focus_is_seen_everywhere(visit: Visit) -> None:
    page = visit(None)
    settled(page, page.input_value("#review"))
    rings = []
    page.keyboard.press("Tab")
    for _ in range(60):
        ring = page.evaluate(
            """() => {
                 const element = document.activeElement;
                 if (element === document.body) return null;
                 const style = getComputedStyle(element.id === "review" ? element.closest(".composer") : element);
                 return [element.id || element.className, style.outlineStyle !== "none" || style.boxShadow !== "none"];
               }"""
        )
        if ring is None:
            break
        rings.append(ring)
        page.keyboard.press("Tab")
    names = [name for name, _ in rings]
    assert {"skip", "theme", "review", "model", "beside", "text", "chart", "sentence", "copy"} <= set(names)
    assert [name for name, seen in rings if not seen] == []


def test_motion_is_reduced_for_those_who_ask(visit: Visit) -> None:
    moving = """() => [...document.querySelectorAll("*")].map((element) => getComputedStyle(element))
      .filter((style) => style.transitionProperty !== "none" && style.transitionDuration !== "0s").length"""
    assert visit().evaluate(moving) > 0
    assert visit(reduced_motion="reduce").evaluate(moving) == 0
