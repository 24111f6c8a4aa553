"""`POST /predict` over HTTP: what it answers, to the last digit."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest

from sentiline.predictor import Predictor
from sentiline.reading import Reading

TEXTS = [
    "I loved this film. The acting was wonderful, and the ending is so good!",
    "Not a good movie: the plot is boring<br /><br />and the ending TERRIBLE.",
    "It was fine, but not great… 10/10 for the music 🎬, though; don't expect more.",
]
SUMMARY = {
    "label", "score", "positive", "logit", "bias", "tokens_total", "tokens_used", "unknown_tokens", "truncated",
    "uncertain",
}  # fmt: skip
TIMESTEP = {"token", "start", "end", "unknown", "positive", "contribution", "running"}


def expected(predictor: Predictor, texts: list[str], **options: Any) -> list[dict[str, Any]]:
    detail = options.pop("detail", "timesteps")
    readings = predictor.read(texts, **options)
    return [reading.as_dict(detail) for reading in readings if isinstance(reading, Reading)]


def test_one_text_gets_one_prediction(client: httpx.Client, predictor: Predictor) -> None:
    answer = client.post("/predict", json={"inputs": TEXTS[0]})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["model", "version", "predictions"]
    assert (body["model"], body["version"]) == (predictor.manifest.name, predictor.manifest.version)
    (prediction,) = body["predictions"]
    assert set(prediction) == SUMMARY | {"timesteps"}
    assert all(set(timestep) == TIMESTEP for timestep in prediction["timesteps"])
    assert body["predictions"] == expected(predictor, TEXTS[:1])


def test_a_list_keeps_its_order(client: httpx.Client, predictor: Predictor) -> None:
    texts = TEXTS * 5
    body = client.post("/predict", json={"inputs": texts}).json()
    assert body["predictions"] == expected(predictor, texts)


def test_alone_and_in_a_list_the_answer_is_the_same(client: httpx.Client) -> None:
    together = client.post("/predict", json={"inputs": TEXTS}).json()["predictions"]
    alone = [client.post("/predict", json={"inputs": text}).json()["predictions"][0] for text in TEXTS]
    assert alone == together


def test_numbers_agree_with_each_other(client: httpx.Client) -> None:
    for prediction in client.post("/predict", json={"inputs": TEXTS}).json()["predictions"]:
        positive, logit, timesteps = prediction["positive"], prediction["logit"], prediction["timesteps"]
        assert positive == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-5)
        assert prediction["score"] == max(positive, 1 - positive)
        assert prediction["label"] == ("POSITIVE" if positive >= 0.5 else "NEGATIVE")
        assert len(timesteps) == prediction["tokens_used"] == prediction["tokens_total"]
        total = prediction["bias"]
        for timestep in timesteps:
            total += timestep["contribution"]
            assert timestep["running"] == pytest.approx(1 / (1 + math.exp(-total)), abs=1e-5)
        assert total == pytest.approx(logit, abs=1e-4)
        assert sum(timestep["unknown"] for timestep in timesteps) == prediction["unknown_tokens"]


def test_spans_count_code_points(client: httpx.Client) -> None:
    text = "𐐷 👩‍👩‍👧 film — good 👍🏽, très bien; नमस्ते!"
    for timestep in client.post("/predict", json={"inputs": text}).json()["predictions"][0]["timesteps"]:
        assert text[timestep["start"] : timestep["end"]] == timestep["token"]


def test_without_timesteps(client: httpx.Client, predictor: Predictor) -> None:
    body = client.post("/predict", json={"inputs": TEXTS, "detail": "none"}).json()
    assert all(set(prediction) == SUMMARY for prediction in body["predictions"])
    assert body["predictions"] == expected(predictor, TEXTS, detail="none")


def test_sentences_that_are_not_read_take_no_room(client: httpx.Client, predictor: Predictor) -> None:
    texts = ["A. " * 33_333] * 8
    body = client.post("/predict", json={"inputs": texts, "detail": "sentences"}).json()
    for prediction in body["predictions"]:
        assert len(prediction["sentences"]) == predictor.tokenizer.max_tokens + 1
        assert sum(sentence["tokens_total"] for sentence in prediction["sentences"]) == 33_333


def test_sentences(client: httpx.Client, predictor: Predictor) -> None:
    body = client.post("/predict", json={"inputs": TEXTS, "detail": "sentences"}).json()
    assert body["predictions"] == expected(predictor, TEXTS, detail="sentences")
    for text, prediction in zip(TEXTS, body["predictions"], strict=True):
        assert set(prediction) == SUMMARY | {"sentences"}
        found = prediction["sentences"]
        assert len(found) > 1
        assert all(text[one["start"] : one["end"]] == one["sentence"] for one in found)
        total = prediction["bias"] + sum(one["contribution"] for one in found)
        assert total == pytest.approx(prediction["logit"], abs=1e-5)


def test_null_is_left_out(client: httpx.Client) -> None:
    nulls = {"model": None, "truncation": None, "detail": None}
    with_nulls = client.post("/predict", json={"inputs": TEXTS[0], **nulls})
    assert with_nulls.content == client.post("/predict", json={"inputs": TEXTS[0]}).content


@pytest.mark.parametrize("policy", ["head", "tail", "head_tail"])
def test_truncation(client: httpx.Client, predictor: Predictor, policy: Any) -> None:
    limit = predictor.tokenizer.max_tokens
    text = " ".join(f"word{index}" for index in range(limit + 9))
    body = client.post("/predict", json={"inputs": text, "truncation": policy}).json()
    (prediction,) = body["predictions"]
    assert (prediction["tokens_total"], prediction["tokens_used"], prediction["truncated"]) == (limit + 9, limit, True)
    kept = {timestep["token"] for timestep in prediction["timesteps"]}
    assert ("word0" in kept, f"word{limit + 8}" in kept) == (policy != "tail", policy != "head")
    assert body["predictions"] == expected(predictor, [text], truncation=policy)


def test_another_model_by_name(client: httpx.Client) -> None:
    tiny = client.post("/predict", json={"inputs": TEXTS[0], "model": "tiny"}).json()
    assert (tiny["model"], tiny["version"]) == ("tiny", "0.0.1")
    plain = client.post("/predict", json={"inputs": TEXTS[0], "model": "plain"}).json()
    assert {timestep["contribution"] for timestep in plain["predictions"][0]["timesteps"]} == {None}
    assert tiny["predictions"][0]["logit"] != plain["predictions"][0]["logit"]


def test_one_bad_text_does_not_fail_the_others(client: httpx.Client, predictor: Predictor) -> None:
    answer = client.post("/predict", json={"inputs": [TEXTS[0], " ", 7, TEXTS[1], None]})
    assert answer.status_code == 200
    first, blank, number, second, null = answer.json()["predictions"]
    assert [first, second] == expected(predictor, TEXTS[:2])
    for slot, code, index in ((blank, "empty_text", 1), (number, "invalid_type", 2), (null, "invalid_type", 4)):
        assert set(slot) == {"error", "error_type", "field", "index"}
        assert (slot["error_type"], slot["field"], slot["index"]) == (code, f"inputs[{index}]", index)


def test_half_an_emoji_is_read(client: httpx.Client) -> None:
    """JavaScript sends such escapes for a text that was cut in the middle of a surrogate pair."""
    halves = rb'{"inputs": "good \ud83d film \ude00", "detail": "timesteps"}'
    answer = client.post("/predict", content=halves, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    spans = [(step["token"], step["start"], step["end"]) for step in answer.json()["predictions"][0]["timesteps"]]
    assert spans == [("good", 0, 4), ("film", 7, 11)]


@pytest.mark.parametrize("detail", ["none", "timesteps", "sentences"])
def test_half_an_emoji_fails_no_other_text(client: httpx.Client, predictor: Predictor, detail: Any) -> None:
    content = rb'{"inputs": ["A good film. So fine!", "A bad \ud83d film. \ude00 The worst."], "detail": "%b"}'
    headers = {"content-type": "application/json"}
    answer = client.post("/predict", content=content % detail.encode(), headers=headers)
    assert answer.status_code == 200
    predictions = answer.json()["predictions"]
    assert predictions[:1] == expected(predictor, ["A good film. So fine!"], detail=detail)
    if detail == "sentences":
        found = [(one["sentence"], one["start"], one["end"]) for one in predictions[1]["sentences"]]
        assert found == [("A bad \ufffd film.", 0, 13), ("\ufffd The worst.", 14, 26)]


def test_a_body_in_pieces(client: httpx.Client) -> None:
    pieces = [b'{"inp', b'uts": "a go', b'od film"}']
    answer = client.post("/predict", content=iter(pieces), headers={"content-type": "application/json; charset=utf-8"})
    assert answer.content == client.post("/predict", json={"inputs": "a good film"}).content
