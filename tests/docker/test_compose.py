"""docker-compose.yml with its monitoring profile: a real Prometheus scrapes the real service."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.docker.containers import SECONDS, docker, wait_for
from tests.docker.dashboard import MONITORING, ROOT, queries
from tests.requirement import need
from tests.service.server import free_port

HOST = Path(__file__).with_name("compose.host.yml")
TEXTS = ["It drags at first, and then it soars: a film to remember!", "So boring.", "Zxqv!", "Fine. " * 2000]


class Stack:
    """The service and Prometheus as docker-compose starts them, on ports of 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        service, prometheus = free_port(), free_port()
        while prometheus == service:
            prometheus = free_port()
        self.url = f"http://127.0.0.1:{service}"
        self.prometheus = f"http://127.0.0.1:{prometheus}"
        self.project = f"sentiline-test-{service}"
        variables = {
            "SERVICE_PORT": service,
            "PROMETHEUS_PORT": prometheus,
            "MONITORING": monitoring_files(folder, service),
        }
        self._environment = {**os.environ, **{key: str(value) for key, value in variables.items()}}
        self._file = folder / "compose.yml"
        merged = yaml.safe_load(self._compose("config", files=(ROOT / "docker-compose.yml", HOST)))
        for part in merged["services"].values():
            del part["ports"]  # the host's network has none to publish, and an override file cannot take them away
        self._file.write_text(yaml.safe_dump(merged))

    def __call__(self, *arguments: str) -> str:
        return self._compose(*arguments, files=(self._file,))

    def _compose(self, *arguments: str, files: tuple[Path, ...]) -> str:
        command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        command += ["--project-name", self.project, "--project-directory", str(ROOT), "--profile", "monitoring"]
        command += [part for file in files for part in ("--file", str(file))]
        done = subprocess.run(
            [*command, *arguments], env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """Return the labels and the value of each series that a query yields now."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": query}, timeout=30)
        assert answer.status_code == 200, answer.text
        return [(series["metric"], float(series["value"][1])) for series in answer.json()["data"]["result"]]

    def firing(self) -> dict[str, Any]:
        """Return the firing alerts by name."""
        alerts = httpx.get(f"{self.prometheus}/api/v1/alerts", timeout=30).json()["data"]["alerts"]
        return {alert["labels"]["alertname"]: alert for alert in alerts if alert["state"] == "firing"}


def monitoring_files(folder: Path, port: int) -> Path:
    """Copy the monitoring files, with the service's port, intervals of one second, and alerts that wait for two."""
    changed = folder / "monitoring"
    changed.mkdir()
    scrape = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    scrape, ports = re.subn(r"sentiline:3000", f"sentiline:{port}", scrape)
    scrape, intervals = re.subn(r"_interval: \w+", "_interval: 1s", scrape)
    rules, waits = re.subn(r"\bfor: \w+", "for: 2s", (MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    assert (ports, intervals) == (1, 2)
    assert waits >= 7
    (changed / "prometheus.yml").write_text(scrape)
    (changed / "alerts.yml").write_text(rules)
    for path in (changed, *changed.iterdir()):  # Prometheus runs as nobody
        path.chmod(0o755 if path.is_dir() else 0o644)
    return changed


@pytest.fixture(scope="module")
def stack(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    there = shutil.which("docker-compose") is not None or "compose" in docker("help")
    need("docker", there, "neither docker-compose nor docker's compose plugin is installed")
    running = Stack(tmp_path_factory.mktemp("compose"))
    try:
        running("up", "--detach", "--no-build", "sentiline", "prometheus")
        wait_for(f"{running.url}/readyz")
        wait_for(f"{running.prometheus}/-/ready")
        yield running
    finally:
        running("down", "--volumes", "--timeout", "30")


def wait_until(condition: Callable[[], Any], meanwhile: Callable[[], None] = lambda: None) -> Any:
    """Poll `condition` until it is true, and return its value."""
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{condition} stayed {value}"
        meanwhile()
        time.sleep(0.2)
    return value


def traffic(url: str) -> None:
    """Send requests of every kind: several routes and models, long texts, unknown words, refused requests."""
    with httpx.Client(base_url=url, timeout=60) as client:
        for model in ("bilstm", "lstm"):
            assert client.post("/predict", json={"inputs": TEXTS, "model": model}).status_code == 200
        assert client.post("/hf", json={"inputs": TEXTS[0]}).status_code == 200
        assert client.post("/predict", json={"inputs": [""]}).status_code == 422
        assert client.post("/predict", content=b"{").status_code >= 400
        assert client.get("/nowhere").status_code == 404


def test_prometheus_scrapes_the_real_metrics(stack: Stack) -> None:
    wait_until(lambda: stack.ask('up{job="sentiline"} == 1'))
    traffic(stack.url)
    shown = re.findall(r"^(sentiline_predictions_total)\{(.+)\} (\S+)$", httpx.get(f"{stack.url}/metrics").text, re.M)
    assert sum(float(value) for *_, value in shown) >= 2 * len(TEXTS)

    def stored() -> bool:
        return all(
            [value for _, value in stack.ask(f"{name}{{{labels}}}")] == [float(value)] for name, labels, value in shown
        )

    wait_until(stored)


def test_every_query_of_the_dashboard_has_data(stack: Stack) -> None:
    empty: list[tuple[str, str]] = []

    def all_have_data() -> bool:
        empty[:] = [
            (title, query)
            for title, query in queries("1m")
            if not any(math.isfinite(value) for _, value in stack.ask(query))
        ]
        return not empty

    try:
        wait_until(all_have_data, lambda: traffic(stack.url))
    except AssertionError:
        pytest.fail(f"no data: {empty}")


def test_the_rules_are_loaded_and_evaluated(stack: Stack) -> None:
    def groups() -> Any:
        return httpx.get(f"{stack.prometheus}/api/v1/rules", timeout=30).json()["data"]["groups"]

    wait_until(lambda: all(rule["health"] == "ok" for group in groups() for rule in group["rules"]))
    names = {rule["name"] for group in groups() for rule in group["rules"]}
    assert {"SentilineDown", "sentiline:requests:rate5m"} <= names
    assert stack.ask("sentiline:requests:rate5m")


def test_an_alert_fires_when_the_service_is_killed_and_ends_when_it_is_back(stack: Stack) -> None:
    wait_until(lambda: "SentilineDown" not in stack.firing())
    stack("kill", "sentiline")
    alert = wait_until(lambda: stack.firing().get("SentilineDown"))
    port = stack.url.rpartition(":")[2]
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == f"Sentiline does not answer at sentiline:{port}."
    stack("start", "sentiline")
    wait_until(lambda: "SentilineDown" not in stack.firing())
    wait_until(lambda: stack.ask("sentiline_ready_workers == 1"))


def test_stopping_the_service_exits_with_status_0(stack: Stack) -> None:
    container = stack("ps", "--quiet", "sentiline").strip()
    stack("stop", "sentiline")
    assert docker("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", container) == "0 false"
