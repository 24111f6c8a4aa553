"""Removes the metrics' files of dead workers: their gauges vanish, and their counts are kept in one file.

prometheus_client keeps a file per worker and metric type and reads all of them at every scrape, so the files of
replaced workers would pile up.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil
from prometheus_client.mmap_dict import MmapedDict

NOBODY = 0
"""The process id under which the counts of all dead workers are kept; no process has it."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Exclude all other workers from the folder while the block runs; blocks."""
    if sys.platform == "win32":  # which has neither such locks nor BentoML's supervisor
        yield
        return
    import fcntl

    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def merge_dead_workers(folder: Path) -> None:
    """Delete the gauges of dead workers, and add their counters and histograms to one file; needs the lock."""
    for path in folder.glob("*_*.db"):
        kind, *_, pid = path.stem.split("_")
        if _is_running(int(pid)):
            continue
        if kind != "gauge":
            _add(folder / f"{kind}_{NOBODY}.db", path)
        path.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    """Return whether this is a worker of this server; a process that only took over the id of one is not."""
    if pid in (NOBODY, os.getpid()):
        return True
    try:
        process = psutil.Process(pid)
        return bool(process.ppid() == os.getppid() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _add(total: Path, path: Path) -> None:
    """Add the values of one file to those of another, which is replaced at once."""
    sums: dict[str, float] = defaultdict(float)
    for file in (total, path):
        if file.exists():
            for key, value, _, _ in MmapedDict.read_all_values_from_file(file):
                sums[key] += value
    fresh = total.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    values = MmapedDict(str(fresh))
    for key, value in sums.items():
        values.write_value(key, value, 0.0)
    values.close()
    fresh.replace(total)
