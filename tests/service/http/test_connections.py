"""The limit for open connections: idle ones make room, probes are answered beyond it, and it is told."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.errors import ServiceError
from service.http import connections
from service.http.connections import SPARE_CONNECTIONS, Connections
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.service.http.raw import BODY, GET, POST, answers, connect, metric, wait_until
from tests.service.server import Server


class Transport:
    """Records what became of a connection."""

    end = ""

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"


def opened(limit: int, number: int) -> tuple[Connections, list[Any]]:
    held = Connections(Settings(max_connections=limit), Metrics([], [], max_pending_tokens=1))
    transports = [Transport() for _ in range(number)]
    for transport in transports:
        held.add(transport)  # type: ignore[arg-type]
    return held, transports


def test_the_one_that_is_idle_longest_makes_room() -> None:
    held, (first, second, third) = opened(3, 3)
    for transport in (second, first, third):
        held.set_idle(transport)
    held.set_busy(second)
    newest: Any = Transport()
    held.add(newest)
    assert [transport.end for transport in (first, second, third)] == ["closed", "", ""]
    assert held.check(newest, b"/predict")


def test_without_an_idle_one_only_probes_are_answered() -> None:
    held, (*_, spare) = opened(3, 4)
    assert not held.check(spare, b"/livez")  # answered, and then closed
    with pytest.raises(ServiceError, match="3 connections are open and the limit is 3") as caught:
        held.check(spare, b"/predict")
    assert (caught.value.status, caught.value.code) == (503, "too_many_connections")


def test_a_spare_connection_becomes_a_regular_one_when_there_is_room() -> None:
    held, (first, *_, spare) = opened(3, 4)
    held.discard(first)
    assert held.check(spare, b"/predict")


def test_the_oldest_spare_connection_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    held, transports = opened(3, 3 + SPARE_CONNECTIONS + 2)
    assert [transport.end for transport in transports[3:6]] == ["aborted", "aborted", ""]
    assert held.check(transports[3], b"/predict")  # it is no longer there to be refused
    [line] = [record.message for record in caplog.records if record.name == connections.logger.name]  # once a minute
    assert "too many connections: 3 open, limit 3, 1 refused" in line
    assert "file descriptors" in line


def test_the_limit_leaves_file_descriptors(caplog: pytest.LogCaptureFixture) -> None:
    descriptors, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        assert opened(100, 0)[0].limit == 100
        assert not caplog.records
        assert opened(1000, 0)[0].limit == 300 - SPARE_CONNECTIONS - connections.OTHER_DESCRIPTORS
        assert "SENTILINE_MAX_CONNECTIONS is 1000, but the limit for file descriptors (ulimit -n) leaves" in caplog.text
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))


def test_probes_are_answered_while_silent_clients_hold_every_connection(tmp_path: Path, models: Path) -> None:
    settings = {"SENTILINE_MODEL": "tiny", "SENTILINE_THREADS": "1", "SENTILINE_MAX_CONNECTIONS": "20"}
    with Server(tmp_path, single_process=True, SENTILINE_MODELS=str(models), **settings) as server:
        server.wait_until_ready()
        held = [connect(server) for _ in range(20 + 2 * SPARE_CONNECTIONS)]
        try:
            wait_until(lambda: metric(server, "sentiline_refused_connections_total") > 0, "none was refused")
            for path in ("/livez", "/readyz"):
                answer = httpx.get(server.url + path)
                assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            answer = httpx.post(f"{server.url}/predict", json={"inputs": "good"})
            assert (answer.status_code, answer.json()["error_type"]) == (503, "too_many_connections")
            assert (answer.json()["limit"], answer.json()["setting"]) == (20, "SENTILINE_MAX_CONNECTIONS")
            assert metric(server, "sentiline_open_connections") > 20
            assert metric(server, "sentiline_max_connections") == 20
        finally:
            for connection in held:
                connection.close()
        wait_until(lambda: metric(server, "sentiline_open_connections") == 1, "connections are still open")
        assert httpx.post(f"{server.url}/predict", json={"inputs": "good"}).status_code == 200
        assert server.log.count("too many connections") == 1


@pytest.mark.parametrize("single", [True, False], ids=["single-process", "supervised"])
def test_idle_connections_are_closed_after_the_setting(tmp_path: Path, models: Path, single: bool) -> None:
    settings = {"SENTILINE_MODEL": "tiny", "SENTILINE_THREADS": "1", "SENTILINE_KEEP_ALIVE_SECONDS": "1"}
    with Server(tmp_path, single_process=single, SENTILINE_MODELS=str(models), **settings) as server:
        server.wait_until_ready()
        with connect(server) as connection:
            connection.sendall(GET)
            # closed long before the 30 s of a connection without a request
            assert [answer[0] for answer in answers(connection)] == [200]


def test_a_request_after_sigterm_on_a_kept_connection_is_answered_and_others_are_refused(
    tmp_path: Path, models: Path
) -> None:
    """The list keeps the server running meanwhile; the refused client would go to the next server at once."""
    settings = {"SENTILINE_MODEL": "tiny", "SENTILINE_THREADS": "1"}
    whole = POST + b"content-length: %d\r\n\r\n" % len(BODY)
    with Server(tmp_path, SENTILINE_MODELS=str(models), **settings) as server:
        server.wait_until_ready()
        with connect(server) as running, connect(server) as kept:
            kept.sendall(GET)
            received = b""
            while not received.endswith(b"}"):  # the headers and the body may arrive apart
                received += kept.recv(65536)
            assert received.startswith(b"HTTP/1.1 200")
            running.sendall(whole)  # without its body, so that it is in progress until the end of this test
            wait_until(lambda: metric(server, "sentiline_open_connections") == 3, "not accepted")
            server.process.terminate()
            wait_until(lambda: refused(server), "connections are still accepted")
            kept.sendall(whole + BODY)
            answer = kept.recv(65536)
            if answer:  # it is closed after a second without a request
                assert answer.startswith(b"HTTP/1.1 200")
                assert b"connection: close" in answer
            assert server.process.poll() is None
            running.sendall(BODY)
            assert running.recv(65536).startswith(b"HTTP/1.1 200")
        assert server.process.wait(120) == 0


def refused(server: Server) -> bool:
    try:
        connect(server).close()
    except ConnectionRefusedError:
        return True
    return False
