"""Labels of three classes over HTTP: each protocol has its parameter, and refuses a model without cut points."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiline.predictor import load
from tests.service.error_checks import check_error

TEXTS = ["I loved this film. The acting was wonderful!", "So boring: the worst plot.", "It is a film about a movie"]
INFER = "/v2/models/threeway/infer"


def tensor(**entries: Any) -> dict[str, Any]:
    return {"name": "text", "shape": [len(TEXTS)], "datatype": "BYTES", "data": TEXTS} | entries


def logits(models: Path) -> list[float]:
    with load(models / "threeway", threads=1) as predictor:
        return [reading.logit for reading in predictor.read(TEXTS)]


def expected(logit: float) -> dict[str, float]:
    """The definition, with the cut points of the bundle."""
    negative, positive = 1 / (1 + math.exp(logit + 0.5)), 1 / (1 + math.exp(1.5 - logit))
    return {"negative": negative, "neutral": 1 - negative - positive, "positive": positive}


@pytest.mark.parametrize("detail", ["none", "sentences", "timesteps"])
def test_predict_answers_as_python_does(client: httpx.Client, models: Path, detail: Any) -> None:
    body = {"inputs": TEXTS, "model": "threeway", "detail": detail}
    answer = client.post("/predict", json=body | {"neutral": True}).json()
    with load(models / "threeway", threads=1) as predictor:
        assert answer == predictor.answer(predictor.read(TEXTS, neutral=True), detail)
    two = client.post("/predict", json=body | {"neutral": False}).json()
    assert client.post("/predict", json=body | {"neutral": None}).json() == two
    for one, plain, logit in zip(answer["predictions"], two["predictions"], logits(models), strict=True):
        probabilities = one.pop("probabilities")
        assert probabilities == pytest.approx(expected(logit))
        assert one["label"] == max(probabilities, key=probabilities.__getitem__).upper()
        assert one["score"] == max(probabilities.values())
        assert one.keys() == plain.keys()
        unchanged = ("positive", "logit", "bias", "tokens_total", "timesteps")
        assert {key: one.get(key) for key in unchanged} == {key: plain.get(key) for key in unchanged}
    assert {one["label"] for one in two["predictions"]} <= {"POSITIVE", "NEGATIVE"}


def test_hugging_face_route_ranks_three_labels(client: httpx.Client, models: Path) -> None:
    url, body = "/hf/models/threeway", {"inputs": TEXTS}
    answers = client.post(url, json=body | {"parameters": {"neutral": True}}).json()
    for labels, logit in zip(answers, logits(models), strict=True):
        assert {one["label"].lower(): one["score"] for one in labels} == pytest.approx(expected(logit))
        assert [one["score"] for one in labels] == sorted((one["score"] for one in labels), reverse=True)
    raw = client.post(url, json=body | {"parameters": {"neutral": True, "function_to_apply": "none"}}).json()
    for labels, logit in zip(raw, logits(models), strict=True):
        odds = {name: math.log(p / (1 - p)) for name, p in expected(logit).items()}
        assert {one["label"].lower(): one["score"] for one in labels} == pytest.approx(odds)
    top = client.post(url, json=body | {"parameters": {"neutral": True, "top_k": 1}}).json()
    assert top == [labels[:1] for labels in answers]
    assert [len(labels) for labels in client.post(url, json=body).json()] == [2] * len(TEXTS)


def test_open_inference_route_adds_an_output(client: httpx.Client, models: Path) -> None:
    answer = client.post(INFER, json={"inputs": [tensor()], "parameters": {"neutral": True}}).json()
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert list(outputs) == ["label", "score", "uncertain", "probabilities"]
    wanted = [list(expected(logit).values()) for logit in logits(models)]
    assert outputs["probabilities"]["shape"] == [3, 3]
    assert outputs["probabilities"]["data"] == pytest.approx([value for row in wanted for value in row])
    assert outputs["score"]["data"] == pytest.approx([max(row) for row in wanted])
    names = ["NEGATIVE", "NEUTRAL", "POSITIVE"]
    assert outputs["label"]["data"] == [names[row.index(max(row))] for row in wanted]
    binary = client.post(
        INFER,
        json={
            "inputs": [tensor()],
            "parameters": {"neutral": True},
            "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
        },
    )
    size = int(binary.headers["inference-header-content-length"])
    assert struct.unpack("<9f", binary.content[size:]) == pytest.approx(outputs["probabilities"]["data"])
    plain = client.post(INFER, json={"inputs": [tensor()]}).json()
    assert [output["name"] for output in plain["outputs"]] == ["label", "score", "uncertain"]
    assert [one["name"] for one in client.get("/v2/models/threeway").json()["outputs"]] == [
        "label",
        "score",
        "uncertain",
    ]


def test_probabilities_need_the_parameter(client: httpx.Client) -> None:
    answer = client.post(INFER, json={"inputs": [tensor()], "outputs": [{"name": "probabilities"}]})
    check_error(answer, 422, "invalid_input", "outputs[0].name")
    assert "set parameters.neutral" in answer.json()["error"]


@pytest.mark.parametrize(
    ("url", "body", "field"),
    [
        ("/predict", {"inputs": TEXTS, "model": "tiny", "neutral": True}, "neutral"),
        ("/predict", {"inputs": TEXTS[0], "model": "tiny", "neutral": True}, "neutral"),
        ("/hf/models/tiny", {"inputs": TEXTS, "parameters": {"neutral": True}}, "parameters.neutral"),
        ("/v2/models/tiny/infer", {"inputs": [tensor()], "parameters": {"neutral": True}}, "parameters.neutral"),
    ],
)
def test_a_model_without_cut_points_refuses(client: httpx.Client, url: str, body: Any, field: str) -> None:
    answer = client.post(url, json=body)
    check_error(answer, 422, "invalid_input", field)
    assert answer.json()["model"] == "tiny"
    for part in ("model tiny 0.0.1 has no cut points", "leave neutral out", "python -m training thresholds"):
        assert part in answer.json()["error"]


@pytest.mark.parametrize("value", ["yes", 1, [True]])
def test_neutral_must_be_true_or_false(client: httpx.Client, value: Any) -> None:
    answer = client.post("/predict", json={"inputs": TEXTS, "model": "threeway", "neutral": value})
    check_error(answer, 422, "invalid_type", "neutral")
    assert "must be true or false" in answer.json()["error"]


def test_models_and_metrics_name_the_third_class(client: httpx.Client, models: Path) -> None:
    described = {one["name"]: one for one in client.get("/models").json()["models"]}
    assert described["threeway"]["neutral"]["cut_points"] == {"negative": -0.5, "positive": 1.5}
    assert described["threeway"]["uncertainty"]["lengths"][0] == {"max_tokens": 4, "confidence": 0.95}
    assert "neutral" not in described["tiny"]
    assert described["unsure"]["uncertainty"] == {"confidence": 0.75, "unknown_rate": 0.25}
    client.post("/predict", json={"inputs": TEXTS, "model": "threeway", "neutral": True})
    assert 'sentiline_predictions_total{label="NEUTRAL",model="threeway"}' in client.get("/metrics").text
