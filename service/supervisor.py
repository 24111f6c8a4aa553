"""The link between BentoML's supervisor and its workers: how they stop, and that none outlives the supervisor."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

PIPE_VARIABLE = "SENTILINE_SUPERVISOR_PIPE"
"""Environment variable with the descriptor of a pipe that a worker inherits; only the supervisor can write to it."""


def prepare_supervisor() -> None:
    """Change how this process, which is to be the supervisor, treats its workers and its listening socket."""
    from bentoml._internal.utils.circus import Arbiter

    if os.name != "posix" or hasattr(Arbiter.stop, "__wrapped__"):
        return
    Arbiter.stop = _close_sockets(Arbiter.stop)  # type: ignore[assignment,method-assign]
    # the writing end stays open, and here alone, until this process ends in whatever way
    reading, _ = os.pipe()
    os.set_inheritable(reading, True)
    os.environ[PIPE_VARIABLE] = str(reading)


def _close_sockets(stop: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def stop_and_close(arbiter: Any) -> Any:
        """Stop the workers, and close the supervisor's copy of the listening socket.

        While any process has the socket open the kernel completes handshakes on it, so clients would send requests
        that no worker reads any more.
        """
        stopping = stop(arbiter)
        arbiter.sockets.close_all()
        return stopping

    stop_and_close.__wrapped__ = stop  # type: ignore[attr-defined]
    return stop_and_close


def follow_supervisor() -> None:
    """Stop this process, a worker, in the normal way as soon as its supervisor has ended, even if it was killed."""
    descriptor = os.environ.pop(PIPE_VARIABLE, None)
    if descriptor is not None:
        threading.Thread(target=_wait, args=(int(descriptor),), name="supervisor", daemon=True).start()


def _wait(descriptor: int) -> None:
    os.read(descriptor, 1)  # returns when the writing end is closed, because nothing is ever written
    os.kill(os.getpid(), signal.SIGTERM)
