"""`GET /models` and `GET /info`: what is there is what they say, to the digest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx

import sentiline
from sentiline.cpus import available_cpus
from sentiline.predictor import Predictor
from service.settings import Settings


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
        "summary": json.loads(content)["summary"],
        "additive": manifest.additive,
        "precision": predictor.precision,
        "precisions": ["fp32", "int8"],
        "max_tokens": predictor.tokenizer.max_tokens,
        "truncation": predictor.tokenizer.truncation,
        "files": json.loads(content)["files"],
    }


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


def test_info(client: httpx.Client, predictor: Predictor) -> None:
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
        "model_memory_mb": defaults.model_memory_mb,
    }


def test_the_limits_are_those_that_are_kept(client: httpx.Client) -> None:
    limit = client.get("/info").json()["limits"]["max_items"]
    assert client.post("/predict", json={"inputs": ["good"] * limit, "detail": "none"}).status_code == 200
    assert client.post("/predict", json={"inputs": ["good"] * (limit + 1)}).json()["limit"] == limit
