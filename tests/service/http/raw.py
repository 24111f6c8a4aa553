"""Requests over plain sockets, for tests of what HTTP clients do not send."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.service.server import Server

BODY = b'{"inputs": "good", "detail": "none"}'
POST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
WHOLE = POST + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
GET = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=120)


def answers(connection: socket.socket) -> list[tuple[int, dict[str, Any]]]:
    """Status and object of every answer until the server closes."""
    return split(b"".join(iter(lambda: connection.recv(65536), b"")))


def split(received: bytes) -> list[tuple[int, dict[str, Any]]]:
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        assert length, head
        size = int(length[1])
        assert b"\r\ncontent-type: application/json" in head
        found.append((int(head.split(b" ", 2)[1]), json.loads(rest[:size])))
        received = rest[size:]
    return found


def exchange(server: Server, *pieces: bytes) -> list[tuple[int, dict[str, Any]]]:
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        return answers(connection)


def metric(server: Server, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics", timeout=120).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
