"""Many requests at once: no answer is swapped, none depends on the others, and the event loop stays free."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from sentiline.predictor import Predictor
from sentiline.reading import Reading
from tests.service.server import Server

CONNECTIONS = 32
WORDS = ["a", "film", "that", "good", "bad", "so", "boring", "great", "not", "the", "plot", "but", "funny", "worst"]


def reviews(count: int, seed: int) -> list[str]:
    """Different texts of very different lengths."""
    chance = random.Random(seed)
    return [f"{index} " + " ".join(chance.choices(WORDS, k=chance.choice((1, 5, 40, 200)))) for index in range(count)]


async def post_all(url: str, documents: list[dict[str, object]]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=120) as session:
        return await asyncio.gather(*(session.post("/predict", json=document) for document in documents))


def test_answers_are_never_swapped(server: Server, predictor: Predictor) -> None:
    texts = reviews(300, seed=1)
    lists = [texts[start : start + 10] for start in range(0, 100, 10)]
    documents: list[dict[str, object]] = [{"inputs": text} for text in texts] + [{"inputs": some} for some in lists]
    random.Random(2).shuffle(documents)
    answers = asyncio.run(post_all(server.url, documents))
    for document, answer in zip(documents, answers, strict=True):
        inputs = document["inputs"]
        wanted = predictor.read(inputs if isinstance(inputs, list) else [str(inputs)])
        slots = [reading.as_dict("timesteps") for reading in wanted if isinstance(reading, Reading)]
        assert answer.status_code == 200
        assert orjson.loads(answer.content)["predictions"] == slots


def test_the_event_loop_is_not_blocked(server: Server) -> None:
    """A small question asked after a heavy one is answered before it."""
    heavy = [" ".join(reviews(600, seed))[:90_000] for seed in range(40)]

    async def ask() -> list[str]:
        finished: list[str] = []

        async def send(name: str, method: str, path: str, **options: object) -> None:
            answer = await session.request(method, path, **options)  # type: ignore[arg-type]
            assert answer.status_code == 200
            finished.append(name)

        async with httpx.AsyncClient(base_url=server.url, timeout=120) as session:
            predicting = asyncio.create_task(send("predict", "POST", "/predict", json={"inputs": heavy}))
            while "sentiline_pending_texts 40.0" not in (await session.get("/metrics")).text:
                assert not predicting.done(), "the heavy request was over before it was seen"
            await send("livez", "GET", "/livez")
            await predicting
        return finished

    assert asyncio.run(ask()) == ["livez", "predict"]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("narrow")
    settings = {"SENTILINE_THREADS": "1", "SENTILINE_MAX_PENDING": "4", "SENTILINE_MAX_ITEMS": "8"}
    with Server(home, SENTILINE_MODELS=str(models), SENTILINE_MAX_LOADED_MODELS="1", **settings) as running:
        yield running.wait_until_ready()


def test_overload_is_refused_and_passes(narrow: Server, predictor: Predictor) -> None:
    long = [" ".join(reviews(600, seed))[:90_000] for seed in range(3)]
    answers = asyncio.run(post_all(narrow.url, [{"inputs": long, "detail": "none"}] * 24))
    wanted = [reading.as_dict() for reading in predictor.read(long) if isinstance(reading, Reading)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < len(answers)
    for answer in refused:
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        body = answer.json()
        assert (body["error_type"], body["limit"], body["setting"]) == ("overloaded", 4, "SENTILINE_MAX_PENDING")
    assert all(answer.json()["predictions"] == wanted for answer in answers if answer.status_code == 200)
    assert httpx.post(f"{narrow.url}/predict", json={"inputs": long}, timeout=120).status_code == 200
    assert "sentiline_pending_texts 0.0" in httpx.get(f"{narrow.url}/metrics").text


def test_more_texts_than_may_wait_are_served_when_nothing_else_is(narrow: Server) -> None:
    answer = httpx.post(f"{narrow.url}/predict", json={"inputs": ["good film"] * 8}, timeout=120)
    assert answer.status_code == 200


def test_models_come_and_go_under_load(narrow: Server) -> None:
    """One model besides the default would be one too many: each request loads its own anew."""
    names = ["bilstm", "tiny", "plain"] * 20
    answers: list[httpx.Response] = []
    for name in names:
        answers += asyncio.run(post_all(narrow.url, [{"inputs": "good film", "model": name}] * 3))
    assert [answer.json()["model"] for answer in answers] == [name for name in names for _ in range(3)]
    assert "dropped from memory: SENTILINE_MAX_LOADED_MODELS is 1" in narrow.log


def test_sigterm_lets_requests_finish(narrow: Server) -> None:
    """Last in this file: the server is gone afterwards."""
    heavy = [" ".join(reviews(600, seed))[:90_000] for seed in range(8)]

    async def stop_while_predicting() -> httpx.Response:
        async with httpx.AsyncClient(base_url=narrow.url, timeout=120) as session:
            predicting = asyncio.create_task(session.post("/predict", json={"inputs": heavy}))
            while "sentiline_pending_texts 8.0" not in (await session.get("/metrics")).text:
                assert not predicting.done(), "the heavy request was over before it was seen"
            narrow.process.send_signal(signal.SIGTERM)
            return await predicting

    answer = asyncio.run(stop_while_predicting())
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 8
    assert narrow.process.wait(120) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", narrow.port))
    assert "Traceback" not in narrow.log
