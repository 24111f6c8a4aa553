"""Real servers on 127.0.0.1 in separate processes, with their CPU time and memory from /proc."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
# The comma-separated middleware classes that `benchmarks.lib.without_middleware` omits.
WITHOUT_VARIABLE = "BENCHMARK_WITHOUT"

_TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """A server and all its processes; a context manager that stops it.

    Attributes:
        name: The command.
        port: The port on 127.0.0.1.
        process: The first process.
    """

    def __init__(self, command: Sequence[str], folder: Path, **environ: str) -> None:
        """Start the server.

        Args:
            command: The arguments of Python; `{port}` in them is replaced.
            folder: The folder of its log and of BentoML's files.
            environ: Additional environment variables.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self._log = folder / "server.log"
        arguments = [argument.replace("{port}", str(self.port)) for argument in command]
        self.name = " ".join(arguments)
        own = {"BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SENTILINE_")}
        with self._log.open("wb") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=inherited | own | environ, stdout=log, stderr=log
            )

    def wait(self, path: str = "/readyz", seconds: float = 120) -> float:
        """Poll until `path` answers 200, and return the seconds since the start.

        Raises:
            SystemExit: The server exited or the time ran out; the message includes its log.
        """
        while time.monotonic() - self.started < seconds and self.process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
            try:
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    return time.monotonic() - self.started
            except (OSError, http.client.HTTPException):
                pass  # it does not listen yet
            finally:
                connection.close()
            time.sleep(0.01)
        log = self._log.read_text(errors="replace")
        raise SystemExit(f"{self.name} did not get ready:\n{log}")

    def cpu(self) -> float:
        """Return the CPU seconds used so far by all its processes, including those that have exited."""
        ticks = 0
        for pid in self._tree():
            fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()  # those after the name of the program
            ticks += sum(int(field) for field in fields[11:15])  # user, system, and those of children waited for
        return ticks / _TICK

    def memory(self) -> int:
        """Return the memory of all its processes in bytes as proportional set size: shared pages count once."""
        total = 0
        for pid in self._tree():
            lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        return total

    def _tree(self, pid: int | None = None) -> Iterator[int]:
        pid = self.process.pid if pid is None else pid
        yield pid
        for task in Path(f"/proc/{pid}/task").glob("*"):
            for child in _read(f"{task}/children").split():
                yield from self._tree(int(child))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self.process, 60)


def stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Stop a server with SIGTERM, unless it has exited.

    Raises:
        subprocess.TimeoutExpired: The server took longer than `seconds` and was killed.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def sentiline(model: str, *more: str) -> list[str]:
    """Return the command of `sentiline serve` with one worker and further options."""
    where = ["--host", "127.0.0.1", "--port", "{port}"]
    return ["-m", "sentiline", "serve", *where, "--workers", "1", "--model", model, *more]


def bentoml(service: str) -> list[str]:
    """Return the command of `bentoml serve` for a service in the checkout."""
    where = ["--working-dir", str(ROOT), "--host", "127.0.0.1", "--port", "{port}"]
    return ["-m", "bentoml", "serve", service, *where]


def uvicorn(factory: str) -> list[str]:
    """Return the command of uvicorn in its fastest configuration for an application of `benchmarks.lib.bare`."""
    speed = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    where = ["--host", "127.0.0.1", "--port", "{port}"]
    return ["-m", "uvicorn", "--factory", f"benchmarks.lib.bare:{factory}", *where, *speed]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # the process has just ended
        return ""
