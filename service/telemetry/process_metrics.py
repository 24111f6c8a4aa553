"""Memory and CPU time of the server's processes for `/metrics`; Linux only, where shared pages can be attributed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ProcessCollector(Collector):
    """Sums over the serving process and its children, or over the supervisor and all workers.

    Every worker therefore reports the same values.
    """

    def __init__(self, *, supervised: bool) -> None:
        """Make a collector; `supervised` means that this process is a worker whose parent is the supervisor."""
        self._supervised = supervised

    def collect(self) -> Iterator[Metric]:
        """Yield the two metrics; nothing on other platforms than Linux."""
        if not psutil.LINUX:
            return
        root = psutil.Process(os.getppid() if self._supervised else None)
        seconds = memory = 0.0
        for process in (root, *root.children(recursive=True)):
            try:
                # user and system time of the process and of its children that have ended
                seconds += sum(process.cpu_times()[:4])
                memory += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue  # it has just ended, and its parent has inherited its CPU time
        yield CounterMetricFamily("sentiline_cpu_seconds", "CPU time of all processes of the server.", seconds)
        yield GaugeMetricFamily(
            "sentiline_memory_bytes", "Memory of the server's processes, shared pages counted once.", memory
        )
