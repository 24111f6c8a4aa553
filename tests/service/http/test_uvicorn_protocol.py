"""The HTTP/1.1 protocol: limits on headers, slow clients, upgrades, and that every error is the JSON object.

Tests of what depends on how the server is started use BentoML's workers as well as a single process.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.errors import CODES
from tests.service.http.raw import (
    BODY,
    CHUNKED,
    GET,
    POST,
    WHOLE,
    answers,
    connect,
    exchange,
    metric,
    split,
    wait_until,
)
from tests.service.server import Server

LIMIT = 65536
FLOOD = 100 * 1024 * 1024
HALVES = 50

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")


SETTINGS = {"SENTILINE_MODEL": "tiny", "SENTILINE_THREADS": "1"}


@pytest.fixture(scope="module")
def served(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A single process."""
    home = tmp_path_factory.mktemp("served")
    with Server(home, single_process=True, SENTILINE_MODELS=str(models), **SETTINGS) as running:
        yield running.wait_until_ready()
        assert "Traceback" not in running.log


@pytest.fixture(scope="module")
def supervised(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """BentoML's supervisor with one worker."""
    with Server(tmp_path_factory.mktemp("supervised"), SENTILINE_MODELS=str(models), **SETTINGS) as running:
        yield running.wait_until_ready()
        assert "Traceback" not in running.log


@pytest.fixture(params=["supervised", "served"])
def either(request: pytest.FixtureRequest) -> Server:
    """Each way of starting a server in turn."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="module")
def hasty(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A single process with a short timeout."""
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_MODEL": "tiny", "SENTILINE_TIMEOUT_MS": "400"}
    with Server(tmp_path_factory.mktemp("hasty"), single_process=True, **settings) as running:
        yield running.wait_until_ready()
        assert "Traceback" not in running.log


def check(answer: tuple[int, dict[str, Any]], status: int, code: str, limit: int | None, setting: str | None) -> None:
    body = answer[1]
    assert (answer[0], body["error_type"]) == (status, code), body
    assert (body.get("limit"), body.get("setting")) == (limit, setting)
    assert all(str(value) in body["error"] for value in (limit, setting) if value is not None)
    assert code in CODES


def check_too_large(found: list[tuple[int, dict[str, Any]]]) -> None:
    [answer] = found
    check(answer, 431, "header_too_large", LIMIT, "SENTILINE_MAX_HEADER_BYTES")
    seen = re.search(r"have (\d+) bytes so far and the limit is", answer[1]["error"])
    assert seen
    assert int(seen[1]) > LIMIT


def check_too_slow(found: list[tuple[int, dict[str, Any]]]) -> None:
    check(found[-1], 408, "header_timeout", 400, "SENTILINE_TIMEOUT_MS")
    seen = re.search(r"not complete after (\d+) ms and the limit is 400 ms", found[-1][1]["error"])
    assert seen
    assert int(seen[1]) >= 400


def padded(size: int) -> bytes:
    """A request without a body whose line and headers have `size` bytes."""
    start = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-long: "
    return start + b"a" * (size - len(start) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_the_limit_is_exact(either: Server, pieces: int) -> None:
    for size, status in ((LIMIT, 200), (LIMIT + 1, 431)):
        request = padded(size)
        step = size // pieces + 1
        [answer] = exchange(either, *(request[start : start + step] for start in range(0, size, step)))
        assert answer[0] == status


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * 4 * LIMIT,
        b"GET /livez?" + b"a=b&" * LIMIT + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nx-long: " + b"a" * 4 * LIMIT,
        b"GET /livez HTTP/1.1\r\nx-long:" + b" " * 4 * LIMIT,
        b"GET /livez HTTP/1.1\r\n" + b"a" * 4 * LIMIT,
        b"GET /livez HTTP/1.1\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(20_000)),
        POST + b"content-length: 5\r\nx-long: " + b"a" * 4 * LIMIT + b"\r\n\r\nhello",
    ],
)
def test_too_large(served: Server, request_: bytes) -> None:
    """Ended or not: the line, one header, many, and one that is only blanks or a name."""
    check_too_large(exchange(served, request_))


