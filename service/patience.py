"""How long a request waits for its answer: until its deadline, and no longer than its client does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.types import Receive

from .errors import ServiceError
from .fields import refuse, shown
from .settings import Settings, variable

HEADER = "x-timeout-ms"
"""Request header: milliseconds after which the answer is of no use to the client."""

WATCH_SECONDS = 0.05
"""A request that waits longer than this is watched for its client going away; to watch costs a task."""

Result = TypeVar("Result")


def allowed(headers: Headers, settings: Settings) -> float:
    """Seconds that a request may take: the client's limit or the server's, whichever is shorter.

    Raises:
        ServiceError: 422 for a header that is no whole number of at least 1.
    """
    limit = settings.timeout_ms
    text = headers.get(HEADER)
    if text is not None:
        if not (text.isascii() and text.isdigit() and int(text[:10])):
            message = f"the header {HEADER} is {shown(text)!r}; it must be a whole number of milliseconds, at least 1"
            raise refuse("invalid_option", message, HEADER)
        limit = min(limit, int(text[:10]))
    return limit / 1000


class Patience:
    """Waits for a future on behalf of one client.

    BentoML's own time limit leaves the work running, and so would cancelling the wait alone: `give_up` is called as
    soon as nobody waits any more.
    """

    def __init__(self, started: float, seconds: float, receive: Receive | None, give_up: Callable[[str], None]) -> None:
        """Make a wait.

        Args:
            started: when the request's time began, by `time.perf_counter`.
            seconds: how long it may take.
            receive: tells when the client has gone, once all of its body is read; None if there is none to watch.
            give_up: called with "expired" or "disconnected", at most once.
        """
        self._loop = asyncio.get_running_loop()
        self._started = started
        self._seconds = seconds
        self._deadline = self._loop.time() + started + seconds - perf_counter()
        self._receive = receive
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None

    async def wait(self, future: asyncio.Future[Result]) -> Result:
        """The future's result.

        Raises:
            ServiceError: 504 when the deadline has passed, 499 when the client has gone.
        """
        patience = self._deadline - self._loop.time()
        if self._receive is not None:
            patience = min(patience, WATCH_SECONDS)
        self._timer = self._loop.call_later(max(0.0, patience), self._lose, future)
        try:
            return await future
        except asyncio.CancelledError:
            self._give_up("disconnected")  # the server stops, or its client does
            raise
        finally:
            self._timer.cancel()
            if self._watching is not None:
                self._watching.cancel()

    def _lose(self, future: asyncio.Future[Result]) -> None:
        """The first time begin to watch the client, unless the deadline has passed."""
        left = self._deadline - self._loop.time()
        if left > 0.001:  # a timer may be a millisecond early
            self._timer = self._loop.call_later(left, self._lose, future)
            if self._receive is not None and self._watching is None:
                self._watching = self._loop.create_task(self._watch(self._receive, future))
        elif not future.done():
            self._give_up("expired")
            future.set_exception(expired(self._started, self._seconds))

    async def _watch(self, receive: Receive, future: asyncio.Future[Result]) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if not future.done():
            self._give_up("disconnected")
            message = "the client closed the connection before its answer was ready"
            future.set_exception(ServiceError(499, "client_disconnected", message))


def expired(started: float, seconds: float) -> ServiceError:
    """The refusal of a request that has taken longer than the seconds that it may."""
    limit, setting = round(seconds * 1000), variable("timeout_ms")
    message = (
        f"the request was not answered after {(perf_counter() - started) * 1000:.0f} ms and the limit is {limit} ms; "
        f"send fewer or shorter texts, or a larger {HEADER}; the server's own limit is {setting}"
    )
    return ServiceError(504, "deadline_exceeded", message, limit=limit, setting=setting)
