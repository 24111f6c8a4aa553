"""Two servers behind a real nginx: path prefix, kept connections, and a restart that no client notices."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.lib.servers import stop
from tests.requirement import need
from tests.service.load import Connection
from tests.service.server import Server, free_port

CLIENTS = 12
KEEP_ALIVE = {"SENTILINE_KEEP_ALIVE_SECONDS": "75", "SENTILINE_MODEL": "tiny", "SENTILINE_THREADS": "1"}
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error.log info; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  keepalive_timeout 75s;
  upstream sentiline {{ {servers} {keepalive} }}
  server {{
    listen 127.0.0.1:{port};
    location /sentiment/ {{
      proxy_pass http://sentiline/;
      {connection}
    }}
  }}
}}
"""


class Nginx:
    """nginx in front of servers, at the path `/sentiment/`.

    Args:
        keep: Whether it keeps its connections to the servers; otherwise each request has one of its own, in HTTP/1.0.
    """

    def __init__(self, folder: Path, servers: list[Server], *, keep: bool) -> None:
        binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        need("nginx", binary is not None, "nginx is not installed (Debian: apt-get install nginx-light)")
        assert binary is not None
        folder.mkdir()
        self.port = free_port()
        self._errors = folder / "error.log"
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder,
                port=self.port,
                servers=" ".join(f"server 127.0.0.1:{server.port};" for server in servers),
                keepalive="keepalive 64; keepalive_timeout 70s;" if keep else "",
                connection='proxy_http_version 1.1; proxy_set_header Connection "";' if keep else "",
            )
        )
        command = [binary, "-p", str(folder), "-e", str(self._errors), "-c", str(configuration)]
        self.process = subprocess.Popen(command)

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{self.port}/sentiment/livez").status_code == 200
                return
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def start(home: Path, models: Path) -> Callable[..., Server]:
    """A function that starts a server under BentoML's supervisor."""

    def started(name: str, port: int | None = None) -> Server:
        return Server(home / name, port=port, SENTILINE_MODELS=str(models), **KEEP_ALIVE)

    return started


@pytest.fixture(scope="module")
def backends(start: Callable[..., Server]) -> Iterator[list[Server]]:
    """Two servers; a test may replace them."""
    servers = [start("first"), start("second")]
    try:
        for server in servers:
            server.wait_until_ready()
        yield servers
    finally:
        for server in servers:
            stop(server.process, 120)


class Load:
    """Clients that each ask one question after the other until they are told to stop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._enough = False
        self.statuses: Counter[int] = Counter()
        self._clients = [asyncio.create_task(self._ask()) for _ in range(CLIENTS)]

    async def wait_for(self, answers: int) -> None:
        """Wait for this number of further answers."""
        wanted = self.statuses.total() + answers
        while self.statuses.total() < wanted:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._enough = True
        await asyncio.gather(*self._clients)

    async def _ask(self) -> None:
        connection = await Connection.open(self._port)
        while not self._enough:
            answer = await connection.ask("/sentiment/predict", {"inputs": "good film " * 50, "detail": "none"})
            self.statuses[answer.status] += 1
            if answer.headers.get("connection") == "close":
                await connection.close()
                connection = await Connection.open(self._port)
        await connection.close()


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "one-request"])
def test_a_restart_under_load_is_not_noticed(
    tmp_path: Path, backends: list[Server], start: Callable[..., Server], keep: bool
) -> None:
    async def restart(port: int) -> Counter[int]:
        load = Load(port)
        await load.wait_for(10 * CLIENTS)
        assert await asyncio.to_thread(backends[0].stop) == 0
        backends[0] = start(f"again-{keep}", backends[0].port)
        await asyncio.to_thread(backends[0].wait_until_ready)
        await load.wait_for(10 * CLIENTS)
        await load.stop()
        return load.statuses

    nginx = Nginx(tmp_path / "nginx", backends, keep=keep)
    try:
        nginx.wait()
        statuses = asyncio.run(restart(nginx.port))
    finally:
        stop(nginx.process, 60)
    assert set(statuses) == {200}, (statuses, nginx.errors)
    assert "prematurely closed" not in nginx.errors


def test_connections_are_kept_and_the_prefix_is_removed(tmp_path: Path, backends: list[Server]) -> None:
    """As many requests as nginx has kept connections for reuse them: the servers see few connections."""

    async def ask(port: int) -> list[str]:
        connection = await Connection.open(port)
        bodies = []
        for path in ("/sentiment/predict", "/sentiment/v2/models/tiny/infer", "/sentiment/hf") * 10:
            tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"]}
            answer = await connection.ask(path, {"inputs": [tensor] if "infer" in path else "good"})
            assert answer.status == 200
            bodies.append(answer.body.decode())
        await connection.close()
        return bodies

    nginx = Nginx(tmp_path / "nginx", backends, keep=True)
    try:
        nginx.wait()
        assert all("POSITIVE" in body or "NEGATIVE" in body for body in asyncio.run(ask(nginx.port)))
        for server in backends:
            metrics = httpx.get(f"{server.url}/metrics").text
            # the one that nginx keeps, and the one that asks
            assert re.search(r"^sentiline_open_connections [12]\.0$", metrics, re.MULTILINE), metrics
    finally:
        stop(nginx.process, 60)
