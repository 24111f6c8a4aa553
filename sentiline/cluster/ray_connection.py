"""Imports Ray, connects to a cluster or starts one on this machine, and silences Ray's own output."""

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
ADDRESS_VARIABLE = "RAY_ADDRESS"  # Ray's own setting, which --address overrides

_CONNECT_SECONDS = 5.0
_STORE_BYTES = 128 * 2**20  # object store per worker: one part being scored, one waiting, and one being read


def address_of(wanted: str | None) -> str:
    """Return the cluster's address: `wanted`, else the value of `RAY_ADDRESS`, else "local"."""
    return wanted or os.environ.get(ADDRESS_VARIABLE) or LOCAL


def import_ray(address: str) -> Any:
    """Import Ray with Ray Data, set neither to report usage nor to write to standard error.

    Args:
        address: The cluster's address. For `LOCAL` Ray binds to 127.0.0.1 only, unless it was imported before.

    Raises:
        SettingError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault(
        "RAY_BACKEND_LOG_LEVEL", "fatal"
    )  # the level of Ray's C++ code; Ray's log files keep the rest
    if address == LOCAL:
        os.environ.setdefault(
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0"
        )  # despite its name this decides whether Ray binds to loopback
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise SettingError(f"--engine ray needs Ray ({error}): pip install 'sentiline[ray]'", field="ray") from None
    _be_quiet()
    return ray


@contextmanager
def ray_connection(address: str, cpus: int) -> Iterator[Any]:
    """Connect to a cluster, and disconnect at the end; if this process is connected already, keep that connection.

    Args:
        address: `HOST:PORT`, "auto" for a cluster started on this machine, or "local" for a new one that ends with the
            run.
        cpus: The number of CPUs of a new cluster.

    Yields:
        The module `ray`.

    Raises:
        ClusterError: There is no cluster, or it runs another release of Ray or Python.
        OptionError: The address is one of Ray Client.
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
    """Raise unless something listens at the address: Ray itself would try for minutes."""
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
    """Discard writes to file descriptor 2, on which Ray's C++ code announces its log level."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _WithoutRay(io.TextIOBase):
    """Standard output without the messages that Ray's threads print, such as the death of a node."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def write(self, text: str) -> int:
        """Write a text, unless a thread of Ray prints it."""
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._output.write(text)

    def flush(self) -> None:
        """Flush the output."""
        self._output.flush()

    def isatty(self) -> bool:
        """Whether the output is a terminal."""
        return self._output.isatty()
