"""The metrics of a worker that was killed: its counts stay, its gauges and files go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.telemetry.dead_workers import locked, merge_dead_workers
from tests.service.server import ROOT, environment

WORKER = """
from service.telemetry.metrics import Metrics
metrics = Metrics([("/predict", ["POST"])], ["tiny"], max_pending_tokens=7)
metrics.observe_request("/predict", "POST", 200, 0.003)
metrics.set_ready(True)
"""
SCRAPE = "print(Metrics([], [], max_pending_tokens=1).exposition().decode())"


@pytest.mark.skipif(sys.platform != "linux", reason="needs BentoML's supervisor")
def test_counts_stay_and_gauges_and_files_go(tmp_path: Path) -> None:
    settings = environment(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    for number in range(1, 4):
        subprocess.run([sys.executable, "-c", WORKER], cwd=ROOT, env=settings, check=True)
        scraped = subprocess.run(
            [sys.executable, "-c", f"from service.telemetry.metrics import Metrics; {SCRAPE}"],
            cwd=ROOT, env=settings, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert f'sentiline_requests_total{{method="POST",route="/predict",status="200"}} {number}.0' in scraped
        assert f'sentiline_request_seconds_bucket{{le="0.005",route="/predict"}} {number}.0' in scraped
        assert f'sentiline_request_seconds_count{{route="/predict"}} {number}.0' in scraped
        assert "sentiline_max_pending_tokens 1.0" in scraped
        assert "sentiline_ready_workers 1.0" not in scraped
    with locked(tmp_path):
        merge_dead_workers(tmp_path)
    assert {path.name for path in tmp_path.glob("*.db")} == {"counter_0.db", "histogram_0.db"}
