"""One panel of the page as a browser shows it: to wait for, to read off, and what the API says to compare with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.service.server import Server

Visit = Callable[..., Page]
LEVELS = 8
ASTRAL = (
    "\U0001d406\U0001d40e\U0001d40e\U0001d403 film 👨\u200d👩\u200d👧 at the cafe\u0301 😍! Naïve 👍🏽, <b>not</b> bad "
    "& \U00010400 हिन्दी, the end 🎬"
)
"""Letters and emoji beyond the basic plane, joined ones, combining marks, markup."""
TURN = "The plot is terrible and boring. But the acting is wonderful, and I loved the ending! So so."


def settled(page: Page, text: str, panel: int = 0) -> Locator:
    """Wait until a panel shows the answer for the text."""
    root = page.locator(".reading").nth(panel)
    expect(root).to_have_attribute("data-state", "read", timeout=60_000)
    expect(root.locator(".text")).to_have_text(text, use_inner_text=False, timeout=60_000)
    expect(root).to_have_attribute("aria-busy", "false", timeout=60_000)
    return root


def ask(server: Server, text: str, model: str | None = None, detail: str = "timesteps") -> dict[str, Any]:
    answer = httpx.post(f"{server.url}/predict", json={"inputs": text, "model": model, "detail": detail}, timeout=120)
    assert answer.status_code == 200, answer.text
    prediction: dict[str, Any] = answer.json()["predictions"][0]
    return prediction


def tokens(root: Locator) -> list[dict[str, Any]]:
    """The tokens as they stand in the document, with the text before each."""
    found: list[dict[str, Any]] = root.locator(".text").evaluate(
        """(text) => [...text.querySelectorAll(".token")].map((token) => {
             const before = new Range(); before.setStart(text, 0); before.setEndBefore(token);
             return {text: token.textContent, classes: [...token.classList], title: token.title,
                     index: Number(token.dataset.index), start: [...before.toString()].length,
                     color: getComputedStyle(token).backgroundColor};
           })"""
    )
    return found


def level(value: float, scale: float) -> int:
    strength = math.floor(LEVELS * min(1, abs(value) / scale) ** 0.75 + 0.5)
    return strength if value > 0 else -strength


def classes(level: int) -> set[str]:
    if level == 0:
        return {"token"}
    return {"token", "positive" if level > 0 else "negative", f"tint-{abs(level)}"}


def cursor(root: Locator) -> tuple[str, int, str]:
    """What is marked in the text, in the chart and in the readout."""
    active = root.locator(".token.active")
    expect(active).to_have_count(1)
    return (
        active.inner_text(),
        int(root.locator(".plot").get_attribute("data-active") or -1),
        root.locator(".readout").inner_text(),
    )
