"""What the service says of texts of which its model does not know: in answers, in metrics, and nothing in `/hf`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiline.predictor import load

TEXTS = ["zzz qqq good xxx", "So boring: the worst plot.", "It was fine, but not great"]
EXPECTED = [True, False, True]


def counted(client: httpx.Client, model: str) -> float:
    pattern = rf'^sentiline_uncertain_texts_total{{model="{model}"}} (\S+)$'
    [value] = re.findall(pattern, client.get("/metrics").text, re.MULTILINE)
    return float(value)


@pytest.mark.parametrize("detail", ["none", "sentences", "timesteps"])
def test_predict_marks_uncertain_texts(client: httpx.Client, models: Path, detail: Any) -> None:
    answer = client.post("/predict", json={"inputs": TEXTS, "model": "unsure", "detail": detail}).json()
    assert [prediction["uncertain"] for prediction in answer["predictions"]] == EXPECTED
    with load(models / "unsure", threads=1) as predictor:
        assert answer == predictor.answer(predictor.read(TEXTS), detail)


def test_a_model_without_thresholds_cannot_tell(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"inputs": TEXTS, "model": "tiny"}).json()
    assert [prediction["uncertain"] for prediction in answer["predictions"]] == [None] * 3


def test_uncertain_texts_are_counted(client: httpx.Client) -> None:
    before = {model: counted(client, model) for model in ("unsure", "tiny")}
    for model in before:
        client.post("/predict", json={"inputs": [*TEXTS, ""], "model": model})
        client.post(f"/hf/models/{model}", json={"inputs": TEXTS})
        tensor = {"name": "text", "shape": [3], "datatype": "BYTES", "data": TEXTS}
        client.post(f"/v2/models/{model}/infer", json={"inputs": [tensor]})
    assert {model: counted(client, model) - before[model] for model in before} == {"unsure": 6, "tiny": 0}


def test_hugging_faces_clients_are_answered_as_ever(client: httpx.Client) -> None:
    answer = client.post("/hf/models/unsure", json={"inputs": TEXTS[0]})
    [[best, other]] = answer.json()
    assert best.keys() == other.keys() == {"label", "score"}
    assert "uncertain" not in json.dumps(dict(answer.headers))
