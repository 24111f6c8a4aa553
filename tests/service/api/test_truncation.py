"""Truncation is never silent: each route says of which texts tokens were left out, and the metrics count them."""

from __future__ import annotations

import re

import httpx
import pytest

from sentiline.predictor import Predictor


def count(client: httpx.Client, name: str) -> float:
    found = re.search(rf'^{name}{{model="bilstm"}} (\S+)$', client.get("/metrics").text, re.MULTILINE)
    assert found, name
    return float(found[1])


@pytest.mark.parametrize("policy", [None, "head", "tail"])
def test_every_route_tells_it_and_it_is_counted(client: httpx.Client, predictor: Predictor, policy: str | None) -> None:
    limit = predictor.tokenizer.max_tokens
    texts = ["good " * (limit + 3), "good " * limit, "bad film " * limit]
    before = count(client, "sentiline_truncated_texts_total"), count(client, "sentiline_tokens_total")

    body = {"inputs": texts, "truncation": policy, "detail": "none"}
    predictions = client.post("/predict", json=body).json()["predictions"]
    told = [(one["truncated"], one["tokens_total"], one["tokens_used"]) for one in predictions]
    assert told == [(True, limit + 3, limit), (False, limit, limit), (True, 2 * limit, limit)]

    hub = client.post("/hf", json={"inputs": texts, "parameters": {"truncation": policy}})
    assert hub.headers["x-truncated-texts"] == "2"

    tensor = {"name": "text", "shape": [3], "datatype": "BYTES", "data": texts}
    infer = client.post("/v2/models/bilstm/infer", json={"inputs": [tensor], "parameters": {"truncation": policy}})
    assert infer.json()["parameters"]["truncated_texts"] == 2

    after = count(client, "sentiline_truncated_texts_total"), count(client, "sentiline_tokens_total")
    assert (after[0] - before[0], after[1] - before[1]) == (6, 9 * limit)


def test_it_can_be_refused_instead(client: httpx.Client, predictor: Predictor) -> None:
    """The error has the numbers, and a text that fits is not affected."""
    limit = predictor.tokenizer.max_tokens
    body = {"inputs": ["good " * (limit + 1), "good " * limit], "truncation": "error", "detail": "none"}
    answer = client.post("/predict", json=body)
    refused, fits = answer.json()["predictions"]
    assert (answer.status_code, refused["error_type"], fits["tokens_used"]) == (200, "text_too_long", limit)
    assert (refused["limit"], refused.get("setting")) == (limit, None)
    assert str(limit + 1) in refused["error"]
    assert str(limit) in refused["error"].replace(str(limit + 1), "")
