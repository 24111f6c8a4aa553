"""Measures the memory, descriptors, threads and metric series of a running server; Linux only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

MEGABYTE = 2**20


@dataclass(frozen=True)
class Footprint:
    """The server and all its children at one quiet moment.

    Attributes:
        anonymous: The memory that the processes have allocated, in bytes (`Pss_Anon`), which a leak increases. It
            leaves out pages of files, whose share depends on which other processes have them open.
        memory: All memory of the processes, in bytes (`Pss`, the proportional set size).
        descriptors: The number of open files and sockets.
        threads: The number of threads of all processes.
        processes: The number of processes.
        series: The name and labels of every series at `/metrics`.
    """

    anonymous: int
    memory: int
    descriptors: int
    threads: int
    processes: int
    series: frozenset[str]

    def __str__(self) -> str:
        return (
            f"{self.memory / MEGABYTE:.1f} MB, of it allocated {self.anonymous / MEGABYTE:.1f} MB, "
            f"{self.descriptors} descriptors, {self.threads} threads, {self.processes} processes, "
            f"{len(self.series)} series"
        )


def measure(pid: int, client: httpx.Client) -> Footprint:
    """Measure the server whose parent process is `pid`, with its metrics requested through `client`."""
    answer = client.get("/metrics")
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    parent = psutil.Process(pid)
    processes = [parent, *parent.children(recursive=True)]
    sizes = [_sizes(process.pid) for process in processes]
    return Footprint(
        anonymous=sum(size["Pss_Anon"] for size in sizes),
        memory=sum(size["Pss"] for size in sizes),
        descriptors=sum(process.num_fds() for process in processes),
        threads=sum(process.num_threads() for process in processes),
        processes=len(processes),
        series=frozenset(line.rpartition(" ")[0] for line in lines),
    )


def _sizes(pid: int) -> dict[str, int]:
    """Return the memory of one process by kind, in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines}
