"""Starts a real browser for tests: the system's Chromium, headless, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.requirement import need

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; without one the test is skipped, or fails where `SENTILINE_REQUIRE` names `browser`.

    Playwright's event loop runs until the block ends, and `asyncio.run` cannot start another one meanwhile. So keep the
    browser open for one module, not for the session.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    need("browser", path is not None, "there is no Chromium; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
