"""How long a request may take, and what happens when its time is over or its client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Protocol, TypeVar

from starlette.datastructures import Headers

from ..errors import ServiceError, invalid_request, quote
from ..headers import TIMEOUT_MS
from ..settings import Settings, variable

Result = TypeVar("Result")


class Connection(Protocol):
    """A client's connection, which it may close before its answer is ready."""

    def watch(self, on_disconnect: Callable[[], None] | None) -> None:
        """Call `on_disconnect` when the client disconnects, at once if it already has; None stops watching."""


def request_timeout(headers: Headers, settings: Settings) -> float:
    """Return the seconds that a request may take: the shorter of the client's limit and the server's.

    Raises:
        ServiceError: 422 if the header is not a whole number of at least 1.
    """
    limit = settings.timeout_ms
    text = headers.get(TIMEOUT_MS)
    if text is not None:
        if not (text.isascii() and text.isdigit() and int(text[:10])):
            seen = f"the header {TIMEOUT_MS} is {quote(text)!r}"
            message = f"{seen}; it must be a whole number of milliseconds, at least 1"
            raise invalid_request("invalid_option", message, TIMEOUT_MS)
        limit = min(limit, int(text[:10]))
    return limit / 1000


class Deadline:
    """The deadline of one request.

    BentoML's own timeout leaves the work running, and so would cancelling the wait alone. `wait` therefore reports
    an abandoned request as soon as nobody waits for it, so that its remaining texts are dropped.
    """

    __slots__ = ("_on_abandoned", "_started", "_timeout", "_timer")

    def __init__(self, started: float, timeout: float) -> None:
        """Set the deadline.

        Args:
            started: When the request's headers were complete, in seconds of `time.perf_counter`.
            timeout: The seconds from then in which it must be answered.
        """
        self._started = started
        self._timeout = timeout
        self._timer: asyncio.TimerHandle | None = None
        self._on_abandoned: Callable[[str], None] = _ignore

    def remaining(self) -> float:
        """Return the seconds left, negative once the deadline has passed."""
        return self._started + self._timeout - perf_counter()

    def exceeded(self) -> ServiceError:
        """Return the error of a request that has run out of time."""
        limit, setting = round(self._timeout * 1000), variable("timeout_ms")
        message = (
            f"the request was not answered after {(perf_counter() - self._started) * 1000:.0f} ms and the limit is "
            f"{limit} ms; send fewer or shorter texts, or a larger {TIMEOUT_MS}; the server's own limit is {setting}"
        )
        return ServiceError(504, "deadline_exceeded", message, limit=limit, setting=setting)

    async def wait(
        self, future: asyncio.Future[Result], connection: Connection | None, on_abandoned: Callable[[str], None]
    ) -> Result:
        """Wait for a future on behalf of one client.

        Args:
            future: The result to come; it fails when the wait does.
            connection: The client's connection, its request read completely; None if there is none to watch.
            on_abandoned: Called with "expired" or "disconnected", at most once, when nobody waits any longer.

        Raises:
            ServiceError: 504 when the deadline has passed, 499 when the client has disconnected.
        """
        self._on_abandoned = on_abandoned
        if connection is not None:
            connection.watch(lambda: self._disconnect(future))
        self._check(future)
        try:
            return await future
        except asyncio.CancelledError:
            on_abandoned("disconnected")  # the server stops, or the client has closed its connection
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if connection is not None:
                connection.watch(None)

    def _check(self, future: asyncio.Future[Result]) -> None:
        remaining = self.remaining()
        if remaining > 0.001:  # a timer may fire a millisecond early
            self._timer = asyncio.get_running_loop().call_later(remaining, self._check, future)
        elif not future.done():
            self._on_abandoned("expired")
            future.set_exception(self.exceeded())

    def _disconnect(self, future: asyncio.Future[Result]) -> None:
        if not future.done():
            self._on_abandoned("disconnected")
            message = "the client closed the connection before its answer was ready"
            future.set_exception(ServiceError(499, "client_disconnected", message))


def _ignore(_: str) -> None:
    """Nobody waits yet."""
