"""What comes before a body: how large it may be, how long it may take, and that every refusal of it is the JSON object.

Against both ways of starting: BentoML's workers, and the single process that `sentiline serve` starts.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiline.cli.serve import Target, command
from service.errors import CODES
from tests.service.server import ROOT, Server, environment

LIMIT = 65536
BODY = b'{"inputs": "good"}'
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
GET = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
FLOOD = 100 * 1024 * 1024
MODES = ("workers", "single")
SHORT = "400"
IDLE = 40

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")


class Single(Server):
    """What `sentiline serve --single-process` becomes, which has no workers."""

    def __init__(self, home: Path, **settings: str) -> None:
        super().__init__(home, **settings)
