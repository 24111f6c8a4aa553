"""`GET /`: a page of our own that asks nobody else for anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest


class Links(HTMLParser):
    """Collects what a page would load or link to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, value or "") for name, value in attrs if name in ("src", "href", "action", "srcset")]


def test_nothing_is_loaded_from_elsewhere(client: httpx.Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = Links()
    page.feed(answer.text)
    assert page.found
    for tag, target in page.found:
        assert target.startswith("/") or (tag, target) == ("link", "data:,")
    assert "<script" not in answer.text
    assert not re.search(r"url\(|@import", answer.text)


def test_the_links_lead_somewhere(client: httpx.Client) -> None:
    page = Links()
    page.feed(client.get("/").text)
    routes = {target for tag, target in page.found if tag == "a"}
    assert routes == {"/v2", "/models", "/info", "/readyz", "/livez", "/metrics", "/schema.json", "/openapi.json"}
    assert all(client.get(route).status_code == 200 for route in routes)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("reviews.example.org:8080", "http://reviews.example.org:8080/predict"),
        ("[::1]:3000", "http://[::1]:3000/predict"),
        ("<script>alert(1)</script>", "http://127.0.0.1:3000/predict"),
    ],
)
def test_the_command_line_names_the_address_that_was_asked(client: httpx.Client, host: str, shown: str) -> None:
    page = client.get("/", headers={"host": host}).text
    assert f"curl -s {shown} " in page
    assert "<script" not in page
