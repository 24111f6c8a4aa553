"""`/metrics`: complete from the first scrape, right after requests, and of fixed size whatever is requested."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.errors import CODES
from service.settings import Settings
from service.telemetry.metrics import DROP_REASONS
from service.telemetry.stage_times import STAGES
from tests.service.conftest import PRIVATE
from tests.service.server import Server

_SAMPLE = re.compile(r"^(sentiline_\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """A server of two workers that has answered nothing but /readyz."""
    home = tmp_path_factory.mktemp("fresh")
    (home / "mounted").mkdir()
    settings = {"SENTILINE_WORKERS": "2", "SENTILINE_ACCESS_LOG": "on", "SENTILINE_THREADS": "1"}
    with Server(home, SENTILINE_MODELS=f"{models}{os.pathsep}{home / 'mounted'}", **settings) as running:
        for worker in (1, 2):
            running.wait_for_log(f"entry_service:SentimentService:{worker}] ready")
        yield running.wait_until_ready()


def scrape(server: Server) -> dict[str, float]:
    answer = httpx.get(f"{server.url}/metrics", timeout=120)
    assert answer.headers["content-type"].startswith("text/plain")
    return {name: float(value) for name, value in _SAMPLE.findall(answer.text)}


def test_complete_from_the_first_scrape(fresh: Server) -> None:
    samples = scrape(fresh)
    assert samples["sentiline_ready_workers"] == 2
    assert samples["sentiline_pending_texts"] == samples["sentiline_pending_tokens"] == 0
    assert samples["sentiline_max_pending_tokens"] == 2 * Settings().max_pending_tokens
    assert samples["sentiline_loaded_models"] == 2
    assert samples['sentiline_model_memory_bytes{model="bilstm"}'] > 2 * 2**20
    for reason in DROP_REASONS:
        assert samples[f'sentiline_dropped_texts_total{{reason="{reason}"}}'] == 0
    for stage in STAGES:
        assert f'sentiline_stage_seconds_count{{stage="{stage}"}}' in samples
    assert samples['sentiline_requests_total{method="POST",route="/predict",status="200"}'] == 0
    for code in CODES:
        assert samples[f'sentiline_errors_total{{error_type="{code}"}}'] == 0
    for model in ("bilstm", "tiny", "plain", "unsure"):  # loaded or not, with thresholds or without
        for name in ("tokens", "unknown_tokens", "truncated_texts", "uncertain_texts"):
            assert samples[f'sentiline_{name}_total{{model="{model}"}}'] == 0
        for label in ("POSITIVE", "NEGATIVE"):
            assert samples[f'sentiline_predictions_total{{label="{label}",model="{model}"}}'] == 0
        for tenth in range(1, 11):
            assert samples[f'sentiline_positive_probability_bucket{{le="{tenth / 10}",model="{model}"}}'] == 0


def test_requests_are_counted_over_all_workers(fresh: Server) -> None:
    before = scrape(fresh)
    used = unknown = 0
    labels = {"POSITIVE": 0, "NEGATIVE": 0}
    positive = []
    for index in range(20):  # a connection each: both workers get some
        text = f"{PRIVATE} film number {index}: good, but not wonderful zzzqx"
        answer = httpx.post(f"{fresh.url}/predict", json={"inputs": [text, ""]}, timeout=120)
        prediction = answer.json()["predictions"][0]
        used += prediction["tokens_used"]
        unknown += prediction["unknown_tokens"]
        labels[prediction["label"]] += 1
        positive.append(prediction["positive"])
    assert httpx.get(f"{fresh.url}/predict?text={PRIVATE}").status_code == 405
    after = scrape(fresh)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grown('sentiline_requests_total{method="POST",route="/predict",status="200"}') == 20
    assert grown('sentiline_requests_total{method="GET",route="/predict",status="405"}') == 1
    assert grown('sentiline_request_seconds_count{route="/predict"}') == 21
    assert grown('sentiline_errors_total{error_type="empty_text"}') == 20
    assert grown('sentiline_tokens_total{model="bilstm"}') == used
    assert grown('sentiline_unknown_tokens_total{model="bilstm"}') == unknown
    assert unknown > 0
    for tenth in range(1, 11):
        bucket = f'sentiline_positive_probability_bucket{{le="{tenth / 10}",model="bilstm"}}'
        assert grown(bucket) == sum(value <= tenth / 10 for value in positive)
    for stage in STAGES:
        assert grown(f'sentiline_stage_seconds_count{{stage="{stage}"}}') == 20
    for label, count in labels.items():
        assert grown(f'sentiline_predictions_total{{label="{label}",model="bilstm"}}') == count


def test_random_requests_add_no_series(fresh: Server) -> None:
    def provoke(index: int) -> None:
        session.get(f"/{index}/{PRIVATE}")
        session.request("PROPFIND", f"/{index}")
        session.post("/predict", json={"inputs": "good", "model": f"model{index}"})
        session.post("/predict", json={"inputs": "good", f"key{index}": 1})

    with httpx.Client(base_url=fresh.url, timeout=120) as session:
        provoke(0)
        before = set(scrape(fresh))
        for index in range(1, 40):
            provoke(index)
    assert set(scrape(fresh)) == before


def test_the_log_holds_no_text(fresh: Server) -> None:
    """After the tests above, whose reviews, paths and queries all hold one word."""
    assert "POST /predict 200" in fresh.log
    assert "GET unmatched 404" in fresh.log
    assert PRIVATE not in fresh.log


def test_a_refusal_that_is_no_fault_of_the_client_is_counted(fresh: Server) -> None:
    """A folder of models goes away while the server runs: it cannot look for models that it has not loaded."""
    mounted = fresh.home / "mounted"
    mounted.rmdir()
    answer = httpx.post(f"{fresh.url}/predict", json={"inputs": "good film", "model": "plain"}, timeout=120)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "model_unavailable")
    assert str(mounted) not in answer.text
    fresh.wait_for_log(f"SENTILINE_MODELS names {mounted}")  # written after the answer is sent
    assert scrape(fresh)['sentiline_errors_total{error_type="model_unavailable"}'] == 1
    loaded = httpx.post(f"{fresh.url}/predict", json={"inputs": "good film"}, timeout=120)
    assert loaded.status_code == 200
    mounted.mkdir()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_a_killed_worker_is_replaced_and_not_counted(fresh: Server) -> None:
    """Last in this file: it takes a worker away."""
    first, second = fresh.workers
    answered = scrape(fresh)['sentiline_requests_total{method="POST",route="/predict",status="200"}']
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 180  # BentoML's supervisor looks every ten seconds
    while fresh.log.count("] ready: model 'bilstm'") < 3:
        assert httpx.post(f"{fresh.url}/predict", json={"inputs": "good film"}, timeout=120).status_code == 200
        answered += 1
        assert time.monotonic() < deadline, fresh.log
        time.sleep(0.2)
    assert second in fresh.workers
    assert first not in fresh.workers
    after = scrape(fresh)
    assert after["sentiline_ready_workers"] == 2
    assert after['sentiline_requests_total{method="POST",route="/predict",status="200"}'] == answered
