"""Whether a test may be skipped for want of a tool: yes on a developer's machine, no where that tool was promised."""

from __future__ import annotations

import os

import pytest

VARIABLE = "SENTILINE_REQUIRE"
"""Environment variable: comma-separated names of the tools that must be there, such as `node,browser,docker`."""


def need(name: str, available: bool, reason: str) -> None:
    """Go on if the tool is there; otherwise skip the test, or fail it where the tool is required.

    Args:
        name: What the test needs, as `SENTILINE_REQUIRE` spells it: `node`, `browser`, `docker`, …
        available: Whether it is there.
        reason: What is missing and how to get it; shown by pytest.
    """
    if available:
        return
    required = {entry.strip() for entry in os.environ.get(VARIABLE, "").split(",")}
    if name in required:
        pytest.fail(f"{VARIABLE} names {name!r}, and it is not there: {reason}", pytrace=False)
    pytest.skip(reason)
