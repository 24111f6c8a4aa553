"""The load generator against a real server: counts, statuses, rates, closed connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.lib.load import CLOSED, generate_load


class _Handler(BaseHTTPRequestHandler):
    """A handler that sleeps for milliseconds, answers with a status, or hangs up, as the body says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        word = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.seen.append(word)  # type: ignore[attr-defined]
        if word == "hang up":
            self.close_connection = True
            return
        status = 200
        if word.startswith("sleep "):
            time.sleep(float(word.split()[1]) / 1000)
        elif word.startswith("status "):
            status = int(word.split()[1])
        body = b"x" * 100_000
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_every_response_is_counted_once(server: ThreadingHTTPServer) -> None:
    outcome = generate_load(
        server.server_port, [b"good", "caf\u00e9".encode(), b"status 429"], connections=3, seconds=0.5
    )
    seen: list[str] = server.seen  # type: ignore[attr-defined]
    assert len(outcome.answers) == len(seen)
    assert seen.count("caf\u00e9") > 0
    assert outcome.statuses == {200: len(seen) - seen.count("status 429"), 429: seen.count("status 429")}
    assert outcome.rate == outcome.statuses[200] / outcome.seconds
    assert outcome.unsent == 0
    assert outcome.cpu > 0


def test_a_connection_waits_for_each_response(server: ThreadingHTTPServer) -> None:
    outcome = generate_load(server.server_port, [b"sleep 50"], connections=2, seconds=0.5)
    assert len(outcome.answers) <= 2 * 10 + 2
    assert outcome.latency(0) >= 0.05


def test_a_slow_server_does_not_lower_the_rate(server: ThreadingHTTPServer) -> None:
    outcome = generate_load(server.server_port, [b"sleep 300"], connections=4, seconds=0.5, rate=100)
    assert len(outcome.answers) + outcome.unsent == 50
    assert outcome.unsent >= 30
    assert len(outcome.answers) == len(server.seen)  # type: ignore[attr-defined]


def test_closed_connections_are_counted_and_reopened(server: ThreadingHTTPServer) -> None:
    outcome = generate_load(server.server_port, [b"good", b"hang up"], connections=1, seconds=0.5)
    assert abs(outcome.statuses[200] - outcome.statuses[CLOSED]) <= 1
    assert outcome.statuses[CLOSED] >= 2
    with pytest.raises(SystemExit, match="no request was answered with 200"):
        generate_load(server.server_port, [b"status 500"], connections=1, seconds=0.1).latency(50)
