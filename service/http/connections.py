"""The open connections of a worker: how many there may be, which make room for others, and that the server stops."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from ..errors import ServiceError
from ..settings import Settings, variable
from ..telemetry.metrics import Metrics

PROBES = frozenset({b"/livez", b"/healthz", b"/readyz", b"/metrics", b"/v2/health/live", b"/v2/health/ready"})
"""The paths that are also served on the connections beyond the limit."""

SPARE_CONNECTIONS = 32
"""The number of connections beyond the limit, which are kept for probes."""

OTHER_DESCRIPTORS = 96
"""File descriptors that are left for everything else: libraries, models, metrics, and the exporter of traces."""

LOG_SECONDS = 60.0
"""The shortest time between two log lines about refused connections."""

logger = logging.getLogger("bentoml.sentiline.connections")


class Connections:
    """The connections of one event loop.

    A connection beyond the limit takes the place of the one that has been idle longest. If none is idle, it is a spare
    one, on which only probes are answered. If there are too many of those, the oldest without a request is dropped.

    Attributes:
        limit: The number of connections that are served without restriction.
        stopping: Whether the server is stopping.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Take the limit from `settings`, but no more than the process may have file descriptors."""
        self.limit = connection_limit(settings.max_connections)
        if settings.max_connections is not None and settings.max_connections > self.limit:
            logger.warning(
                "%s is %d, but the limit for file descriptors (ulimit -n) leaves room for %d connections",
                variable("max_connections"), settings.max_connections, self.limit,
            )  # fmt: skip
        self.stopping = False
        self._metrics = metrics
        self._regular: set[asyncio.Transport] = set()
        self._idle: dict[asyncio.Transport, None] = {}  # the regular ones without a request, longest idle first
        self._spare: dict[asyncio.Transport, None] = {}  # in the order of their arrival
        self._refused = 0  # since the last log line
        self._next_log = 0.0
        metrics.max_connections.set(self.limit)

    def add(self, transport: asyncio.Transport) -> None:
        """Add a new connection, for which another may have to make room."""
        if len(self._regular) < self.limit:
            self._regular.add(transport)
        elif self._idle:
            longest = next(iter(self._idle))
            self.discard(longest)
            longest.close()
            self._regular.add(transport)
        else:
            self._spare[transport] = None
            if len(self._spare) > SPARE_CONNECTIONS:
                oldest = next(iter(self._spare))
                self.discard(oldest)
                oldest.abort()
                self._count_refused()
        self._report()

    def discard(self, transport: asyncio.Transport) -> None:
        """Remove a connection that is closed."""
        self._regular.discard(transport)
        self._idle.pop(transport, None)
        self._spare.pop(transport, None)
        self._report()

    def set_idle(self, transport: asyncio.Transport) -> None:
        """Note that a connection waits for its next request."""
        if transport in self._regular:
            self._idle[transport] = None

    def set_busy(self, transport: asyncio.Transport) -> None:
        """Note that data has arrived on a connection."""
        self._idle.pop(transport, None)

    def check(self, transport: asyncio.Transport, path: bytes) -> bool:
        """Check whether a request may be served.

        Args:
            transport: The request's connection.
            path: The request's path.

        Returns:
            Whether the connection may be kept for further requests.

        Raises:
            ServiceError: 503 if there are too many connections and the request is no probe.
        """
        if transport not in self._spare:
            return True
        if len(self._regular) < self.limit:
            del self._spare[transport]
            self._regular.add(transport)
            return True
        if path in PROBES:
            return False
        self._count_refused()
        setting = variable("max_connections")
        message = (
            f"{len(self._regular)} connections are open and the limit is {self.limit}; close idle ones, or raise "
            f"{setting} and the limit for file descriptors (ulimit -n)"
        )
        raise ServiceError(
            503, "too_many_connections", message, headers={"retry-after": "1"}, limit=self.limit, setting=setting
        )

    def _report(self) -> None:
        self._metrics.open_connections.set(len(self._regular) + len(self._spare))

    def _count_refused(self) -> None:
        self._metrics.refused_connections.inc()
        self._refused += 1
        now = time.monotonic()
        if now < self._next_log:
            return
        logger.warning(
            "too many connections: %d open, limit %d, %d refused; only probes are answered on further ones; "
            "raise %s and the limit for file descriptors (ulimit -n)",
            len(self._regular), self.limit, self._refused, variable("max_connections"),
        )  # fmt: skip
        self._refused = 0
        self._next_log = now + LOG_SECONDS


def connection_limit(setting: int | None) -> int:
    """The number of connections that one worker serves, each of which needs one file descriptor.

    Args:
        setting: The setting `max_connections`; None for as many as the process may have.
    """
    if sys.platform == "win32":
        return setting or 1 << 20
    import resource

    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return setting or 1 << 20
    possible = max(1, descriptors - SPARE_CONNECTIONS - OTHER_DESCRIPTORS)
    return min(setting or possible, possible)
