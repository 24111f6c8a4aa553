"""Many requests at once: no answer is swapped, none depends on the others, and the event loop stays free."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiline.predictor import Predictor
from tests.bundles import write_bundle
from tests.service.load import Connection, until
from tests.service.reviews import expected, reviews
from tests.service.server import Server

CONNECTIONS = 64
REQUESTS = 10_000


def test_answers_are_never_swapped(server: Server, predictor: Predictor) -> None:
    """Single texts and lists, three routes, over many connections; every answer equals the one computed here."""
    texts = reviews(400, seed=1, lengths=(1, 3, 8, 20))
    verdicts = expected(predictor, texts, "none")
    timesteps = expected(predictor, texts[:40], "timesteps")
    chance = random.Random(2)
    left = iter(range(REQUESTS))

    async def ask(number: int, connection: Connection) -> None:
        index = chance.randrange(400)
        kind = number % 20
        if kind == 0:  # a list
            some = [chance.randrange(400) for _ in range(5)]
            answer = await connection.ask("/predict", {"inputs": [texts[each] for each in some], "detail": "none"})
            assert answer.json()["predictions"] == [verdicts[each] for each in some]
        elif kind == 1:
            answer = await connection.ask("/predict", {"inputs": texts[index % 40]})
            assert answer.json()["predictions"] == [timesteps[index % 40]]
        elif kind < 8:
            answer = await connection.ask("/hf", {"inputs": texts[index], "parameters": {"top_k": 1}})
            assert answer.json() == [[{key: verdicts[index][key] for key in ("label", "score")}]]
        elif kind < 12:
            tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [texts[index]]}
            path = "/v2/models/bilstm/infer"
            answer = await connection.ask(path, {"id": str(number), "inputs": [tensor]})
            body = answer.json()
            assert (body["id"], body["outputs"][0]["data"]) == (str(number), [verdicts[index]["label"]])
        else:
            answer = await connection.ask("/predict", {"inputs": texts[index], "detail": "none"})
            assert answer.json()["predictions"] == [verdicts[index]]
        assert answer.status == 200

    async def client() -> int:
        connection = await Connection.open(server.port)
        asked = 0
        for number in left:
            await ask(number, connection)
            asked += 1
        await connection.close()
        return asked

    async def everyone() -> list[int]:
        return await asyncio.gather(*(client() for _ in range(CONNECTIONS)))

    asked = asyncio.run(everyone())
    assert sum(asked) == REQUESTS
    assert min(asked) > 0


def test_the_event_loop_is_not_blocked(server: Server) -> None:
    """Small questions asked after a heavy one are answered before it, also those that need the model."""
    heavy = [" ".join(reviews(600, seed))[:90_000] for seed in range(40)]

    async def ask() -> list[str]:
        finished: list[str] = []

        async def send(path: str, document: Any = None) -> None:
            connection = await Connection.open(server.port)
            assert (await connection.ask(path, document)).status == 200
            finished.append(path)
            await connection.close()

        predicting = asyncio.create_task(send("/predict", {"inputs": heavy}))
        await until(server.port, "sentiline_pending_texts", 40)
        for path, document in (("/livez", None), ("/readyz", None), ("/hf", {"inputs": "good film"})):
            await send(path, document)
        await predicting
        return finished

    assert asyncio.run(ask()) == ["/livez", "/readyz", "/hf", "/predict"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """A server with room for hardly more than the default model; the test models need some 1.2 MiB each."""
    home = tmp_path_factory.mktemp("small")
    write_bundle(home / "more" / "spare", seed=5)
    folders = f"{models}{os.pathsep}{home / 'more'}"
    with Server(
        home, single_process=True, SENTILINE_MODELS=folders, SENTILINE_MODEL="tiny", SENTILINE_MODEL_MEMORY_MB="3"
    ) as running:
        yield running.wait_until_ready()


def test_models_come_and_go_under_load(small: Server) -> None:
    """Two models besides the default are one too many: each load drops the other, never the default."""
    names = ["tiny", "plain", "spare"] * 10

    async def ask(name: str) -> list[str]:
        connections = [await Connection.open(small.port) for _ in range(4)]
        document = {"inputs": "good film", "model": name}
        answers = await asyncio.gather(*(connection.ask("/predict", document) for connection in connections))
        for connection in connections:
            await connection.close()
        return [answer.json()["model"] for answer in answers]

    assert [asyncio.run(ask(name)) for name in names] == [[name] * 4 for name in names]
    for name in ("plain", "spare"):
        assert f"model '{name}' dropped from memory: SENTILINE_MODEL_MEMORY_MB is 3" in small.log
    assert "model 'tiny' dropped" not in small.log
    metrics = httpx.get(f"{small.url}/metrics").text
    assert "sentiline_loaded_models 2.0" in metrics
    assert 'sentiline_model_memory_bytes{model="plain"} 0.0' in metrics


def test_a_model_for_which_there_is_no_room(small: Server) -> None:
    answer = httpx.post(f"{small.url}/predict", json={"inputs": "good film", "model": "bilstm"}, timeout=120)
    body = answer.json()
    assert (answer.status_code, body["error_type"], body["limit"]) == (503, "model_unavailable", 3)
    assert body["setting"] == "SENTILINE_MODEL_MEMORY_MB"
    assert httpx.get(f"{small.url}/readyz").status_code == 200
