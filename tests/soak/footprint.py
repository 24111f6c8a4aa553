"""What a running server holds: memory, descriptors, threads, series of metrics; Linux only."""

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
        anonymous: memory that the processes have allocated, in bytes (`Pss_Anon`). This is what a leak adds to. Pages
            of files are not in it: how many of those count depends on who else on the machine has them open.
        memory: all of their memory, in bytes (`Pss`, the proportional set size).
        descriptors: open files and sockets.
        threads: of all processes.
        processes: how many there are.
        series: names with labels of everything at `/metrics`.
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
    """Measure the server whose first process is `pid`; `client` asks it for its metrics."""
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
    """The memory of one process by kind, in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines}
