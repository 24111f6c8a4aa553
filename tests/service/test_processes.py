"""Memory and CPU time of the server, next to what the system says itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from prometheus_client import CollectorRegistry

from service.processes import Processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").is_file(), reason="needs Linux's /proc")

CHILD = """
import sys
block = bytearray(64 << 20)
block[::4096] = bytes(len(block[::4096]) * [1])
print("there", flush=True)
sys.stdin.read()
"""


def read(*, supervised: bool) -> tuple[float, float]:
    registry = CollectorRegistry()
    registry.register(Processes(supervised=supervised))
    seconds = registry.get_sample_value("sentiline_cpu_seconds_total")
    memory = registry.get_sample_value("sentiline_memory_bytes")
    assert seconds is not None
    assert memory is not None
    return seconds, memory


def test_this_process_is_measured() -> None:
    before = sum(os.times()[:4])
    seconds, memory = read(supervised=False)
    assert before - 0.1 <= seconds <= sum(os.times()[:4]) + 0.1
    assert memory == pytest.approx(psutil.Process().memory_full_info().pss, rel=0.1)


def test_children_count_while_they_live_and_their_time_afterwards() -> None:
    _, memory = read(supervised=False)
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "there\n"
        during, larger = read(supervised=False)
        assert larger - memory > 60 << 20
        child.communicate()
    after, smaller = read(supervised=False)
    assert after >= during
    assert larger - smaller > 60 << 20


def test_under_a_supervisor_its_whole_family_is_measured() -> None:
    mine = read(supervised=False)
    family = read(supervised=True)  # this process's parent, and with it this process
    assert family[1] > mine[1]


def test_cpu_time_grows_with_work() -> None:
    before, _ = read(supervised=False)
    started = time.process_time()
    while time.process_time() - started < 0.2:
        sum(range(10_000))
    assert read(supervised=False)[0] - before >= 0.15
