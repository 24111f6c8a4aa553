"""`GET /models` and `GET /info`: what is there is what they say, to the digest."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx

import sentiline
from sentiline.cpus import available_cpus
from sentiline.predictor import Predictor
from service.http.connections import connection_limit
from service.settings import Settings
from tests.bundles import THRESHOLDS, write_bundle
from tests.service.error_checks import check_error
from tests.service.server import Server


def entries(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in client.get("/models").json()["models"]}


def test_models(client: httpx.Client, predictor: Predictor) -> None:
    body = client.get("/models").json()
    assert body["default"] == "bilstm"
    assert {entry["name"] for entry in body["models"]} >= {"bilstm", "tiny", "plain", "broken"}
    entry, manifest = entries(client)["bilstm"], predictor.manifest
    content = (predictor.bundle.path / "manifest.json").read_bytes()
    assert entry == {
        "name": "bilstm",
        "state": "loaded",
        "version": manifest.version,
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "update": None,
        "summary": json.loads(content)["summary"],
        "additive": manifest.additive,
        "precision": predictor.precision,
        "precisions": ["fp32", "int8"],
        "max_tokens": predictor.tokenizer.max_tokens,
        "truncation": predictor.tokenizer.truncation,
        "uncertainty": json.loads(content).get("uncertainty"),
        "files": json.loads(content)["files"],
    }


def test_thresholds_are_told_before_the_model_is_loaded(client: httpx.Client, models: Path) -> None:
    assert entries(client)["unsure"]["uncertainty"] == THRESHOLDS
    assert entries(client)["tiny"]["uncertainty"] is None
    write_bundle(models / "wrong", manifest={"uncertainty": THRESHOLDS | {"confidence": 2}})
    try:
        assert entries(client)["wrong"] == {"name": "wrong", "state": "unusable"}
        asked = {"inputs": "good", "model": "wrong"}
        check_error(client.post("/predict", json=asked), 503, "model_unavailable", "model")
    finally:
        shutil.rmtree(models / "wrong")


def test_states_follow_what_happens(client: httpx.Client, models: Path) -> None:
    for name, state in (("plain", "loaded"), ("broken", "unusable")):
        client.post("/predict", json={"inputs": "good", "model": name})
        assert entries(client)[name]["state"] == state
    assert entries(client)["plain"]["additive"] is False
    added = models / "added"
    added.mkdir()
    (added / "manifest.json").write_text("{")
    try:
        assert entries(client)["added"] == {"name": "added", "state": "unusable"}
        (added / "manifest.json").write_bytes((models / "tiny" / "manifest.json").read_bytes())
        assert entries(client)["added"]["state"] == "unusable"  # its manifest has another name
    finally:
        (added / "manifest.json").unlink()
        added.rmdir()
    assert "added" not in entries(client)
    assert str(models) not in client.get("/models").text


def test_incomplete_manifests_are_listed(client: httpx.Client, models: Path) -> None:
    """A manifest that JSON can hold and an answer cannot: of the model, no other one, and never an internal error."""
    tiny = json.loads((models / "tiny" / "manifest.json").read_text())
    record = tiny["files"]["model.onnx"]
    added = models / "odd"
    added.mkdir()
    try:
        for change, usable in (
            ({"summary": {"a": 10**30}}, True),
            ({"summary": "half a pair: \ud83d"}, True),
            ({"version": "\ud83d"}, False),
            ({"precisions": {**tiny["precisions"], "\ud83d": "model.onnx"}}, False),
            ({"files": {**tiny["files"], "model.onnx": {**record, "bytes": 10**400}}}, False),
        ):
            (added / "manifest.json").write_text(json.dumps({**tiny, "name": "odd", **change}))
            entry = entries(client)["odd"]
            assert (entry["state"], entry.get("summary")) == ("available" if usable else "unusable", None)
            assert client.get("/info").status_code == 200
        check_error(client.post("/predict", json={"inputs": "good", "model": "odd"}), 503, "model_unavailable", "model")
    finally:
        (added / "manifest.json").unlink()
        added.rmdir()


def test_a_graph_that_fails_in_its_warm_up(client: httpx.Client, models: Path) -> None:
    """Its files are intact, and it has no embedding for the tokens that its tokenizer gives."""
    write_bundle(models / "short", rows=1)
    try:
        for _ in range(2):
            check_error(
                client.post("/predict", json={"inputs": "good", "model": "short"}), 503, "model_unavailable", "model"
            )
        assert entries(client)["short"]["state"] == "unusable"
    finally:
        shutil.rmtree(models / "short")


def test_the_loaded_model_is_told_of_not_the_folder(client: httpx.Client, models: Path) -> None:
    """It stays as it was loaded, and so do its version and digest."""
    write_bundle(models / "renewed")
    asked = {"inputs": "good film", "model": "renewed"}
    before = client.post("/predict", json=asked).json()
    entry = entries(client)["renewed"]
    file = models / "renewed" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": "9.9.9"}))
    update = {"version": "9.9.9", "digest": f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"}
    assert entries(client)["renewed"] == entry | {"update": update}
    shutil.rmtree(models / "renewed")
    assert entries(client)["renewed"] == entry
    assert client.post("/predict", json=asked).json() == before
    assert before["version"] == entry["version"] != "9.9.9"


def test_a_folder_that_vanishes(tmp_path: Path, models: Path) -> None:
    """What is loaded goes on; the rest is 503 until the folder is back."""
    (tmp_path / "mounted").symlink_to(models)
    settings = {"SENTILINE_MODELS": str(tmp_path / "mounted"), "SENTILINE_MODEL": "tiny", "SENTILINE_THREADS": "1"}
    with Server(tmp_path / "home", **settings) as server, httpx.Client(base_url=server.url, timeout=120) as session:
        server.wait_until_ready()
        (tmp_path / "mounted").unlink()
        for path in ("/models", "/info", "/v2/models/nope", "/v2/models/plain"):
            assert check_error(session.get(path), 503, "model_unavailable")["setting"] == "SENTILINE_MODELS"
        check_error(session.post("/predict", json={"inputs": "good", "model": "plain"}), 503, "model_unavailable")
        assert session.post("/predict", json={"inputs": "good"}).json()["model"] == "tiny"
        assert session.get("/readyz").status_code == 200
        (tmp_path / "mounted").symlink_to(models)
        assert session.post("/predict", json={"inputs": "good", "model": "plain"}).json()["model"] == "plain"
        assert {"tiny", "plain"} <= {entry["name"] for entry in session.get("/models").json()["models"]}
        assert "Traceback" not in server.log


def test_info_describes_the_server(client: httpx.Client, predictor: Predictor) -> None:
    body, defaults = client.get("/info").json(), Settings()
    assert body["models"] == client.get("/models").json()["models"]
    assert (body["service"], body["version"]) == ("sentiline", sentiline.__version__)
    assert (body["ready"], body["default"], body["precision"]) == (True, "bilstm", predictor.precision)
    assert (body["threads"], body["workers"]) == (available_cpus(), 1)
    assert body["limits"] == {
        "max_header_bytes": defaults.max_header_bytes,
        "max_body_bytes": defaults.max_body_bytes,
        "max_json_depth": defaults.max_json_depth,
        "max_items": defaults.max_items,
        "max_text_characters": defaults.max_text_characters,
        "max_pending_tokens": defaults.max_pending_tokens,
        "timeout_ms": defaults.timeout_ms,
        "keep_alive_seconds": defaults.keep_alive_seconds,
        "max_connections": connection_limit(None),
        "max_buffered_bytes": defaults.max_buffered_bytes,
        "model_memory_mb": defaults.model_memory_mb,
    }


def test_the_limits_are_those_that_are_kept(client: httpx.Client) -> None:
    limit = client.get("/info").json()["limits"]["max_items"]
    assert client.post("/predict", json={"inputs": ["good"] * limit, "detail": "none"}).status_code == 200
    assert client.post("/predict", json={"inputs": ["good"] * (limit + 1)}).json()["limit"] == limit


def test_a_new_version_in_the_folder_is_announced_and_not_served(client: httpx.Client, models: Path) -> None:
    write_bundle(models / "updated", seed=5)
    try:
        asked = {"inputs": "good", "model": "updated"}
        served = client.post("/predict", json=asked).json()
        assert entries(client)["updated"]["update"] is None
        shutil.rmtree(models / "updated")
        write_bundle(models / "updated", seed=6, manifest={"version": "0.0.2"})
        digest = hashlib.sha256((models / "updated" / "manifest.json").read_bytes()).hexdigest()
        entry = entries(client)["updated"]
        assert (entry["version"], entry["update"]) == ("0.0.1", {"version": "0.0.2", "digest": f"sha256:{digest}"})
        assert client.post("/predict", json=asked).json() == served
        (models / "updated" / "manifest.json").unlink()
        assert entries(client)["updated"]["update"] is None
    finally:
        shutil.rmtree(models / "updated")
    text = client.get("/metrics").text
    assert 'sentiline_model_workers{model="updated",version="0.0.1"} 1.0' in text
    assert re.search(r'^sentiline_model_load_seconds\{model="updated"\} 0\.\d', text, re.MULTILINE)
