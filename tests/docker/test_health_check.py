"""The health check of the Dockerfile, run against a server without a Docker engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.service.server import ROOT, Server, environment, free_port

NOWHERE = "http://127.0.0.1:9"


def check(home: Path, port: int) -> int:
    """Return the exit status of the check where the environment names proxies, which Docker's client passes on."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^HEALTHCHECK .*\\\n *CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    python, *arguments = json.loads(found[1])
    assert python == "python"
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), NOWHERE) | {"no_proxy": ""}
    settings = environment(home, SENTILINE_PORT=str(port), **proxies)
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=settings, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode


def test_the_health_check_ignores_proxies(tmp_path: Path) -> None:
    with Server(tmp_path, single_process=True) as server:
        server.wait_until_ready()
        assert check(tmp_path, server.port) == 0


def test_the_health_check_fails_while_the_service_is_not_ready(tmp_path: Path) -> None:
    assert check(tmp_path, free_port()) != 0
    with Server(tmp_path, single_process=True, SENTILINE_MODEL="nobody") as server:
        server.wait_for_log("not ready, and tried again in 30 s")
        assert check(tmp_path, server.port) != 0
