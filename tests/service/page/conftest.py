"""The page of a running service, open in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.bundles import write_bundle
from tests.service.page.panel import TURN, Visit, settled
from tests.service.page.watch import Watch
from tests.service.server import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """The service with one more model, `wide`, that reads long texts whole."""
    folder = tmp_path_factory.mktemp("wide")
    write_bundle(folder / "wide", max_tokens=40_000)
    with Server(
        tmp_path_factory.mktemp("site"), SENTILINE_MODELS=os.pathsep.join([str(folder), str(models)])
    ) as running:
        yield running.wait_until_ready()


@pytest.fixture
def visit(browser: Browser, site: Server) -> Iterator[Visit]:
    """Opens the page with a text and models; afterwards: nothing was asked of others, nothing complained about."""
    watch = Watch(browser)

    def open_page(
        text: str | None = TURN, *models: str, url: str = site.url, refusals: bool = False, **options: Any
    ) -> Page:
        watch.refused |= refusals
        page = watch.open(f"{url}/", **options)
        if not refusals:
            for select, model in zip(("#model", "#beside"), models, strict=False):
                page.select_option(select, model)
            if text is not None:
                page.fill("#review", text)
                for panel in range(len(models) or 1):
                    settled(page, text, panel)
        return page

    yield open_page
    watch.close()
