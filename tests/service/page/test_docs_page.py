"""`GET /docs` in a real browser: all of `openapi.json` is on it; it works offline, for everyone, without a key."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.service.page.colors import contrast, rgb
from tests.service.page.panel import Visit
from tests.service.page.watch import Watch
from tests.service.server import Server

INK_AND_GROUND = """() => {
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
  };
  const holds = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("body *")].filter((element) => holds(element) && element.checkVisibility())
    .map((element) => [element.className || element.tagName, getComputedStyle(element).color, ground(element)]);
}"""
OPEN_ALL = "() => { for (const part of document.querySelectorAll('details')) part.open = true; }"


@pytest.fixture
def visit(browser: Browser, site: Server) -> Iterator[Visit]:
    """Opens the documentation; afterwards: nothing was asked of others, nothing complained about."""
    watch = Watch(browser)

    def open_page(fragment: str = "", *, url: str = site.url, **options: Any) -> Page:
        page = watch.open(f"{url}/docs{fragment}", **options)
        expect(page.locator("#routes")).to_have_attribute("aria-busy", "false", timeout=60_000)
        return page

    yield open_page
    watch.close()


@pytest.fixture(scope="module")
def document(site: Server) -> dict[str, Any]:
    described: dict[str, Any] = httpx.get(f"{site.url}/openapi.json", timeout=120).json()
    return described


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): item[method]
        for path, item in document["paths"].items()
        for method in set(item) - {"parameters"}
    }


def article(page: Page, method: str, path: str) -> Locator:
    return page.get_by_role("article", name=f"{method} {path}", exact=True)


def test_every_route_is_there_once(visit: Visit, document: dict[str, Any]) -> None:
    page = visit()
    described = operations(document)
    titles = [re.sub(r"\s+", " ", title) for title in page.locator("article h3").all_text_contents()]
    assert sorted(titles) == sorted(f"{method}{path}" for method, path in described)
    groups = page.locator("section.group > h2").all_text_contents()
    assert groups == [tag["name"] for tag in document["tags"]]
    for (method, path), operation in described.items():
        root = article(page, method, path)
        plain = operation["summary"].replace("`", "")
        assert root.locator("> p").first.text_content() == plain
        assert root.locator(".responses > li > .status").all_text_contents() == sorted(operation["responses"])
        told = root.locator(".responses > li > div > p:first-child").all_text_contents()
        assert told == [
            operation["responses"][key]["description"].replace("`", "") for key in sorted(operation["responses"])
        ]
        text = root.text_content() or ""
        parameters = [*document["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        assert all(f"{parameter['name']}" in text for parameter in parameters)


def test_references_are_resolved(visit: Visit, document: dict[str, Any]) -> None:
    page = visit()
    page.evaluate(OPEN_ALL)
    root = article(page, "POST", "/predict")
    names = root.locator(".fields .name").all_text_contents()
    schemas = document["components"]["schemas"]
    for schema in ("PredictRequest", "PredictAnswer", "Prediction", "Timestep", "Sentence", "TextError", "Error"):
        assert set(schemas[schema]["properties"]) <= set(names), schema
    inputs = root.locator(".fields > li").filter(has=page.get_by_text("inputs", exact=True)).first
    text, texts = schemas["PredictRequest"]["properties"]["inputs"]["anyOf"]
    expect(inputs).to_contain_text("required")
    expect(inputs).to_contain_text(f"string, at most {text['maxLength']:,} characters")
    expect(inputs).to_contain_text(f"1 to {texts['maxItems']} items")
    expect(inputs).to_contain_text(schemas["PredictRequest"]["properties"]["inputs"]["description"])
    detail = root.locator(".fields > li").filter(has=page.get_by_text("detail", exact=True)).first
    expect(detail).to_contain_text('"none" | "sentences" | "timesteps", or null')
    expect(detail).not_to_contain_text("required")
    assert "$ref" not in (page.locator("main").text_content() or "")
    assert "undefined" not in (page.locator("main").text_content() or "")


def test_the_command_lines_work_here(visit: Visit, site: Server, document: dict[str, Any]) -> None:
    page = visit()
    described = operations(document)
    for (method, path), operation in described.items():
        lines = article(page, method, path).locator("pre code").all_text_contents()
        bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
        assert len(lines) == max(1, len(bodies))
        for line, example in zip(lines, list(bodies.values()) or [None], strict=True):
            words = shlex.split(line.replace("\\\n", " "))
            assert words[2].startswith(f"{site.url}/")
            if example is not None:
                assert json.loads(words[-1]) == example["value"]
    for method, path in (("POST", "/predict"), ("POST", "/hf/models/{model}"), ("GET", "/v2/models/{model}/ready")):
        line = article(page, method, path).locator("pre code").first.text_content() or ""
        ran = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=120)
        assert "error" not in json.loads(ran.stdout)


def test_copying(visit: Visit) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    root = article(page, "POST", "/predict")
    root.get_by_role("button", name="Copy").first.click()
    expect(root.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == root.locator("pre code").first.text_content()


def test_links_lead_to_their_route(visit: Visit, document: dict[str, Any]) -> None:
    page = visit()
    links = page.locator("#contents a")
    targets = [(link.get_attribute("href") or "")[1:] for link in links.all()]
    assert len(targets) == len(set(targets)) == len(operations(document)) + len(document["tags"])
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(set(ids)) == len(ids)
    assert set(targets) <= set(ids)
    page.get_by_role("navigation", name="Routes").get_by_role("link", name="GET /metrics").press("Enter")
    expect(page.locator(":target")).to_have_attribute("aria-label", "GET /metrics")
    linked = visit("#post-v2-models-model-infer")
    target = linked.locator(":target")
    expect(target).to_have_attribute("aria-label", "POST /v2/models/{model}/infer")
    expect(target).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_both_schemes(visit: Visit, scheme: Any) -> None:
    page = visit(color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    paper = rgb(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
    assert (sum(paper) / 3 > 0.5) == (scheme == "light")
    pairs = {tuple(pair) for pair in page.evaluate(INK_AND_GROUND)}
    assert len(pairs) > 15
    assert [(name, ink, ground) for name, ink, ground in pairs if contrast(ink, ground) < 4.5] == []
    page.get_by_role("button", name="Dark scheme").click()
    switched = rgb(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
    assert (sum(switched) / 3 > 0.5) != (scheme == "light")


def test_a_phone_never_scrolls_sideways(visit: Visit) -> None:
    page = visit(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]") == [360, 360]


def test_the_keyboard_reaches_everything_and_focus_is_seen(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#routes")).to_be_focused()
    fold = article(page, "POST", "/predict").locator("summary").first
    fold.focus()
    page.keyboard.press("Enter")
    expect(article(page, "POST", "/predict").locator("details").first).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert page.locator("h1").count() == 1
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, a, summary, [tabindex='0']")]
             .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim())).length"""
    )
    assert unnamed == 0


def test_it_needs_no_key_and_says_what_does(visit: Visit, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Server(tmp_path_factory.mktemp("locked"), SENTILINE_API_KEYS="k" * 32) as locked:
        locked.wait_until_ready()
        page = visit(url=locked.url)
        predict = article(page, "POST", "/predict")
        expect(predict).to_contain_text("Needs an API key.")
        expect(predict.locator("pre code").first).to_contain_text('-H "authorization: Bearer $SENTILINE_KEY"')
        expect(article(page, "GET", "/livez")).not_to_contain_text("API key")


def test_a_server_that_does_not_answer_can_be_asked_again(browser: Browser, site: Server) -> None:
    page = browser.new_context().new_page()
    page.route("**/openapi.json", lambda route: route.abort())
    page.goto(f"{site.url}/docs")
    expect(page.get_by_role("alert")).to_contain_text("is the service running?")
    page.unroute("**/openapi.json")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#routes")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#offline")).to_be_hidden()
    page.context.close()
