"""Starts the real service in a process of its own, for tests."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from benchmarks.lib.servers import stop
from sentiline.cli import serve

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ("service.app:SentimentService", "--working-dir", str(ROOT))


def free_port() -> int:
    """A port outside the range from which the system takes the ports of outgoing connections.

    By the system's own randomness: the module's is seeded by tests, in all processes alike, which then meet.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """This process's environment without its own settings, with those given."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SENTILINE_", "BENTOML_"))}
    return {**inherited, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true", **settings}


class Server:
    """`bentoml serve`, or the one process of `sentiline serve --single-process`, on a given or free port of 127.0.0.1.

    It is stopped when the `with` block ends.
    """

    def __init__(
        self,
        home: Path,
        *,
        target: Sequence[str] = SERVICE,
        single_process: bool = False,
        port: int | None = None,
        **settings: str,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.early: list[int | None] = []
        self._log = home / "server.log"
        self._single = single_process
        command = [sys.executable, "-m", "bentoml", "serve", *target, "--host", "127.0.0.1", "--port", str(self.port)]
        if single_process:
            command = serve.command(serve.Target("service", ROOT), "127.0.0.1", self.port, single_process=True)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment(home, **settings), stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, path: str, *, status: int = 200, seconds: float = 180) -> list[int | None]:
        """Poll until `path` answers with `status`; returns the statuses seen before, None for no connection."""
        seen: list[int | None] = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the server exited with {self.process.returncode}:\n{self.log}"
            try:
                answer = httpx.get(self.url + path, timeout=120)
            except httpx.TransportError:
                seen.append(None)
            else:
                if answer.status_code == status:
                    return seen
                seen.append(answer.status_code)
            time.sleep(0.05)
        raise AssertionError(f"{path} did not answer {status} within {seconds} s; saw {set(seen)}; log:\n{self.log}")

    def wait_for_log(self, text: str, *, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.log:
            assert time.monotonic() < deadline, f"the log never said {text!r}:\n{self.log}"
            time.sleep(0.05)

    def wait_until_ready(self) -> Self:
        """Wait for /readyz; `early` keeps what it said before."""
        self.early = self.wait_for("/readyz")
        return self

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers; needs Linux."""
        pid = self.process.pid
        if self._single:
            return [pid]
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self, seconds: float = 120) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self.process, 120)
