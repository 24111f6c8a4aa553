"""How long a request waits for its answer: until its deadline, and no longer than its client does."""

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
    """What a client may close before its answer is ready."""

    def watch(self, gone: Callable[[], None] | None) -> None:
        """Call `gone` when the client goes, at once if it has gone; None ends that."""


def allowed(headers: Headers, settings: Settings) -> float:
    """Seconds that a request may take: the client's limit or the server's, whichever is shorter.

    Raises:
        ServiceError: 422 for a header that is no whole number of at least 1.
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


class Patience:
    """Waits for a future on behalf of one client.

    BentoML's own time limit leaves the work running, and so would cancelling the wait alone: `give_up` is called as
    soon as nobody waits any more.
    """

    def __init__(
        self, started: float, seconds: float, connection: Connection | None, give_up: Callable[[str], None]
    ) -> None:
        """Make a wait.

        Args:
            started: when the request's time began, by `time.perf_counter`.
            seconds: how long it may take.
            connection: the client's, all of whose request has been read; None if there is none to watch.
            give_up: called with "expired" or "disconnected", at most once.
        """
        self._loop = asyncio.get_running_loop()
        self._started = started
        self._seconds = seconds
        self._deadline = self._loop.time() + started + seconds - perf_counter()
        self._connection = connection
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, future: asyncio.Future[Result]) -> Result:
        """The future's result.

        Raises:
            ServiceError: 504 when the deadline has passed, 499 when the client has gone.
        """
        if self._connection is not None:
            self._connection.watch(lambda: self._leave(future))
        self._wait_on(future)
        try:
            return await future
        except asyncio.CancelledError:
            self._give_up("disconnected")  # the server stops, or its client does
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._connection is not None:
                self._connection.watch(None)

    def _wait_on(self, future: asyncio.Future[Result]) -> None:
        left = self._deadline - self._loop.time()
        if left > 0.001:  # a timer may be a millisecond early
            self._timer = self._loop.call_later(left, self._wait_on, future)
        elif not future.done():
            self._give_up("expired")
            future.set_exception(expired(self._started, self._seconds))

    def _leave(self, future: asyncio.Future[Result]) -> None:
        if not future.done():
            self._give_up("disconnected")
            message = "the client closed the connection before its answer was ready"
            future.set_exception(ServiceError(499, "client_disconnected", message))


def expired(started: float, seconds: float) -> ServiceError:
    """The refusal of a request that has taken longer than the seconds that it may."""
    limit, setting = round(seconds * 1000), variable("timeout_ms")
    message = (
        f"the request was not answered after {(perf_counter() - started) * 1000:.0f} ms and the limit is {limit} ms; "
        f"send fewer or shorter texts, or a larger {TIMEOUT_MS}; the server's own limit is {setting}"
    )
    return ServiceError(504, "deadline_exceeded", message, limit=limit, setting=setting)
