"""Memory and CPU time of the server's processes for `/metrics`, from Linux's /proc; nothing where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_PROC = Path("/proc")


class Processes(Collector):
    """Sums over the process that serves, or over its supervisor and all workers: the same whichever worker answers."""

    def __init__(self, *, supervised: bool) -> None:
        """Make a collector; `supervised` says that this process is a worker, whose parent is the supervisor."""
        self._supervised = supervised

    def collect(self) -> Iterator[Metric]:
        """Yield the two series."""
        seconds = memory = 0.0
        found = False
        for pid in _tree(os.getppid() if self._supervised else os.getpid()):
            try:
                seconds += _cpu_seconds(pid)
                memory += _proportional_bytes(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended; its parent has its CPU time by now
            found = True
        if found:
            yield CounterMetricFamily("sentiline_cpu_seconds", "CPU time of all processes of the server.", seconds)
            yield GaugeMetricFamily(
                "sentiline_memory_bytes", "Memory of the server's processes, shared pages counted once.", memory
            )


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    for thread in _PROC.glob(f"{pid}/task/*/children"):
        try:
            children = thread.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            yield from _tree(int(child))


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended (proc(5), `stat`, fields 14 to 17)."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _proportional_bytes(pid: int) -> int:
    """Proportional set size: a page that n processes share counts 1/n in each."""
    for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
