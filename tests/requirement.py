"""What a test needs beyond Python packages: where it is missing the test is skipped, or fails where it is required."""

from __future__ import annotations

import os
import re

import pytest

VARIABLE = "SENTILINE_REQUIRE"
"""Environment variable with the comma-separated names of what must be there, such as `node,browser,docker`."""
OFFLINE = re.compile(
    r"NewConnectionError|name resolution|dns error|failed to lookup|error sending request|Failed to fetch"
    r"|Request failed|timed out",
    re.IGNORECASE,
)
"""What pip and uv print when no package index can be reached."""


def need(name: str, available: bool, reason: str) -> None:
    """Skip the test if what it needs is missing, or fail it if `SENTILINE_REQUIRE` names that.

    Args:
        name: What the test needs, as `SENTILINE_REQUIRE` spells it: `node`, `browser`, `docker`, `network`, …
        available: Whether it is there.
        reason: What is missing and how to get it; shown by pytest.
    """
    if available:
        return
    required = {entry.strip() for entry in os.environ.get(VARIABLE, "").split(",")}
    if name in required:
        pytest.fail(f"{VARIABLE} names {name!r}, and it is not there: {reason}", pytrace=False)
    pytest.skip(reason)


def need_network(output: str) -> None:
    """Skip the test, as `need` does, if a failed command's output says that the package index cannot be reached."""
    need("network", OFFLINE.search(output) is None, f"the package index does not answer: {output[-300:]}")
