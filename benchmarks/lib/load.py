"""A load generator: keep-alive connections over raw sockets in a process of its own, one thread, one `epoll`.

It costs some hundredths of a millisecond of CPU a request (it says how much), so that on a small machine the server
under test keeps what there is. Run as a program it reads its orders as JSON and writes what it saw as JSON.
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
CLOSED = 0
"""Stands for the status of a request whose connection the server closed without an answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run saw.

    Attributes:
        seconds: from the first request to the last answer.
        answers: (seconds since the start, status, seconds it took) of every request, in the order of the answers.
        unsent: requests that were due and found every connection busy.
        cpu: CPU seconds of the generator.
    """

    seconds: float
    answers: list[tuple[float, int, float]]
    unsent: int
    cpu: float

    @property
    def statuses(self) -> Counter[int]:
        """How many answers had each status."""
        return Counter(status for _, status, _ in self.answers)

    @property
    def rate(self) -> float:
        """Requests answered with 200, a second."""
        return self.statuses[200] / self.seconds

    def latency(self, percentile: float) -> float:
        """Seconds that this share of the requests answered with 200 stayed below; `percentile` is in [0, 100]."""
        taken = self.percentile(percentile, 200)
        if taken is None:
            raise SystemExit(f"no request was answered with 200; the statuses were {dict(self.statuses)}")
        return taken

    def percentile(self, percentile: float, wanted: int) -> float | None:
        """The same for the answers with status `wanted`; None if there were none."""
        taken = sorted(seconds for _, status, seconds in self.answers if status == wanted)
        return taken[round(percentile / 100 * (len(taken) - 1))] if taken else None


def run(
    port: int,
    bodies: Sequence[bytes],
    *,
    path: str = "/predict",
    connections: int = 32,
    seconds: float = 5.0,
    rate: float | None = None,
) -> Outcome:
    """Send JSON bodies, over and over, from a process of its own.

    Args:
        port: of the server, on 127.0.0.1.
        bodies: of the POST requests, taken in turn.
        path: of the route.
        connections: how many are kept open.
        seconds: after which no further request is sent; those under way are waited for.
        rate: None sends the next request on a connection when the last is answered. A number sends so many requests a
            second whatever the server does, and a request's time counts from when it was due.
    """
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: "
    requests = [f"{head}{len(body)}\r\n\r\n{body.decode()}" for body in bodies]
    orders = {"port": port, "requests": requests, "connections": connections, "seconds": seconds, "rate": rate}
    command = [sys.executable, "-m", "benchmarks.lib.load"]
    done = subprocess.run(command, cwd=_ROOT, input=json.dumps(orders), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the load generator failed:\n{done.stderr}")
    return Outcome(**json.loads(done.stdout))


class _Connection:
    """A socket with at most one request under way; one that the server has closed is opened anew when it is needed."""

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
        """The status, once the whole answer is here."""
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


def _generate(port: int, requests: Sequence[bytes], connections: int, seconds: float, rate: float | None) -> Outcome:
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
        while rate is not None and open_for_more and (due := started + (sent + unsent) / rate) <= now:
            if idle:  # the one used last: others may have idled until the server closes them, just then
                idle.pop().send(requests[sent % len(requests)], due)
                sent, busy = sent + 1, busy + 1
            else:
                unsent += 1
        if not busy and not open_for_more:
            break
        patience = None if rate is None or not open_for_more else max(0.0, started + (sent + unsent) / rate - now)
        for key, _ in selector.select(patience):
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
    return Outcome(elapsed, answers, unsent, time.process_time() - used)


def main() -> None:
    orders: dict[str, Any] = json.load(sys.stdin)
    orders["requests"] = [request.encode() for request in orders["requests"]]
    json.dump(asdict(_generate(**orders)), sys.stdout)


if __name__ == "__main__":
    main()