def test_errors_are_counted(either: Server) -> None:
    def counts() -> list[float]:
        requests = [
            f'sentiline_requests_total{{method="other",route="unmatched",status="{status}"}}' for status in (400, 431)
        ]
        errors = [f'sentiline_errors_total{{error_type="{code}"}}' for code in ("invalid_http", "header_too_large")]
        return [metric(either, name) for name in (*requests, *errors)]

    before = counts()
    exchange(either, b"nonsense\r\n\r\n")
    exchange(either, padded(LIMIT + 1))
    exchange(either, padded(LIMIT * 3))
    assert counts() == [before[0] + 1, before[1] + 2, before[2] + 1, before[3] + 2]


@needs_proc
@pytest.mark.parametrize(
    ("start", "filler"),
    [
        (b"GET /livez HTTP/1.1\r\nx-long: ", b"a"),
        (b"GET /", b"a"),
        (CHUNKED + b"%x\r\n%b\r\n0\r\nx-long: " % (len(BODY), BODY), b"a"),
        (CHUNKED + b"%x;x=" % len(BODY), b"a"),
        (POST + b"content-length: 5\r\n", b"x: aaaaaaaaaaaa\r\n"),
    ],
    ids=["header", "address", "trailer", "extension", "headers"],
)
def test_a_flood_needs_no_memory(served: Server, start: bytes, filler: bytes) -> None:
    """A hundred megabytes from a client that does not read while it sends."""
    (worker,) = served.workers

    def peak() -> int:
        (line,) = [line for line in Path(f"/proc/{worker}/status").read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) // 1024

    before = peak()
    block = filler * ((1 << 20) // len(filler))
    with connect(served) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(start)
        for _ in range(FLOOD >> 20):
            connection.sendall(block)
        found = answers(connection)
        assert found[0][0] == 431
    assert peak() - before < 16  # MiB
    assert httpx.get(f"{served.url}/livez").status_code == 200


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(90)),
        b"nonsense\r\n\r\n",
        b"HELLO /livez HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /livez HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nx-nul: \0\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nhost: x\r\n\r\n",
        POST + b"content-length: ten\r\n\r\n",
        POST + b"content-length: 18\r\ntransfer-encoding: chunked\r\n\r\n" + BODY,
        CHUNKED + b"zz\r\n",
    ],
)
def test_an_unparsable_request(served: Server, nonsense: bytes) -> None:
    [answer] = exchange(served, nonsense)
    check(answer, 400, "invalid_http", None, None)
    assert "<" not in answer[1]["error"]  # the parser's reason, not an object of Python


def test_an_unparsable_body(either: Server) -> None:
    """The application has begun with the request and waits for more of the body: it is told what was wrong with it."""
    before = metric(either, 'sentiline_requests_total{method="POST",route="/predict",status="400"}')
    with connect(either) as connection:
        connection.sendall(CHUNKED.replace(b"host: x", b"host: x\r\nexpect: 100-continue"))
        assert connection.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"  # so it waits for the body
        connection.sendall(b"5\r\n{    \r\nzz\r\n")
        [answer] = answers(connection)
    check(answer, 400, "invalid_http", None, None)
    assert metric(either, 'sentiline_requests_total{method="POST",route="/predict",status="400"}') == before + 1


def test_errors_are_answered_in_order(either: Server) -> None:
    """Requests sent before the one that is refused are answered before it."""
    for last, status in ((b"nonsense\r\n\r\n", 400), (padded(3 * LIMIT), 431)):
        found = exchange(either, WHOLE * 3 + last + WHOLE)
        assert [answer[0] for answer in found] == [200, 200, 200, status]


def test_a_client_that_has_shut_down_its_side_is_answered(served: Server) -> None:
    with connect(served) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        [answer] = answers(connection)
    check(answer, 400, "invalid_http", None, None)


