"""How bytes become requests: uvicorn's HTTP/1.1 protocol, with limits for what comes before a body, and JSON refusals.

uvicorn waits without end for the end of the headers, keeps whatever has arrived of them in memory, answers in plain
text what it cannot parse, and loses the body of a request that offers an upgrade to HTTP/2, as Java's client and
`curl --http2` do. It also keeps an answer, and the connection, for as long as the client does not read it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import httptools
from starlette.types import Message, Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ..errors import ServiceError
from ..headers import SCOPE_CONNECTION, SCOPE_ERROR, STATE_LOAD_SHEDDER, STATE_SETTINGS
from ..settings import Settings, variable
from .load_shedding import Doorkeeper

LINGER_SECONDS = 2.0
"""How long what a refused client still sends is thrown away: it may read the answer only when it has sent all."""

TAKE_SECONDS = (5.0, 30.0)
"""Least and most time for a client to take its answers; in between it is what a request may take."""

TAKE_SECONDS_STOPPING = 10.0
"""The same once the server stops."""


_LOGGER = logging.getLogger("uvicorn.error.sentiline")
# no line for each request that is not HTTP, which is answered and counted; a filter, because configuring the logging of
# the parent would reset a level
_LOGGER.addFilter(lambda record: record.levelno >= logging.ERROR)


class _Part(Enum):
    """What the parser waits for."""

    NOTHING = auto()
    HEADERS = auto()
    BODY = auto()


_NOTHING, _HEADERS, _BODY = _Part


class Protocol(HttpToolsProtocol):
    """One connection.

    The limits are those of `Settings`, which the application leaves in the state of its life cycle. A refusal is a
    request to the application with the error under `SCOPE_ERROR` in its scope: so it has its turn after the requests
    before it, and is counted and logged as they are. Only those of the `Doorkeeper`, which it leaves there too, do not
    get so far.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _LOGGER
        settings: Settings = app_state[STATE_SETTINGS]
        self._doorkeeper: Doorkeeper = app_state[STATE_LOAD_SHEDDER]
        self._limit = settings.max_header_bytes
        self._milliseconds = settings.timeout_ms
        self._part = _NOTHING
        self._size = 0  # bytes of the unfinished headers; in a body, bytes since there was last something of it
        self._data = b""  # given to the parser
        self._counts = True  # whether all of those are to be added to the size
        self._offer = False  # whether the request is one that offers an upgrade to what there is not
        self._again = b""  # the same without the offer, to be parsed anew
        self._timer: asyncio.TimerHandle | None = None
        self._deaf = False  # what still arrives is not wanted
        self._unread = False  # the request is refused already, and the rest of it is not wanted
        self._running: RequestResponseCycle | None = None  # with the application; later ones may be behind it
        self._gone = asyncio.Event()
        self._lost = False
        self._watcher: Callable[[], None] | None = None
        self._patience = min(max(settings.timeout_ms / 1000, TAKE_SECONDS[0]), TAKE_SECONDS[1])
        self._due = 0.0  # when what is still to be written must have been taken
        self._reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        if self._reader is not None:
            self._reader.cancel()
        self._deaf = self._lost = True
        self._gone.set()
        if self._watcher is not None:
            self._watcher()
        if self._running is not None and not self._running.response_complete:  # uvicorn tells the last one alone
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Close the connection; if it is refused, only after the answer."""
        self._gone.set()
        return self._deaf or None

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        if self._deaf:
            return
        self._data, self._counts = data, True
        super().data_received(data)
        while self._again:
            self._data, self._again, self._counts = self._again, b"", True
            super().data_received(self._data)
        self._data = b""
        if self._part is not _NOTHING or self._is_answered():
            self._wait(len(data))

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self, received: int) -> None:
        """See to it that what the client has begun comes to an end."""
        if self._deaf:
            return
        began = self._size == 0
        if self._counts:
            self._size += received
        if self._size > self._limit:
            self._refuse(_too_large(self._size, self._limit))
        elif self._is_answered() and (self._timer is None or (began and self._part is _HEADERS)):
            self._start_timer()

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._part = _HEADERS
        self._size = 0

    def on_headers_complete(self) -> None:
        """Start the request.

        Raises:
            ServiceError: 431; the parser turns it into an error of its own, which ends in `send_400_response`.
        """
        # headers that arrive in pieces have been counted, so only what is in large pieces is looked at here
        if self._size + len(self._data) > self._limit and self._header_bytes() > self._limit:
            raise _too_large(self._header_bytes(), self._limit)
        if self._timer is not None:
            self._stop_timer()
        upgrades = self.parser.should_upgrade()
        if upgrades and self.parser.get_method() != b"CONNECT":
            self._offer = True
            return
        if upgrades or not (self._doorkeeper.closed and self._turn_away()):
            super().on_headers_complete()
        self._part = _BODY
        self._size = 0
        self._counts = False
        if not upgrades:
            self.headers = []  # for the fields after a chunked body, which are not to be taken for headers

    def _turn_away(self) -> bool:
        """Answer the request here if it is to be refused unread, and say so; it has no cycle and no task.

        Not while another one is being answered or its answer is not taken: the order of uvicorn's pipeline and its
        bounds are kept by going through it.
        """
        parser = self.parser
        if not self._is_answered() or self.flow.write_paused or self.transport.is_closing():
            return False
        if parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return False
        defaults = self.server_state.default_headers
        answer = self._doorkeeper.refuse(parser.get_method(), self.url, self.headers, defaults)
        if answer:
            self._unread = True
            self.transport.write(answer)
            self.on_response_complete()
        return self._unread

    def _header_bytes(self) -> int:
        line = len(self.parser.get_method()) + len(self.url) + len(b"  HTTP/1.1\r\n\r\n")
        return line + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        scope: Any = cycle.scope
        scope[SCOPE_CONNECTION] = self
        super()._start_asgi_task(cycle, app)

    def watch(self, gone: Callable[[], None] | None) -> None:
        """See `patience.Connection`; for the request that is with the application."""
        self._watcher = gone
        if gone is None:
            return
        self.flow.resume_reading()  # which a large body may have left paused: a client that leaves would not be noticed
        if self._lost:
            gone()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._size = 0
        self._counts = False
        if not self._unread:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to wait for the next request."""
        if self._offer:
            return
        self._part = _NOTHING
        self._counts = False
        if self._unread:
            self._unread = False
        else:
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Take up no offer, that of a WebSocket neither: there is nothing but HTTP here."""
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Pass over the offer of an upgrade, which a server may, and take the request as it is.

        After it the parser expects another protocol, so a new one gets the request without the offer, and its body.
        """
        if not self._offer:
            super()._unsupported_upgrade_warning()
            return
        stop = sys.exception()
        assert isinstance(stop, httptools.HttpParserUpgrade)
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self._again = b"".join([*lines, b"\r\n", self._data[stop.args[0] :]])
        self._offer = False
        self.parser = httptools.HttpRequestParser(self)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser has just failed to read."""
        failure = sys.exception()
        cause = failure and failure.__context__
        self._refuse(cause if isinstance(cause, ServiceError) else _unreadable(str(failure)))

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self._milliseconds / 1000, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        timer, self._timer = self._timer, None
        assert timer is not None  # which has called
        if self._part is _HEADERS:
            late = max(0.0, self.loop.time() - timer.when())
            self._refuse(_too_slow(self._milliseconds + round(1000 * late), self._milliseconds))
        else:  # nothing was asked, or it is answered already
            self.transport.close()

    def pause_writing(self) -> None:
        """Hold back the next answer while too much of the ones before is not taken."""
        super().pause_writing()
        self._await_reader()

    def on_response_complete(self) -> None:
        """Begin to wait for the client to take the answer."""
        self._await_reader()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Close the connection once the answer is complete and taken."""
        self._patience = min(self._patience, TAKE_SECONDS_STOPPING)
        self._await_reader()
        super().shutdown()

    def _await_reader(self) -> None:
        """Give the client its time, from now on, to take what is written.

        No further answer is written meanwhile, once so much waits that writing is paused: the time cannot be had anew
        without reading.
        """
        if not self.transport.get_write_buffer_size():
            return
        self._due = self.loop.time() + self._patience
        if self._reader is None or self._reader.when() > self._due:  # else that timer finds out: one for many answers
            self._check_reader_at(self._due)

    def _check_reader_at(self, when: float) -> None:
        if self._reader is not None:
            self._reader.cancel()
        self._reader = self.loop.call_at(when, self._check_reader)

    def _check_reader(self) -> None:
        self._reader = None
        if not self.transport.get_write_buffer_size():
            return
        if self.loop.time() < self._due:
            self._check_reader_at(self._due)
        else:
            self.transport.abort()  # to close it would wait for the client again

    def _refuse(self, error: ServiceError) -> None:
        """Answer the unfinished request with an error and close the connection."""
        self._deaf = True
        self._stop_timer()
        self._unset_keepalive_if_required()
        if self._part is not _BODY:
            self._answer(error)
        elif self._is_answered():
            self.transport.close()
        else:  # the application has begun with the request: its body ends here
            self.cycle.scope[SCOPE_ERROR] = error  # type: ignore[literal-required]
            self.cycle.keep_alive = False
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _answer(self, error: ServiceError) -> None:
        """Put the refusal in line behind the requests that are not answered yet."""
        self.on_message_begin()  # a scope without anything of the request
        scope: Any = self.scope
        scope |= {"method": "-", "path": "", "raw_path": b"", "query_string": b"", SCOPE_ERROR: error}
        free = self._is_answered()
        self.cycle = cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        cycle.more_body = False
        if free:
            task = self.loop.create_task(cycle.run_asgi(self._last_answer))  # type: ignore[arg-type]
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
        else:
            self.pipeline.appendleft((cycle, self._last_answer))  # type: ignore[arg-type]

    async def _last_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI application: the refusal, after which what still arrives is thrown away for a while.

        To close while there is something to be read would reset the connection, and the client would lose the answer.
        """

        async def unfinished(message: Message) -> None:
            await send(message if message["type"] == "http.response.start" else {**message, "more_body": True})

        await self.app(scope, receive, unfinished)
        if not self.transport.is_closing() and self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._gone.wait()
        self.cycle.disconnected = True  # uvicorn need not finish the answer
        self.transport.close()


def _too_large(seen: int, limit: int) -> ServiceError:
    setting = variable("max_header_bytes")
    message = (
        f"the request line and the headers have {seen} bytes so far and the limit is {limit}; "
        f"send fewer or shorter ones, and texts in the body, or raise {setting}"
    )
    return ServiceError(431, "header_too_large", message, limit=limit, setting=setting)


def _too_slow(seen: int, limit: int) -> ServiceError:
    setting = variable("timeout_ms")
    message = (
        f"the headers are not complete after {seen} ms and the limit is {limit} ms; "
        f"send them faster, or raise {setting}"
    )
    return ServiceError(408, "header_timeout", message, limit=limit, setting=setting)


def _unreadable(reason: str) -> ServiceError:
    return ServiceError(400, "invalid_http", f"the request is not valid HTTP/1.1: {reason}")
