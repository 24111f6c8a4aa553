"""Pages that are watched: nothing may be asked of other hosts, and nothing complained about."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page


class Watch:
    """Opens pages in contexts of their own, and says in the end what was wrong with them.

    Attributes:
        refused: whether answers that are no success were wanted, which Chromium itself reports.
    """

    def __init__(self, browser: Browser) -> None:
        self.refused = False
        self._browser = browser
        self._opened: list[Page] = []
        self._requests: list[str] = []
        self._complaints: list[str] = []

    def open(self, url: str, **options: Any) -> Page:
        """A page at `url`; the options are those of the browser's context."""
        page = self._browser.new_context(**options).new_page()
        self._opened.append(page)
        page.set_default_timeout(60_000)
        page.on("request", lambda request: self._requests.append(request.url))
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("console", lambda message: self._complaints.append(f"{message.type}: {message.text}"))
        page.goto(url)
        return page

    def close(self) -> None:
        """Close all pages and look at what they did."""
        for page in self._opened:
            page.context.close()
        assert self._requests
        assert [url for url in self._requests if not url.startswith("http://127.0.0.1:")] == []
        expected = "error: Failed to load resource" if self.refused else "none"
        assert [complaint for complaint in self._complaints if not complaint.startswith(expected)] == []
