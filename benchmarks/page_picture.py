"""Take the screenshot of the page in the README, from the real service in a real browser.

Usage: python -m benchmarks.page_picture [OUT.png]
"""

from __future__ import annotations

import argparse
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.service.server import Server

WIDTH, HEIGHT = 1240, 900
# Pixels below the reading.
MARGIN = 20


def take(page: Page, word: str) -> bytes:
    """Wait for the reading of the first example, hover over a word, and take a screenshot of the page."""
    reading = page.locator(".reading")
    expect(reading).to_have_attribute("data-state", "read", timeout=120_000)
    expect(reading.locator(".sentence").first).to_be_visible(timeout=120_000)
    reading.locator(".token", has_text=word).first.hover()
    page.wait_for_function("() => document.getAnimations().every((one) => one.playState === 'finished')")
    box = reading.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] + MARGIN
    return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})


def write(path: Path, picture: bytes) -> int:
    """Write the picture with lossless compression, and return its size in bytes."""
    Image.open(BytesIO(picture)).convert("RGB").save(path, format="PNG", optimize=True)
    return path.stat().st_size


def main() -> None:
    """Start the service, take the screenshot, save it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, nargs="?", default=Path("docs/page.png"))
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    parser.add_argument("--word", default="superb", help="word to hover over")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        Server(Path(home)) as server,
        chromium() as browser,
    ):
        server.wait_until_ready()
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=options.scheme)
        page.goto(f"{server.url}/")
        size = write(options.output, take(page, options.word))
    print(f"{options.output}: {size:,} bytes")


if __name__ == "__main__":
    main()
