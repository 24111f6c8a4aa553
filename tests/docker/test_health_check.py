"""The image's health check as the Dockerfile has it, against a running server, without an engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.service.server import ROOT, Server, environment, free_port

NOWHERE = "http://127.0.0.1:9"


def check(home: Path, port: int) -> int:
    """Its exit status where the environment names a proxy, as Docker's client passes on to containers."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^HEALTHCHECK .*\\\n *CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    python, *arguments = json.loads(found[1])
    assert python == "python"
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), NOWHERE) | {"no_proxy": ""}
    settings = environment(home, SENTILINE_PORT=str(port), **proxies)
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=settings, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode


def test_no_proxy_is_asked_whether_the_service_is_ready(tmp_path: Path) -> None:
    with Server(tmp_path, single_process=True) as server:
        server.wait_until_ready()
        assert check(tmp_path, server.port) == 0


def test_what_is_not_ready_is_not_healthy(tmp_path: Path) -> None:
    assert check(tmp_path, free_port()) != 0
    with Server(tmp_path, single_process=True, SENTILINE_MODEL="nobody") as server:
        server.wait_for_log("not ready, and will not be")
        assert check(tmp_path, server.port) != 0
