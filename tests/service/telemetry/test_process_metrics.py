"""Memory and CPU time of the server, next to what the system says itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from service.telemetry.process_metrics import ProcessCollector
from tests.service.server import ROOT

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
    registry.register(ProcessCollector(supervised=supervised))
    seconds = registry.get_sample_value("sentiline_cpu_seconds_total")
    memory = registry.get_sample_value("sentiline_memory_bytes")
    assert seconds is not None
    assert memory is not None
    return seconds, memory


def printed_by_a_child(code: str) -> list[float]:
    """Numbers from a process without children: that of the tests may have living ones, servers of other tests."""
    command = [
        sys.executable,
        "-c",
        f"import os, psutil\nfrom tests.service.telemetry.test_process_metrics import read\n{code}",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    return [float(number) for number in done.stdout.split()]


def test_this_process_is_measured() -> None:
    before, seconds, memory, after, pss = printed_by_a_child(
        "before = sum(os.times()[:4])\n"
        "print(before, *read(supervised=False), sum(os.times()[:4]), psutil.Process().memory_full_info().pss)"
    )
    assert before - 0.1 <= seconds <= after + 0.1
    assert memory == pytest.approx(pss, rel=0.1)


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
    """The parent of the child is the process of the tests, and holds more than the child."""
    seconds, mine, all_seconds, family = printed_by_a_child("print(*read(supervised=False), *read(supervised=True))")
    assert all_seconds > seconds
    assert family > 1.5 * mine


def test_cpu_time_grows_with_work() -> None:
    before, _ = read(supervised=False)
    started = time.process_time()
    while time.process_time() - started < 0.2:
        sum(range(10_000))
    assert read(supervised=False)[0] - before >= 0.15
