"""The monitoring files by themselves: rules that fire when they should, a dashboard of metrics that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.telemetry.metrics import Metrics
from tests.docker.dashboard import MONITORING, ROOT, dashboard, panels, queries

SUFFIXES = ("_bucket", "_count", "_sum")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def check(promtool: str, *arguments: str, folder: Path = MONITORING) -> str:
    done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def alerts() -> dict[str, Any]:
    return {
        rule["alert"]: rule
        for group in load(MONITORING / "alerts.yml")["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """Every name that /metrics may show."""
    text = Metrics([("/predict", ["POST"])], ["bilstm"], max_pending_tokens=1).exposition().decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M))
    histograms = {name + suffix for name, kind in types.items() if kind == "histogram" for suffix in SUFFIXES}
    return {name for name, kind in types.items() if kind != "histogram"} | histograms


def test_promtool_accepts_the_configuration_and_the_rules(promtool: str) -> None:
    assert "rules found" in check(promtool, "check", "config", "prometheus.yml")


def test_every_alert_fires_when_it_should_and_only_then(promtool: str) -> None:
    assert "SUCCESS" in check(promtool, "test", "rules", "alerts_test.yml")


def test_every_alert_has_a_test(alerts: dict[str, Any]) -> None:
    text = (MONITORING / "alerts_test.yml").read_text(encoding="utf-8")
    assert [name for name in alerts if not re.search(rf'alertname(: |=")+{name}\b', text)] == []


def test_every_alert_says_what_it_means_and_what_to_do(alerts: dict[str, Any]) -> None:
    assert len(alerts) >= 7
    for rule in alerts.values():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert all(rule["annotations"].values())


def test_rules_and_dashboard_name_existing_metrics(metrics: set[str]) -> None:
    texts = [query for _, query in queries("1m")]
    texts += [rule["expr"] for group in load(MONITORING / "alerts.yml")["groups"] for rule in group["rules"]]
    named = {name for text in texts for name in re.findall(r"(?<![:\w])sentiline_\w+", text)}
    assert named
    assert named - metrics == set()


def test_label_values_in_queries_exist() -> None:
    text = Metrics([("/predict", ["POST"])], ["bilstm"], max_pending_tokens=1).exposition().decode()
    for _, query in queries("1m"):
        for label, value in re.findall(r'(error_type|stage|reason|label)="(\w+)"', query):
            assert f'{label}="{value}"' in text


def test_every_query_of_the_dashboard_is_valid(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(queries("1m"))]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in check(promtool, "check", "rules", "rules.yml", folder=tmp_path)


def test_the_dashboard_finds_its_data_source() -> None:
    (source,) = load(MONITORING / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["type"] == "prometheus"
    for panel in panels():
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": source["uid"]}
    services = load(ROOT / "docker-compose.yml")["services"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services


def test_grafana_finds_the_dashboard() -> None:
    (provider,) = load(MONITORING / "grafana/provisioning/dashboards/sentiline.yml")["providers"]
    grafana = load(ROOT / "docker-compose.yml")["services"]["grafana"]
    folder = provider["options"]["path"]
    assert f"./service/deploy/monitoring/grafana/dashboards:{folder}:ro" in grafana["volumes"]
    assert "./service/deploy/monitoring/grafana/provisioning:/etc/grafana/provisioning:ro" in grafana["volumes"]
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/sentiline.json"


def test_prometheus_scrapes_the_service_of_the_compose_file() -> None:
    services = load(ROOT / "docker-compose.yml")["services"]
    (scrape,) = load(MONITORING / "prometheus.yml")["scrape_configs"]
    (target,) = scrape["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert services[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert scrape["job_name"] == "sentiline"  # which the alert rules look for
    assert scrape["metrics_path"] == "/metrics"


def test_third_party_images_are_pinned_confined_and_bound_to_localhost() -> None:
    services = load(ROOT / "docker-compose.yml")["services"]
    for name, service in services.items():
        if "build" not in service:
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert {"mem_limit", "cpus"} <= service.keys()


def test_panels_do_not_overlap_and_have_descriptions() -> None:
    everything = dashboard()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    cells: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        cells |= taken
    assert all(panel["description"] and panel["targets"] for panel in panels())
