"""More than the service can do: refusals, deadlines and clients that leave cost next to nothing, and it recovers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiline.predictor import Predictor
from tests.service.error_checks import check_error
from tests.service.load import Answer, Connection, metric, until
from tests.service.reviews import expected, reviews
from tests.service.server import Server

LONG = " ".join(reviews(600, seed=9))[:90_000]
EXPIRED = 'sentiline_dropped_texts_total{reason="expired"}'
DISCONNECTED = 'sentiline_dropped_texts_total{reason="disconnected"}'
LEFT = 'sentiline_errors_total{error_type="client_disconnected"}'
TOKENS = 'sentiline_tokens_total{model="bilstm"}'


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """One thread, and room for some ten reviews."""
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_THREADS": "1", "SENTILINE_MAX_PENDING_TOKENS": "3000"}
    with Server(tmp_path_factory.mktemp("narrow"), single_process=True, **settings) as running:
        yield running.wait_until_ready()


def test_overload_is_rejected_and_passes(narrow: Server, predictor: Predictor) -> None:
    texts = reviews(64, seed=1, lengths=(250,))
    wanted = expected(predictor, texts, "none")

    async def client(index: int) -> list[Answer]:
        connection = await Connection.open(narrow.port)
        answers = [await connection.ask("/predict", {"inputs": texts[index], "detail": "none"}) for _ in range(15)]
        await connection.close()
        return answers

    async def everyone() -> list[list[Answer]]:
        return await asyncio.gather(*(client(index) for index in range(64)))

    refused = []
    served = 0
    for index, answers in enumerate(asyncio.run(everyone())):
        for answer in answers:
            if answer.status == 200:
                assert answer.json()["predictions"] == [wanted[index]]
                served += 1
            else:
                refused.append(answer)
    assert served > 15
    assert refused
    for answer in refused:
        body = answer.json()
        assert (answer.status, body["error_type"], body["limit"]) == (429, "overloaded", 3000)
        assert body["setting"] == "SENTILINE_MAX_PENDING_TOKENS"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert httpx.post(f"{narrow.url}/predict", json={"inputs": texts[0]}, timeout=120).status_code == 200
    text = httpx.get(f"{narrow.url}/metrics").text
    assert "sentiline_pending_tokens 0.0" in text
    assert "sentiline_pending_texts 0.0" in text
    assert "sentiline_max_pending_tokens 3000.0" in text
    assert f'sentiline_errors_total{{error_type="overloaded"}} {len(refused):.1f}' in text


def test_clients_that_honour_retry_after_are_served(narrow: Server) -> None:
    async def client(number: int) -> None:
        connection = await Connection.open(narrow.port)
        for _ in range(60):
            answer = await connection.ask("/predict", {"inputs": [LONG[number:20_000]] * 2, "detail": "none"})
            if answer.status == 200:
                break
            assert answer.status == 429
            await asyncio.sleep(int(answer.headers["retry-after"]))
        else:
            raise AssertionError("never served")
        await connection.close()

    async def everyone() -> None:
        await asyncio.gather(*(client(number) for number in range(8)))

    asyncio.run(everyone())


def test_a_request_over_the_token_limit_is_served_alone(narrow: Server) -> None:
    answer = httpx.post(f"{narrow.url}/predict", json={"inputs": [LONG] * 8, "detail": "none"}, timeout=120)
    assert answer.status_code == 200


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """One thread and a long queue."""
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_THREADS": "1", "SENTILINE_TIMEOUT_MS": "60000"}
    with Server(
        tmp_path_factory.mktemp("slow"), single_process=True, SENTILINE_MAX_PENDING_TOKENS="4000000", **settings
    ) as running:
        yield running.wait_until_ready()


async def occupy(server: Server, requests: int) -> list[Connection]:
    """Send requests of 40 long texts each, and wait until all are accepted."""
    connections = [await Connection.open(server.port) for _ in range(requests)]
    for connection in connections:
        await connection.send("/predict", {"inputs": [LONG] * 40, "detail": "none"})
    await until(server.port, "sentiline_pending_texts", 40 * requests)
    return connections


async def leave(server: Server, connections: list[Connection]) -> None:
    for connection in connections:
        await connection.close()
    await until(server.port, "sentiline_pending_texts", 0)


def test_expired_work_is_not_done(slow: Server) -> None:
    async def ask() -> tuple[Answer, float, float]:
        before = await metric(slow.port, EXPIRED)
        heavy = await occupy(slow, 4)
        connection = await Connection.open(slow.port)
        answer = await connection.ask("/predict", {"inputs": LONG, "detail": "none"}, {"x-timeout-ms": "1"})
        after = await metric(slow.port, EXPIRED)
        healthy = await connection.ask("/predict", {"inputs": "good film", "detail": "none"})
        assert healthy.status == 200  # the same connection goes on
        await connection.close()
        await leave(slow, heavy)
        return answer, before, after

    answer, before, after = asyncio.run(ask())
    body = answer.json()
    assert (answer.status, body["error_type"], body["setting"]) == (504, "deadline_exceeded", "SENTILINE_TIMEOUT_MS")
    assert body["limit"] == 1
    assert re.search(r"after \d+ ms and the limit is 1 ms; .* x-timeout-ms", body["error"])
    assert after - before == 1


def test_a_list_expires_between_its_texts(slow: Server) -> None:
    async def ask() -> tuple[Answer, float]:
        """Ask until the deadline falls between two texts, which depends on how busy the machine is."""
        connection = await Connection.open(slow.port)
        document = {"inputs": [LONG] * 40, "detail": "none"}
        milliseconds = 100
        for _ in range(20):
            before = await metric(slow.port, EXPIRED)
            answer = await connection.ask("/predict", document, {"x-timeout-ms": str(milliseconds)})
            dropped = await metric(slow.port, EXPIRED) - before
            if answer.headers.get("connection") == "close":
                await connection.close()
                connection = await Connection.open(slow.port)
            if answer.status == 200:
                milliseconds = milliseconds * 2 // 3
            elif answer.status == 408 or dropped in (0, 40):
                milliseconds *= 2
            else:
                break
        await connection.close()
        return answer, dropped

    answer, dropped = asyncio.run(ask())
    assert answer.status == 504
    assert 0 < dropped < 40


BEGUN = 4
"""Texts of a newcomer that may have been begun when it leaves: the queue soon gives it a turn, and two threads read."""


async def at_least(port: int, name: str, value: float) -> None:
    """Wait until a metric has grown to a value."""
    async with asyncio.timeout(60):
        while await metric(port, name) < value:
            await asyncio.sleep(0.02)


def test_clients_that_leave_cost_no_inference(slow: Server) -> None:
    async def ask() -> tuple[float, float, float]:
        before, left = await metric(slow.port, DISCONNECTED), await metric(slow.port, LEFT)
        heavy = await occupy(slow, 8)
        impatient = await occupy_more(slow, before_texts=320)
        await impatient.close()
        await at_least(slow.port, DISCONNECTED, before + 40 - BEGUN)
        await leave(slow, heavy)
        dropped = await metric(slow.port, DISCONNECTED) - before
        await until(slow.port, LEFT, left + 9)
        return dropped, await metric(slow.port, TOKENS), await settled_tokens(slow)

    async def occupy_more(server: Server, before_texts: int) -> Connection:
        connection = await Connection.open(server.port)
        await connection.send("/hf", {"inputs": [LONG] * 40})
        await until(server.port, "sentiline_pending_texts", before_texts + 40)
        return connection

    async def settled_tokens(server: Server) -> float:
        connection = await Connection.open(server.port)
        assert (await connection.ask("/predict", {"inputs": "good film", "detail": "none"})).status == 200
        await connection.close()
        return await metric(server.port, TOKENS)

    dropped, after_leaving, later = asyncio.run(ask())
    assert 40 < dropped <= 9 * 40  # those of the impatient client and of the others
    assert later - after_leaving == 2  # of "good film" alone: nothing of what was left behind is still read


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", "", "\uff11"])
def test_malformed_deadlines_are_refused(client: httpx.Client, value: str) -> None:
    headers: dict[Any, Any] = {"x-timeout-ms": value.encode()}
    for path in ("/predict", "/hf"):
        check_error(client.post(path, json={"inputs": "good"}, headers=headers), 422, "invalid_option", "x-timeout-ms")


def test_a_request_within_its_deadline_is_answered(client: httpx.Client) -> None:
    for value in ("60000", "99999999999999999999"):
        answer = client.post("/predict", json={"inputs": "good"}, headers={"x-timeout-ms": value})
        assert answer.status_code == 200
