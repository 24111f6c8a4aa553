"""Imports Ray, connects to a cluster or starts one on this machine, and keeps Ray's own output quiet; runs nothing."""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import Any, TextIO

from sentiline.errors import ClusterError, OptionError, SettingError

LOCAL, AUTO = "local", "auto"
ADDRESS_VARIABLE = "RAY_ADDRESS"
"""Ray's own name of the setting that `--address` wins over."""

_CONNECT_SECONDS = 5.0
_STORE_BYTES = 128 * 2**20
"""Of Ray's object store on this machine, for each worker: a part being scored, one waiting, and one being read."""


def address_of(wanted: str | None) -> str:
    """The address that a user means: `wanted`, else what `RAY_ADDRESS` says, else "local"."""
    return wanted or os.environ.get(ADDRESS_VARIABLE) or LOCAL


def import_ray(address: str) -> Any:
    """Import Ray with Ray Data; neither reports usage nor writes to standard error from then on.

    Args:
        address: of the cluster. For `LOCAL` Ray binds to 127.0.0.1 alone, if it was not imported before.

    Raises:
        SettingError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # of what is not Python; Ray's files keep the rest
    if address == LOCAL:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # in spite of its name: loopback or not
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise SettingError(f"--engine ray needs Ray ({error}): pip install 'sentiline[ray]'", field="ray") from None
    _be_quiet()
    return ray


@contextmanager
def ray_connection(address: str, cpus: int) -> Iterator[Any]:
    """Connect to a cluster, and leave it at the end; a connection that this process has already is used and kept.

    Args:
        address: `HOST:PORT`, "auto" for a cluster that was started on this machine, or "local" for a new one that ends
            with the run.
        cpus: of a new one.

    Yields:
        The module `ray`.

    Raises:
        ClusterError: there is none, or one of another release of Ray or Python.
        OptionError: an address of Ray Client.
        SettingError: Ray is not installed.
    """
    ray = import_ray(address)
    with redirect_stdout(_WithoutRay(sys.stdout)):
        if ray.is_initialized():
            yield ray
            return
        _connect(ray, address, cpus)
        try:
            yield ray
        finally:
            ray.shutdown()


def _connect(ray: Any, wanted: str, cpus: int) -> None:
    if "://" in wanted:
        raise OptionError(
            f"--address is {wanted!r}, and Ray Data does not run through Ray Client; run the command on a machine of "
            "the cluster (or with `ray job submit`) and give HOST:PORT or auto",
            field="--address",
        )
    options: dict[str, Any] = {"address": wanted, "configure_logging": False, "log_to_driver": False}
    if wanted == LOCAL:
        store = _STORE_BYTES * (cpus + 1)
        options |= {"num_cpus": cpus, "object_store_memory": store, "include_dashboard": False}
    elif wanted != AUTO:
        _check_reachable(wanted)
    try:
        with _no_standard_error():
            ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as error:
        raise ClusterError(_describe(wanted, error), field="--address") from None
    _be_quiet()


def _check_reachable(address: str) -> None:
    """Raise unless something listens there: Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise OptionError(
            f"--address is {address!r}; it must be HOST:PORT, such as 10.0.0.1:6379, or auto, or local",
            field="--address",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"no Ray cluster at {address}: {getattr(error, 'strerror', None) or error}; start one with "
            "`ray start --head`, or leave --address out to use this machine",
            field="--address",
        ) from None


def _describe(address: str, error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = " ".join(lines)[:600] or type(error).__name__
    if "mismatch" in reason.lower():
        return f"the cluster at {address} runs another release: {reason}; install the same releases on all machines"
    if address == AUTO:
        return f"no Ray cluster was started on this machine: {reason}; start one with `ray start --head`"
    return f"cannot connect to the Ray cluster at {address}: {reason}"


def _be_quiet() -> None:
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":
            handler.setLevel(logging.CRITICAL + 1)


@contextmanager
def _no_standard_error() -> Iterator[None]:
    """Drop what is written to the file descriptor, which is where Ray's C++ says which log level it was given."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _WithoutRay(io.TextIOBase):
    """Standard output without what Ray's own threads print there, such as that a node died."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def write(self, text: str) -> int:
        """Write, or drop, a text."""
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._output.write(text)

    def flush(self) -> None:
        """Flush the output."""
        self._output.flush()

    def isatty(self) -> bool:
        """Whether the output is a terminal."""
        return self._output.isatty()