def test_one_byte_at_a_time(served: Server) -> None:
    request = WHOLE.replace(b"host: x", b"host: x\r\nconnection: close")
    [answer] = exchange(served, *(request[index : index + 1] for index in range(len(request))))
    assert answer[0] == 200


def test_one_connection_for_many_requests(served: Server) -> None:
    """The limit is that of each request; what they are together does not matter."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
    with contextlib.closing(connection):
        for _ in range(5):
            for method, path, body in (("GET", "/livez", None), ("POST", "/predict", BODY), ("GET", "/nothing", None)):
                headers = {"content-type": "application/json", "x-long": "a" * 50_000}
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                json.loads(answer.read())
                assert answer.status == (404 if path == "/nothing" else 200)
                assert answer.headers["connection"] is None


def test_a_long_body_and_the_next_request_in_one_piece(served: Server) -> None:
    """What comes before the headers is not counted with them, nor are the headers with the body."""
    body = BODY + b" " * 1_000_000
    long = POST + b"content-length: %d\r\n\r\n" % len(body) + body
    large = POST + b"x-long: %b\r\ncontent-length: %d\r\n\r\n" % (b"a" * (LIMIT - 500), len(BODY))
    with connect(served) as connection:
        connection.sendall(long + large)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        connection.sendall(BODY + b"nonsense\r\n\r\n")
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", rest) == [b"200", b"400"]


def test_fields_after_a_chunked_body(served: Server) -> None:
    chunks = b"%x\r\n%b\r\n0\r\nx-checksum: 5\r\n\r\n" % (len(BODY), BODY)
    assert [answer[0] for answer in exchange(served, CHUNKED + chunks + padded(300))] == [200, 200]


@pytest.mark.parametrize(
    "half",
    [b"G", b"GET /li", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nhost: x\r\n", b"\r\n\r\nGET"],
)
def test_an_incomplete_header_times_out(hasty: Server, half: bytes) -> None:
    check_too_slow(exchange(hasty, half))


def test_half_a_header_after_a_whole_request(hasty: Server) -> None:
    with connect(hasty) as connection:
        connection.sendall(GET)
        first = connection.recv(65536)
        assert first.startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost")
        check_too_slow(answers(connection))


def dribble(connection: socket.socket, piece: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Send a little again and again, faster than any timer between two pieces, until the server closes."""
    connection.settimeout(0.05)
    received = b""
    deadline = time.monotonic() + 60
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < deadline:
            connection.sendall(piece)
            with contextlib.suppress(TimeoutError):
                part = connection.recv(65536)
                if not part:
                    break
                received += part
    assert time.monotonic() < deadline, "the server waits forever"
    return split(received)


def test_headers_that_never_end(hasty: Server) -> None:
    with connect(hasty) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nx: ")
        check_too_slow(dribble(connection, b"a"))


def test_empty_lines_that_never_end(hasty: Server) -> None:
    """They are allowed before a request and are none."""
    with connect(hasty) as connection:
        assert dribble(connection, b"\r\n") == []


def test_the_rest_of_a_body_that_was_answered_already(hasty: Server) -> None:
    with connect(hasty) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
        assert [status for status, _ in dribble(connection, b"a")] == [404]


@needs_proc
@pytest.mark.parametrize("half", [b"", b"GET /livez HTTP/1.1\r\nx-half: "], ids=["nothing", "header"])
def test_descriptors_are_released(hasty: Server, half: bytes) -> None:
    """Clients that keep their connections open; one that has asked nothing is told nothing."""
    (worker,) = hasty.workers

    def descriptors() -> int:
        return len(list(Path(f"/proc/{worker}/fd").iterdir()))

    httpx.get(f"{hasty.url}/livez")
    before = descriptors()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(hasty)) for _ in range(HALVES)]
        for connection in connections:
            connection.sendall(half)
        for connection in connections:
            found = answers(connection)
            assert [status for status, _ in found] == ([408] if half else [])
        wait_until(lambda: descriptors() <= before, "the descriptors of silent clients are still held")


