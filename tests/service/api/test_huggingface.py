"""`POST /hf`: Hugging Face's own client, unchanged; and what it sends, by hand."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from sentiline.predictor import Predictor
from tests.service.api.classification import TEXTS, labels
from tests.service.error_checks import JSON, check_error
from tests.service.server import Server

FUNCTION = "parameters.function_to_apply"


@pytest.fixture(scope="module")
def hub(server: Server) -> InferenceClient:
    return InferenceClient(base_url=f"{server.url}/hf", timeout=120)


@pytest.mark.parametrize("text", TEXTS)
def test_the_hugging_face_client_gets_labels(hub: InferenceClient, predictor: Predictor, text: str) -> None:
    answer = hub.text_classification(text)
    assert [(element.label, element.score) for element in answer] == labels(predictor, text)


@pytest.mark.parametrize("top_k", [1, 2, 5])
def test_top_k(hub: InferenceClient, predictor: Predictor, top_k: int) -> None:
    answer = hub.text_classification(TEXTS[0], top_k=top_k)
    assert [(element.label, element.score) for element in answer] == labels(predictor, TEXTS[0])[:top_k]


def test_function_to_apply(hub: InferenceClient, predictor: Predictor) -> None:
    [reading] = predictor.read(TEXTS[1:2])
    raw = hub.text_classification(TEXTS[1], function_to_apply="none")
    assert {element.label: element.score for element in raw} == {"POSITIVE": reading.logit, "NEGATIVE": -reading.logit}
    assert raw[0].score >= 0
    for function in ("sigmoid", "softmax"):
        answer = hub.text_classification(TEXTS[1], function_to_apply=function)
        assert [(element.label, element.score) for element in answer] == labels(predictor, TEXTS[1])


def test_another_model(server: Server, client: httpx.Client) -> None:
    hub = InferenceClient(base_url=f"{server.url}/hf/models/tiny", timeout=120)
    body = client.post("/predict", json={"inputs": TEXTS[0], "model": "tiny", "detail": "none"}).json()
    assert hub.text_classification(TEXTS[0])[0].score == body["predictions"][0]["score"]


@pytest.mark.parametrize(
    ("model", "text", "status", "code"),
    [("", "", 422, "empty_text"), ("/models/nobody", "good", 404, "model_not_found"), ("/x", "good", 404, "not_found")],
)
def test_the_client_reads_the_errors(server: Server, model: str, text: str, status: int, code: str) -> None:
    with pytest.raises(HfHubHTTPError) as caught:
        InferenceClient(base_url=f"{server.url}/hf{model}", timeout=120).text_classification(text)
    assert caught.value.response.status_code == status
    assert caught.value.response.json()["error_type"] == code


def test_answers_are_nested(client: httpx.Client, predictor: Predictor) -> None:
    wanted = [[{"label": label, "score": score} for label, score in labels(predictor, text)] for text in TEXTS]
    assert client.post("/hf", json={"inputs": TEXTS[0]}).json() == wanted[:1]
    nulls = {"top_k": None, "function_to_apply": None, "truncation": None}
    answer = client.post("/hf", json={"inputs": TEXTS, "parameters": nulls, "options": {"use_cache": False}})
    assert answer.json() == wanted
    assert (answer.headers["x-model"], answer.headers["x-truncated-texts"]) == ("bilstm", "0")


def test_truncation_is_reported(client: httpx.Client, predictor: Predictor) -> None:
    text = "a good film " * predictor.tokenizer.max_tokens
    document = {"inputs": [text, "good"], "parameters": {"truncation": "tail", "top_k": 1}}
    answer = client.post("/hf", json=document)
    [reading] = predictor.read([text], truncation="tail")
    assert answer.json()[0] == [{"label": reading.label, "score": reading.score}]
    assert answer.headers["x-truncated-texts"] == "1"


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ({"inputs": ["good", "", 5]}, "empty_text", "inputs[1]"),
        ({"inputs": ["good", 5]}, "invalid_type", "inputs[1]"),
        ({"inputs": [["good", "bad"]]}, "invalid_type", "inputs[0]"),
        ({"inputs": []}, "empty_list", "inputs"),
        ({"inputs": {"text": "good"}}, "invalid_type", "inputs"),
        ({"parameters": {}}, "missing_field", "inputs"),
        ({"inputs": "good", "parameters": []}, "invalid_type", "parameters"),
        ({"inputs": "good", "parameters": {"k": 1}}, "unknown_field", "parameters.k"),
        ({"inputs": "good", "parameters": {"top_k": 0}}, "invalid_option", "parameters.top_k"),
        ({"inputs": "good", "parameters": {"top_k": 1.5}}, "invalid_type", "parameters.top_k"),
        ({"inputs": "good", "parameters": {"top_k": True}}, "invalid_type", "parameters.top_k"),
        ({"inputs": "good", "parameters": {"function_to_apply": "relu"}}, "invalid_option", FUNCTION),
        ({"inputs": "good", "parameters": {"truncation": True}}, "invalid_type", "parameters.truncation"),
        ({"inputs": "good " * 5000, "parameters": {"truncation": "error"}}, "text_too_long", "inputs"),
    ],
)  # fmt: skip
def test_refusals(client: httpx.Client, document: Any, code: str, field: str) -> None:
    body = check_error(client.post("/hf", content=json.dumps(document).encode(), headers=JSON), 422, code, field)
    assert body.get("index") == (1 if field == "inputs[1]" else 0 if field == "inputs[0]" else None)


def test_the_route_is_a_template_in_the_metrics(client: httpx.Client) -> None:
    for name in ("tiny", "nobody", "nobody2"):
        client.post(f"/hf/models/{name}", json={"inputs": "good"})
    client.get("/hf/models/tiny")
    text = client.get("/metrics").text
    assert 'sentiline_requests_total{method="POST",route="/hf/models/{model}",status="200"}' in text
    assert 'sentiline_requests_total{method="GET",route="/hf/models/{model}",status="405"}' in text
    assert "nobody" not in text
