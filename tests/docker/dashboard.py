"""Reads the panels and queries of the Grafana dashboard, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "service" / "deploy" / "monitoring"
FILE = MONITORING / "grafana" / "dashboards" / "sentiline.json"


def dashboard() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))


def panels() -> list[Any]:
    """Return the panels that show something; rows only separate them."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries(rate_interval: str) -> list[tuple[str, str]]:
    """Return the title of its panel and the text of each query, with the interval that Grafana would insert."""
    return [
        (panel["title"], target["expr"].replace("$__rate_interval", rate_interval))
        for panel in panels()
        for target in panel["targets"]
    ]