@pytest.mark.parametrize("offer", [b"h2c", b"TLS/1.0", b"websocket"])
def test_an_upgrade_offer_is_ignored(either: Server, offer: bytes) -> None:
    """Clients that prefer HTTP/2 offer it with their first request, body and all."""
    upgrade = b"host: x\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMAAABk\r\nupgrade: %b" % offer
    request = WHOLE.replace(b"host: x", upgrade)
    last = request.replace(b"Upgrade, ", b"Upgrade, close, ")
    for pieces in ((request + request + last,), (WHOLE, request[:50], request[50:-5], request[-5:] + last)):
        found = exchange(either, *pieces)
        assert [status for status, _ in found] == [200, 200, 200]
        assert all(body["predictions"][0] == found[0][1]["predictions"][0] for _, body in found)
    many = exchange(either, request * 1000 + last)
    assert [status for status, _ in many] == [200] * 1001
    check_too_large(exchange(either, request.replace(b"upgrade: ", b"x-long: %b\r\nupgrade: " % (b"a" * LIMIT))))
    check(exchange(either, request + b"nonsense\r\n\r\n")[1], 400, "invalid_http", None, None)
    check(exchange(either, b"CONNECT a:80 HTTP/1.1\r\n\r\n")[0], 400, "invalid_http", None, None)


def unread(server: Server, stack: contextlib.ExitStack) -> socket.socket:
    """A connection with an answer of megabytes on its way that nobody reads."""
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the system does not take it instead
    connection.settimeout(120)
    connection.connect(("127.0.0.1", server.port))
    body = gzip.compress(json.dumps({"inputs": ["good film " * 40] * 800}).encode())
    connection.sendall(POST + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    return connection


def answered(server: Server) -> float:
    return metric(server, 'sentiline_requests_total{method="POST",route="/predict",status="200"}')


@needs_proc
@pytest.mark.parametrize("single_process", [False, True], ids=["supervised", "single process"])
def test_an_unread_answer_is_given_up(single_process: bool, models: Path, tmp_path: Path) -> None:
    """It holds neither memory for long, nor the server when that is to stop."""
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_MODEL": "tiny", "SENTILINE_MAX_ITEMS": "1500"}
    settings |= {"SENTILINE_TIMEOUT_MS": "12000", "SENTILINE_MAX_PENDING_TOKENS": "1000000"}
    with Server(tmp_path, single_process=single_process, **settings) as server, contextlib.ExitStack() as stack:
        (worker,) = server.wait_until_ready().workers

        def descriptors() -> int:
            return len(list(Path(f"/proc/{worker}/fd").iterdir()))

        httpx.get(f"{server.url}/livez")
        before = descriptors()
        connections = [unread(server, stack) for _ in range(3)]
        wait_until(lambda: answered(server) == 3, "the answers are never complete")
        wait_until(lambda: descriptors() <= before, "answers that nobody reads are still held")
        for connection in connections:
            received = b"".join(iter(functools.partial(connection.recv, 65536), b""))
            head, _, rest = received.partition(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)", head)
            assert length
            assert len(rest) < int(length[1])
        unread(server, stack)
        wait_until(lambda: answered(server) == 4, "the answer is never complete")
        server.stop(30)
        assert "Traceback" not in server.log


@pytest.mark.parametrize("key", [b"", b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"])
def test_a_websocket_is_not_found_either(either: Server, key: bytes) -> None:
    """With a sound handshake or a malformed one: a request like any other, answered and counted."""
    name = 'sentiline_errors_total{error_type="method_not_allowed"}'
    before = metric(either, name)
    offer = b"GET /predict HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, close\r\nupgrade: websocket\r\n%b\r\n" % key
    [answer] = exchange(either, offer)
    check(answer, 405, "method_not_allowed", None, None)
    assert metric(either, name) == before + 1


def test_invalid_requests_are_not_logged(either: Server) -> None:
    exchange(either, b"nonsense\r\n\r\n")
    assert "server" not in httpx.get(f"{either.url}/livez").headers
    assert "Invalid HTTP request" not in either.log
    assert "Unsupported upgrade" not in either.log
