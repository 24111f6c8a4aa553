"""A load generator: keep-alive connections over raw sockets in a separate process with one thread and one `epoll`.

It uses a few hundredths of a millisecond of CPU per request, which it reports, so that even a small machine has nearly
all its CPU left for the server under test. As a program it reads its parameters and writes its result as JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
CLOSED = 0  # the status of a request whose connection the server closed without a response


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of one run.

    Attributes:
        seconds: The time from the first request to the last response.
        answers: The response time since the start, the status and the latency of every request, in order of response.
        unsent: The number of requests that were due while every connection was busy.
        cpu: The CPU seconds of the generator.
    """

    seconds: float
    answers: list[tuple[float, int, float]]
    unsent: int
    cpu: float

    @property
    def statuses(self) -> Counter[int]:
        """The number of responses by status."""
        return Counter(status for _, status, _ in self.answers)

    @property
    def rate(self) -> float:
        """The number of responses with status 200 per second."""
        return self.statuses[200] / self.seconds

    def latency(self, percentile: float) -> float:
        """Return a percentile, in [0, 100], of the latencies of requests answered with 200, in seconds."""
        taken = self.percentile(percentile, 200)
        if taken is None:
            raise SystemExit(f"no request was answered with 200; the statuses were {dict(self.statuses)}")
        return taken

    def percentile(self, percentile: float, wanted: int) -> float | None:
        """Return a percentile of the latencies of requests answered with status `wanted`; None if there were none."""
        taken = sorted(seconds for _, status, seconds in self.answers if status == wanted)
        return taken[round(percentile / 100 * (len(taken) - 1))] if taken else None


def generate_load(
    port: int,
    bodies: Sequence[bytes],
    *,
    path: str = "/predict",
    connections: int = 32,
    seconds: float = 5.0,
    rate: float | None = None,
) -> LoadResult:
    """Send JSON bodies, over and over, from a separate process.

    Args:
        port: The server's port on 127.0.0.1.
        bodies: The bodies of the POST requests, used in turn.
        path: The path of the requests.
        connections: The number of open connections.
        seconds: The time after which no further request is sent; pending requests are awaited.
        rate: The number of requests sent per second whatever the server does; latencies then count from the time a
            request was due. None sends the next request on a connection as soon as the last one is answered.
    """
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: "
    requests = [f"{head}{len(body)}\r\n\r\n{body.decode()}" for body in bodies]
    parameters = {"port": port, "requests": requests, "connections": connections, "seconds": seconds, "rate": rate}
    command = [sys.executable, "-m", "benchmarks.lib.load"]
    done = subprocess.run(command, cwd=_ROOT, input=json.dumps(parameters), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the load generator failed:\n{done.stderr}")
    return LoadResult(**json.loads(done.stdout))


class _Connection:
    """A connection with at most one pending request; it reconnects on demand if the server has closed it."""

    __slots__ = ("_port", "_selector", "buffer", "busy", "due", "open", "socket", "wanted")

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port, self._selector = port, selector
        self.busy = False
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self.socket, selectors.EVENT_READ, self)
        self.open = True

    def close(self) -> None:
        if self.open:
            self._selector.unregister(self.socket)
            self.socket.close()
            self.open = False

    def send(self, request: bytes, due: float) -> None:
        if not self.open:
            self._connect()
        self.buffer, self.wanted, self.due, self.busy = bytearray(), -1, due, True
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """Return the status once the response is complete, else None."""
        try:
            chunk = self.socket.recv(1 << 18)
        except ConnectionError:
            return CLOSED
        if not chunk:
            return CLOSED
        self.buffer += chunk
        if self.wanted < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = bytes(self.buffer[:end]).lower()
            self.wanted = end + 4 + int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        return int(self.buffer[9:12]) if len(self.buffer) >= self.wanted else None


def _generate(port: int, requests: Sequence[bytes], connections: int, seconds: float, rate: float | None) -> LoadResult:
    selector = selectors.DefaultSelector()
    idle = deque(_Connection(port, selector) for _ in range(connections))
    answers: list[tuple[float, int, float]] = []
    sent = busy = unsent = 0
    started, used = time.perf_counter(), time.process_time()
    while True:
        now = time.perf_counter()
        open_for_more = now - started < seconds
        if rate is None and open_for_more:
            while idle:
                idle.popleft().send(requests[sent % len(requests)], time.perf_counter())
                sent, busy = sent + 1, busy + 1
        # also after a stall at the end: every request that was due is sent or counted as unsent
        while rate is not None and sent + unsent < rate * seconds and (due := started + (sent + unsent) / rate) <= now:
            if idle:  # the one used last, since the server may just be closing those that idle longest
                idle.pop().send(requests[sent % len(requests)], due)
                sent, busy = sent + 1, busy + 1
            else:
                unsent += 1
        if not busy and not open_for_more:
            break
        timeout = None if rate is None or not open_for_more else max(0.0, started + (sent + unsent) / rate - now)
        for key, _ in selector.select(timeout):
            connection: _Connection = key.data
            status = connection.receive()
            if status is None:
                continue
            if connection.busy:
                arrived = time.perf_counter()
                answers.append((arrived - started, status, arrived - connection.due))
                connection.busy = False
                busy -= 1
                idle.append(connection)
            if status == CLOSED:
                connection.close()
    elapsed = time.perf_counter() - started
    for connection in idle:
        connection.close()
    return LoadResult(elapsed, answers, unsent, time.process_time() - used)


def main() -> None:
    parameters: dict[str, Any] = json.load(sys.stdin)
    parameters["requests"] = [request.encode() for request in parameters["requests"]]
    json.dump(asdict(_generate(**parameters)), sys.stdout)


if __name__ == "__main__":
    main()
