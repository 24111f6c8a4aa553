"""Runs containers on a real engine for tests, sends requests from inside them, and removes them afterwards."""

from __future__ import annotations

import json
import subprocess
import time
from types import TracebackType
from typing import Any, Self

import httpx

BASE = "sentiline-test/base"
IMAGE = "sentiline-test/service"
PROMETHEUS = "sentiline-test/prometheus"
SECONDS = 120
"""Seconds that a test waits for anything before it fails."""

CONFINED = (
    *("--read-only", "--tmpfs", "/tmp:size=64m,mode=1777", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--pids-limit", "256", "--memory", "1g"),
)
"""The options of docker-compose.yml."""

ASK = """
import json, sys, urllib.request
url, body = sys.argv[1], sys.argv[2].encode()
request = urllib.request.Request(url, body or None, {"content-type": "application/json"})
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy that the environment names
print(direct.open(request, timeout=60).read().decode())
"""


def docker(*arguments: str, seconds: float = 600) -> str:
    """Run a docker command and return what it prints; the test fails if the command does."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr or done.stdout}"
    return done.stdout.strip()


def engine_answers() -> bool:
    """Return whether a Docker engine answers this user."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=60, check=False).returncode == 0
    except FileNotFoundError:
        return False


def has_image(name: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


class Container:
    """`docker run` of the service's image; removed when the `with` block ends."""

    def __init__(self, *options: str) -> None:
        # one second between health checks, so that a test need not wait for the image's fifteen
        self.id = docker("run", "--detach", "--health-interval", "1s", *CONFINED, *options, IMAGE)

    def inspect(self) -> Any:
        return json.loads(docker("inspect", self.id))[0]

    @property
    def log(self) -> str:
        done = subprocess.run(["docker", "logs", self.id], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def wait_until_healthy(self) -> Self:
        deadline = time.monotonic() + SECONDS
        while (state := self.inspect()["State"])["Health"]["Status"] != "healthy":
            assert state["Running"], f"exited with {state['ExitCode']}:\n{self.log}"
            assert time.monotonic() < deadline, f"{state['Health']}\n{self.log}"
            time.sleep(0.2)
        return self

    def python(self, code: str, *arguments: str) -> str:
        """Run a program inside, as the service's user, and return what it prints."""
        return docker("exec", self.id, "python", "-c", code, *arguments)

    def ask(self, path: str, document: Any = None) -> Any:
        """Send a request from inside the container and return the parsed JSON answer."""
        body = "" if document is None else json.dumps(document)
        return json.loads(self.python(ASK, f"http://127.0.0.1:3000{path}", body))

    def terminate(self) -> int:
        """Send SIGTERM and return the exit status."""
        docker("kill", "--signal", "TERM", self.id)
        return int(docker("wait", self.id, seconds=SECONDS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        docker("rm", "--force", "--volumes", self.id)


def wait_for(url: str, wanted: Any = lambda answer: answer.status_code == 200, *, seconds: float = SECONDS) -> Any:
    """Poll a URL until `wanted` accepts the response, and return that response."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = httpx.get(url, timeout=30)
        except httpx.TransportError as error:
            last = error
        else:
            if wanted(last):
                return last
        time.sleep(0.1)
    raise AssertionError(f"{url}: no accepted response within {seconds} s; the last was {getattr(last, 'text', last)}")
