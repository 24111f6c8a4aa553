"""Bodies together have a limit: many large ones are refused, small ones pass, and all of it comes back."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.errors import ServiceError
from service.http.body_memory import FREE, BodyMemoryLimit, Reservation
from service.http.decompression import MAX_MEMBERS, Decompressor
from tests.service.error_checks import JSON, check_error
from tests.service.http.raw import metric, wait_until
from tests.service.server import Server

MIB = 1 << 20
BODY = b'{"inputs": "A good film.", "detail": "none"}'
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def test_the_beginning_of_each_body_counts_nothing() -> None:
    memory = BodyMemoryLimit(1000)
    small = [Reservation(memory) for _ in range(100)]
    for reservation in small:
        reservation.grow(FREE)
    assert memory.size == 0


def test_beyond_the_limit_the_one_that_goes_on_is_refused() -> None:
    memory = BodyMemoryLimit(1000)
    first, second = Reservation(memory), Reservation(memory)
    first.grow(FREE + 400)
    second.grow(FREE)
    second.grow(600)
    assert memory.size == 1000
    with pytest.raises(ServiceError) as refused:
        first.grow(1)
    assert (refused.value.status, refused.value.code) == (429, "overloaded")
    assert refused.value.details == {"limit": 1000, "setting": "SENTILINE_MAX_BUFFERED_BYTES"}
    assert "request bodies occupy 1000 bytes of memory" in str(refused.value)
    second.release()
    first.release()
    first.release()  # twice is once
    assert memory.size == 0


def test_a_body_alone_has_only_its_own_limit() -> None:
    memory = BodyMemoryLimit(1000)
    alone = Reservation(memory)
    alone.grow(FREE + 5000)
    alone.grow(5000)
    other = Reservation(memory)
    other.grow(FREE)
    with pytest.raises(ServiceError):
        other.grow(1)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """Two large bodies, and no third one."""
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_MAX_BUFFERED_BYTES": str(6 * MIB)}
    with Server(tmp_path_factory.mktemp("narrow"), single_process=True, **settings) as running:
        yield running.wait_until_ready()
        assert "Traceback" not in running.log


def test_unfinished_bodies_take_no_more_memory_than_they_may(narrow: Server) -> None:
    before = metric(narrow, "sentiline_memory_bytes")
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", narrow.port), timeout=120)) for _ in range(40)
        ]
        for connection in connections:
            connection.setblocking(False)
        content, left = b" " * (4 * MIB - 1), dict.fromkeys(connections, 0)
        deadline = time.monotonic() + 60
        while left and time.monotonic() < deadline:  # each sends all but the last byte; those refused too
            for connection, sent in list(left.items()):
                data = (HEAD % (4 * MIB) + content)[sent : sent + (1 << 18)]
                with contextlib.suppress(BlockingIOError):
                    left[connection] += connection.send(data) if data else 0
                if not data:
                    del left[connection]
        assert not left
        assert metric(narrow, "sentiline_memory_bytes") - before < 40 * MIB
        refused = 0
        for connection in connections:
            with contextlib.suppress(BlockingIOError):
                answer = connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 429 ")
                assert b"SENTILINE_MAX_BUFFERED_BYTES" in answer
                refused += 1
        assert refused == 39  # one and a half would fit: a second one is refused on its way
        assert httpx.post(f"{narrow.url}/predict", content=BODY, headers=JSON, timeout=120).status_code == 200
    wait_until(lambda: large(narrow) == 200, "what the clients took with them is not given back")


def large(server: Server) -> int:
    content = BODY[:-1] + b" " * (4 * MIB - len(BODY)) + b"}"
    return httpx.post(f"{server.url}/predict", content=content, headers=JSON, timeout=120).status_code


def test_a_refused_body_may_be_sent_to_its_end_and_the_connection_used_again(narrow: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            holder = stack.enter_context(socket.create_connection(("127.0.0.1", narrow.port), timeout=120))
            holder.sendall(HEAD % (4 * MIB) + b" " * (3 * MIB))
        connection = http.client.HTTPConnection("127.0.0.1", narrow.port, timeout=120)
        stack.callback(connection.close)
        connection.request("POST", "/predict", b" " * (4 * MIB), JSON)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error_type"]) == (429, "overloaded")
        connection.request("POST", "/predict", BODY, JSON)
        assert connection.getresponse().status == 200


def test_gzip_members_are_counted(client: httpx.Client) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    pieces = [BODY[index : index + 1] for index in range(len(BODY))]
    fits = b"".join(gzip.compress(piece) for piece in pieces) + gzip.compress(b"") * (MAX_MEMBERS - len(pieces))
    assert client.post("/predict", content=fits, headers=headers).status_code == 200
    answer = client.post("/predict", content=fits + gzip.compress(b""), headers=headers)
    assert check_error(answer, 413, "body_too_large", "content-encoding")["limit"] == MAX_MEMBERS
    with pytest.raises(ServiceError, match="more than 128 gzip members"):
        Decompressor("gzip").feed(gzip.compress(b"") * 200_000, 1 << 22)
