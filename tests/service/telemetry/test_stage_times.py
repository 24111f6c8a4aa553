"""Response headers and metrics that say where the time of a request went."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from service.headers import TIMING
from service.telemetry.stage_times import STAGES, StageTimes, TextTiming

TENSOR = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["A good film.", "So boring!"]}
REQUESTS = [
    ("/predict", {"inputs": "A good film."}, 3),
    ("/predict", {"inputs": ["A good film.", "", 5, "So boring!"], "detail": "none"}, 6),
    ("/predict", {"inputs": ""}, 0),
    ("/hf", {"inputs": ["A good film.", "So boring!"]}, 6),
    ("/v2/models/bilstm/infer", {"inputs": [TENSOR]}, 6),
    ("/v2/models/bilstm/infer", {"inputs": [TENSOR], "parameters": {"binary_data_output": True}}, 6),
]


def sample(text: str, name: str) -> float:
    (value,) = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(value)


@pytest.mark.parametrize(("path", "document", "tokens"), REQUESTS)
def test_answers_carry_stage_times(client: httpx.Client, path: str, document: Any, tokens: int) -> None:
    before = client.get("/metrics").text
    answer = client.post(path, json=document)
    after = client.get("/metrics").text
    assert answer.headers["x-compute-tokens"] == str(tokens)
    total, tokenize, queue, infer, serialize = (float(answer.headers[name]) for name in TIMING[1:-1])
    assert min(queue, tokenize, infer, serialize) >= 0
    assert (infer > 0) == (tokens > 0)
    assert total >= queue
    shown = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    assert tuple(shown) == STAGES
    assert [float(value) for value in shown.values()] == [queue, tokenize, infer, serialize]
    for stage, milliseconds in zip(STAGES, (queue, tokenize, infer, serialize), strict=True):
        series = f'{{stage="{stage}"}}'
        count, seconds = f"sentiline_stage_seconds_count{series}", f"sentiline_stage_seconds_sum{series}"
        assert sample(after, count) == sample(before, count) + 1
        assert (sample(after, seconds) - sample(before, seconds)) * 1e3 == pytest.approx(milliseconds, abs=1e-3)


def test_other_answers_have_none(client: httpx.Client) -> None:
    for answer in (client.get("/livez"), client.get("/predict"), client.post("/predict", json={})):
        assert not set(TIMING) & set(answer.headers)


def test_stages_of_texts_read_in_parallel() -> None:
    times = StageTimes(started=1.0)
    assert times.stages() == (0, 0, 0, 0)
    times.accepted = 2.0
    times.texts.append(TextTiming(1, 30, started=3.5, tokenized=4.0, inferred=6.0, rendered=6.25))
    times.finishing, times.finished = 7.0, 8.0
    assert times.stages() == (1.5, 0.5, 2.0, 1.25)
    times.texts.append(TextTiming(0, 12, started=3.0, tokenized=3.25, inferred=4.25, rendered=4.75))
    assert times.stages() == (1.0, 0.75, 3.0, 1.75)
    assert times.tokens == 42
