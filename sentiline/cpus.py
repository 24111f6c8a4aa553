"""The number of CPUs this process may use, by CPU affinity and cgroup quota."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def available_cpus(*, root: Path = Path("/")) -> int:
    """Count the CPUs this process may use.

    It is the size of the affinity mask, or the smallest cgroup CPU quota (v1 or v2) of its group and the groups above
    it, if that is smaller. Fractions are rounded up: with 1.5 CPUs two workers can be busy.

    Args:
        root: The folder that contains `proc` and `sys`.

    Returns:
        The number of CPUs, at least 1.
    """
    # os.sched_getaffinity does not exist on macOS and Windows
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([cpus, *(max(1, math.ceil(quota)) for quota in _quotas(root))])


def _quotas(root: Path) -> Iterator[float]:
    """Yield every CPU quota of this process's control groups, in CPUs."""
    cgroups = root / "sys/fs/cgroup"
    for line in (_read(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":  # version 2
            for folder in _upwards(cgroups, group):
                fields = (_read(folder / "cpu.max") or "").split()
                if len(fields) == 2 and fields[0] != "max":
                    yield int(fields[0]) / int(fields[1])
        elif "cpu" in controllers.split(","):  # version 1
            for mount in {cgroups / "cpu", cgroups / controllers}:
                for folder in _upwards(mount, group):
                    quota, period = (_read(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
                    if quota and period and int(quota) > 0:
                        yield int(quota) / int(period)


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """Yield the group's folder and all above it, up to the mount; inside a container some may not exist."""
    folder = mount / group.lstrip("/")
    yield folder
    while folder != mount and folder != folder.parent:
        folder = folder.parent
        yield folder


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
