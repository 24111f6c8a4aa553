"""What the service refuses is shown in its own words; a key is asked for, overload is sat out."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.service.page.panel import TURN, Visit, settled
from tests.service.server import Server

KEY = "page-key-0123456789"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """One that wants a key, takes short texts only, and is busy with a single request."""
    settings = {
        "SENTILINE_MODELS": str(models),
        "SENTILINE_API_KEYS": KEY,
        "SENTILINE_MAX_TEXT_CHARACTERS": "6000",
        "SENTILINE_MAX_PENDING_TOKENS": "1",
        "SENTILINE_MAX_ITEMS": "10000",
        "SENTILINE_MAX_BODY_BYTES": str(1 << 26),
    }
    with Server(tmp_path_factory.mktemp("locked"), **settings) as running:
        yield running.wait_until_ready()


def test_refusals_are_shown_as_they_are(visit: Visit, site: Server) -> None:
    page = visit(refusals=True)
    root = page.locator(".reading").first
    expect(root).to_have_attribute("data-state", "read", timeout=60_000)
    for text in ("… — …", "good " * 20_001):
        refusal = httpx.post(f"{site.url}/predict", json={"inputs": text}, timeout=120)
        assert refusal.status_code == 422
        page.fill("#review", text)
        expect(root.locator(".message")).to_have_text(refusal.json()["error"])
        expect(root.locator(".again")).to_be_hidden()
        expect(root.locator(".text")).to_be_hidden()
    expect(page.locator("#count")).to_have_class(re.compile(r"\bover\b"))
    page.fill("#review", TURN)
    settled(page, TURN)
    expect(root.locator(".message")).to_be_hidden()
    page.fill("#review", " \n ")
    expect(root).to_have_attribute("data-state", "empty")


def test_a_key_is_asked_for_and_overload_is_sat_out(visit: Visit, locked: Server) -> None:
    page = visit(url=locked.url, refusals=True)
    unauthorized = httpx.get(f"{locked.url}/info", timeout=120)
    assert unauthorized.status_code == 401
    expect(page.locator("#key-message")).to_have_text(unauthorized.json()["error"])
    page.fill("#key", "page-key-that-is-wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-message")).to_contain_text("not valid")
    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#key-form")).to_be_hidden()
    page.fill("#review", TURN)
    root = settled(page, TURN)
    expect(page.locator("#command")).to_contain_text('"authorization: Bearer $SENTILINE_KEY"')
    expect(page.locator("#command")).not_to_contain_text(KEY)

    bearer = {"authorization": f"Bearer {KEY}"}
    big = {"inputs": ["I loved the good film so. " * 200] * 4_000, "detail": "none"}
    with httpx.Client(base_url=locked.url, headers=bearer, timeout=120) as busy:
        hog = threading.Thread(target=post_until_closed, args=(busy, big))
        hog.start()
        refusal = httpx.Response(200)
        while refusal.status_code != 429 and hog.is_alive():
            refusal = httpx.post(f"{locked.url}/predict", json={"inputs": "good"}, headers=bearer, timeout=120)
        assert refusal.status_code == 429
        page.fill("#review", "I loved it.")
        expect(root.locator(".message")).to_contain_text("try again in")
        expect(root.locator(".wait")).to_contain_text("Asking again in")
    hog.join()
    root.locator(".again").click()
    settled(page, "I loved it.")


def test_a_refusal_of_the_sentences_leaves_the_reading(visit: Visit, locked: Server) -> None:
    """The server becomes busy between the two questions that the page asks about a text."""
    page = visit(url=locked.url, refusals=True)
    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    root = settled(page, page.input_value("#review"))
    bearer = {"authorization": f"Bearer {KEY}"}
    big = {"inputs": ["I loved the good film so. " * 200] * 4_000, "detail": "none"}
    asked: list[str] = []
    with httpx.Client(base_url=locked.url, headers=bearer, timeout=120) as busy:
        hog = threading.Thread(target=post_until_closed, args=(busy, big))

        def occupy_before_the_sentences(route: Route) -> None:
            asked.append(route.request.post_data_json["detail"])
            if asked[-1] == "sentences" and hog.ident is None:
                hog.start()
                while hog.is_alive():
                    refusal = httpx.post(f"{locked.url}/predict", json={"inputs": "good"}, headers=bearer, timeout=120)
                    if refusal.status_code == 429:
                        break
            route.continue_()

        page.route("**/predict", occupy_before_the_sentences)
        page.fill("#review", TURN)
        sentences = root.locator(".sentences")
        expect(sentences.locator(".message")).to_contain_text("try again in", timeout=60_000)
        expect(sentences.locator(".wait")).to_contain_text("Asking again")
        expect(sentences.locator("ol > li")).to_have_count(0)
        expect(root).to_have_attribute("data-state", "read")
        expect(root.locator(".label")).to_be_visible()
        expect(root.locator(".text")).to_have_text(TURN)
        assert root.locator(".text .token").count() > 0
    hog.join()
    expect(sentences.locator("ol > li")).to_have_count(3, timeout=60_000)  # the page has asked again by itself
    expect(sentences.locator(".message")).to_be_hidden()
    assert asked == ["timesteps", *["sentences"] * (len(asked) - 1)]  # what is read is not asked for again
    page.unroute("**/predict")
    refusal = httpx.post(f"{locked.url}/predict", json={"inputs": "… — …"}, headers=bearer, timeout=120)
    page.fill("#review", "… — …")
    expect(root.locator(":scope > .problem .message")).to_have_text(refusal.json()["error"])
    expect(sentences).to_be_hidden()


def post_until_closed(client: httpx.Client, document: dict[str, Any]) -> None:
    """Post until it is accepted; what the page or another client asks at the same moment may have come first."""
    try:
        while client.post("/predict", json=document).status_code == 429:
            pass
    except (httpx.TransportError, RuntimeError):
        return  # the client was closed under it


def test_a_model_that_cannot_be_used_says_so(visit: Visit) -> None:
    page = visit(refusals=True)
    expect(page.locator(".reading").first).to_have_attribute("data-state", "read", timeout=60_000)
    page.select_option("#model", "broken")
    expect(page.locator(".message").first).to_contain_text('the model "broken" cannot be used')


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_its_service_is_asked_again(visit: Visit, status: int) -> None:
    """As during a restart behind nginx: an HTML page, without `Retry-After`."""
    page = visit(refusals=True)
    root = settled(page, page.input_value("#review"))
    answer = f"<html><h1>{status}</h1></html>"
    page.route("**/predict", lambda route: route.fulfill(status=status, content_type="text/html", body=answer))
    page.fill("#review", TURN)
    expect(root.locator(".message").first).to_contain_text(f"status {status}")
    expect(root.locator(".wait").first).to_contain_text("Asking again in")
    expect(root.locator(".again").first).to_be_visible()
    page.unroute("**/predict")
    settled(page, TURN)  # the page has asked again by itself
