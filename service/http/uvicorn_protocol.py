"""uvicorn's HTTP/1.1 protocol with limits on headers and slow clients, and JSON error bodies.

uvicorn by itself waits forever for the end of the headers and keeps all of them in memory, answers unparsable requests
in plain text, and loses the body of a request that offers an upgrade to HTTP/2, as Java's client and `curl --http2` do.
It also keeps an answer, and the connection, for as long as the client does not read it.
"""

# This module depends on private members of uvicorn, so pyproject.toml pins uvicorn's exact version; check these members
# at every update. Overridden: HttpToolsProtocol._start_asgi_task, ._should_upgrade, ._unsupported_upgrade_warning,
# .send_400_response, .on_response_complete, .shutdown, .pause_writing and .timeout_keep_alive_handler. Used:
# ._unset_keepalive_if_required, .cycle, .flow, .headers, .parser, .pipeline, .scope, .tasks, .timeout_keep_alive,
# .timeout_keep_alive_task, .transport and .url; RequestResponseCycle, its constructor, .disconnected, .keep_alive,
# .message_event, .more_body, .response_complete and .run_asgi; uvicorn._types.

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
from ..headers import SCOPE_CONNECTION, SCOPE_ERROR, STATE_CONNECTIONS, STATE_LOAD_SHEDDER, STATE_SETTINGS
from ..settings import Settings, variable
from .connections import Connections
from .load_shedding import LoadShedder

LINGER_SECONDS = 2.0
"""How long a rejected client's further data is discarded: it may read the answer only after sending everything."""

WRITE_TIMEOUTS = (5.0, 30.0)
"""Bounds, in seconds, on the time for a client to read its answers; within them it is the request timeout."""

SHUTDOWN_WRITE_TIMEOUT = 10.0
"""The upper bound once the server is stopping."""

SHUTDOWN_IDLE_SECONDS = 1.0
"""How long an idle connection is kept once the server is stopping: a request may be on its way, which a proxy would not
repeat on another server. Its answer says that the connection is closed."""

LATE_SECONDS = 0.05
"""How long a connection is kept beyond its time: a late event loop runs its timers before it reads what has arrived."""

_LOGGER = logging.getLogger("uvicorn.error.sentiline")
# no log line per invalid request, which is answered and counted; a filter, because a level would be reset when the
# parent's logging is configured
_LOGGER.addFilter(lambda record: record.levelno >= logging.ERROR)


class _Phase(Enum):
    """What the parser is reading."""

    IDLE = auto()
    HEADERS = auto()
    BODY = auto()


_IDLE, _HEADERS, _BODY = _Phase


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection.

    The limits are those of `Settings`, which the application leaves in its lifespan state. An error is passed to the
    application as a request with the error under `SCOPE_ERROR` in its scope, so it is answered after earlier requests,
    and counted and logged as they are. Only the rejections of the `LoadShedder`, which the application leaves in that
    state too, are written directly.
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
        self._load_shedder: LoadShedder = app_state[STATE_LOAD_SHEDDER]
        self._connections: Connections = app_state[STATE_CONNECTIONS]
        self.timeout_keep_alive = settings.keep_alive_seconds
        self._max_header_bytes = settings.max_header_bytes
        self._timeout_ms = settings.timeout_ms
        self._phase = _IDLE
        self._size = 0  # bytes of the unfinished headers; in a body, of its chunk headers and trailers
        self._data = b""  # what the parser is given now
        self._counting = True  # whether those bytes still have to be added to the size
        self._upgrade_offered = False  # whether the request offers an upgrade, all of which are ignored
        self._replay = b""  # the request without that offer, to be parsed again
        self._read_timer: asyncio.TimerHandle | None = None
        self._discarding = False  # whether further input is ignored
        self._rejected = False  # whether the request is rejected already, and its body ignored
        self._last_request = False  # whether the connection is closed after the next request
        self._running_cycle: RequestResponseCycle | None = None  # with the application; others may be queued behind it
        self._input_ended = asyncio.Event()
        self._disconnected = False
        self._on_disconnect: Callable[[], None] | None = None
        self._write_timeout = min(max(settings.timeout_ms / 1000, WRITE_TIMEOUTS[0]), WRITE_TIMEOUTS[1])
        self._write_deadline = 0.0  # when the client must have read what is buffered
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._connections.add(transport)
        self._start_read_timer()
        if self._connections.stopping:
            self._close_when_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection, and tell all pending requests."""
        self._connections.discard(self.transport)
        self._stop_read_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()
        self._discarding = self._disconnected = True
        self._input_ended.set()
        if self._on_disconnect is not None:
            self._on_disconnect()
        if (
            self._running_cycle is not None and not self._running_cycle.response_complete
        ):  # uvicorn only tells the last one
            self._running_cycle.disconnected = True
            self._running_cycle.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Close the connection; after an error only once it is answered."""
        self._input_ended.set()
        return self._discarding or None

    def data_received(self, data: bytes) -> None:
        """Parse the data."""
        if self._discarding:
            return
        self._connections.set_busy(self.transport)
        self._data, self._counting = data, True
        super().data_received(data)
        while self._replay:
            self._data, self._replay, self._counting = self._replay, b"", True
            super().data_received(self._data)
        self._data = b""
        if self._phase is not _IDLE or self._all_answered():
            self._enforce_limits(len(data))

    def _all_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _enforce_limits(self, received: int) -> None:
        """Bound the size and time of what the client has begun to send."""
        if self._discarding:
            return
        first_bytes = self._size == 0
        if self._counting:
            self._size += received
        if self._size > self._max_header_bytes:
            self._reject(_headers_too_large(self._size, self._max_header_bytes))
        elif self._phase is _IDLE and self.timeout_keep_alive_task is not None:
            return  # everything is answered, and nothing of another request has arrived
        elif self._all_answered() and (self._read_timer is None or (first_bytes and self._phase is _HEADERS)):
            self._start_read_timer()

    def on_message_begin(self) -> None:
        """Start to count the bytes of the headers."""
        super().on_message_begin()
        self._phase = _HEADERS
        self._size = 0

    def on_headers_complete(self) -> None:
        """Start the request.

        Raises:
            ServiceError: 431 or 503; the parser wraps it in an error of its own, which leads to `send_400_response`.
        """
        # headers that arrived in small pieces are counted already, so only large pieces are checked here
        if (
            self._size + len(self._data) > self._max_header_bytes
            and self._parsed_header_bytes() > self._max_header_bytes
        ):
            raise _headers_too_large(self._parsed_header_bytes(), self._max_header_bytes)
        keep = self._connections.check(self.transport, self.url.partition(b"?")[0])
        self._last_request |= not keep
        if self._read_timer is not None:
            self._stop_read_timer()
        upgrades = self.parser.should_upgrade()
        if upgrades and self.parser.get_method() != b"CONNECT":
            self._upgrade_offered = True
            return
        if upgrades or not (self._load_shedder.active and self._shed()):
            super().on_headers_complete()
            if self._last_request:
                self.cycle.keep_alive = False
        self._phase = _BODY
        self._size = 0
        self._counting = False
        if not upgrades:
            self.headers = []  # collects the trailers of a chunked body, which must not be taken for headers

    def _shed(self) -> bool:
        """Reject the request unread if it should be, without a cycle or a task; returns whether it was.

        While another request is being answered or its answer read, the normal path keeps the order and the
        bounds of uvicorn's pipeline.
        """
        parser = self.parser
        if not self._all_answered() or self.flow.write_paused or self.transport.is_closing():
            return False
        close = self._last_request or parser.get_http_version() != "1.1" or not parser.should_keep_alive()
        defaults = self.server_state.default_headers
        response = self._load_shedder.reject(parser.get_method(), self.url, self.headers, defaults, close=close)
        if response:
            self._rejected = True
            self._last_request = close
            self.transport.write(response)
            self.on_response_complete()
        return self._rejected

    def _parsed_header_bytes(self) -> int:
        line = len(self.parser.get_method()) + len(self.url) + len(b"  HTTP/1.1\r\n\r\n")
        return line + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running_cycle = cycle
        scope: Any = cycle.scope
        scope[SCOPE_CONNECTION] = self
        super()._start_asgi_task(cycle, app)

    def watch(self, on_disconnect: Callable[[], None] | None) -> None:
        """Watch for a disconnect while the application runs a request; see `engine.deadline.Connection`."""
        self._on_disconnect = on_disconnect
        if on_disconnect is None:
            return
        self.flow.resume_reading()  # a large body may have paused it, and a disconnect would go unnoticed
        if self._disconnected:
            on_disconnect()

    def on_body(self, body: bytes) -> None:
        """Receive a part of a body."""
        self._size = 0
        self._counting = False
        if not self._rejected:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        if self._upgrade_offered:
            return
        self._phase = _IDLE
        self._counting = False
        if self._rejected:
            self._rejected = False
        else:
            super().on_message_complete()
        if self._all_answered() and not self.transport.is_closing():
            if self._last_request:
                self._discarding = True
                self.transport.close()
            else:
                self._restart_keep_alive()

    def _restart_keep_alive(self) -> None:
        """Wait for the next request, now that the body of one that was answered early is complete."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._connections.set_idle(self.transport)

    def timeout_keep_alive_handler(self) -> None:
        """Close the idle connection, unless a request has arrived on it that is not read yet."""
        self.timeout_keep_alive_task = self.loop.call_later(LATE_SECONDS, super().timeout_keep_alive_handler)

    def _should_upgrade(self) -> bool:
        """Accept no upgrade, not even to a WebSocket: the service only speaks HTTP."""
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore the offer of an upgrade, which HTTP allows, and serve the request.

        The parser now expects another protocol, so a new one gets the request without the offer, and its body.
        """
        if not self._upgrade_offered:
            super()._unsupported_upgrade_warning()
            return
        stop = sys.exception()
        assert isinstance(stop, httptools.HttpParserUpgrade)
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self._replay = b"".join([*lines, b"\r\n", self._data[stop.args[0] :]])
        self._upgrade_offered = False
        self.parser = httptools.HttpRequestParser(self)

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser has just failed to parse with an error."""
        failure = sys.exception()
        cause = failure and failure.__context__
        self._reject(cause if isinstance(cause, ServiceError) else _invalid_http(str(failure)))

    def _start_read_timer(self) -> None:
        self._stop_read_timer()
        self._read_timer = self.loop.call_later(self._timeout_ms / 1000, self._on_read_timeout)

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _on_read_timeout(self) -> None:
        timer, self._read_timer = self._read_timer, None
        assert timer is not None  # it has just fired
        if self._phase is _HEADERS:
            late = max(0.0, self.loop.time() - timer.when())
            self._reject(_headers_too_slow(self._timeout_ms + round(1000 * late), self._timeout_ms))
        else:  # nothing was requested, or everything is answered
            self.transport.close()

    def pause_writing(self) -> None:
        """Hold back the next answer while too much of the previous ones is unread."""
        super().pause_writing()
        self._restart_write_timeout()

    def on_response_complete(self) -> None:
        """Start to wait for the client to read the answer."""
        self._restart_write_timeout()
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None and self._phase is _IDLE:
            self._connections.set_idle(self.transport)

    def shutdown(self) -> None:
        """Close the connection once the answer is complete and read, or after a short time if none is due."""
        self._write_timeout = min(self._write_timeout, SHUTDOWN_WRITE_TIMEOUT)
        self._restart_write_timeout()
        if self._all_answered():
            self._close_when_idle()
        else:
            super().shutdown()

    def _close_when_idle(self) -> None:
        self._last_request = True
        self.loop.call_later(SHUTDOWN_IDLE_SECONDS, self._close_if_answered)

    def _close_if_answered(self) -> None:
        if self._all_answered():
            self.transport.close()

    def _restart_write_timeout(self) -> None:
        """Give the client the full timeout, from now on, to read what is written.

        Once writing is paused no further answer is written, so a client cannot renew its time without reading.
        """
        if not self.transport.get_write_buffer_size():
            return
        self._write_deadline = self.loop.time() + self._write_timeout
        if (
            self._write_timer is None or self._write_timer.when() > self._write_deadline
        ):  # otherwise that timer will notice: one serves many answers
            self._schedule_write_check(self._write_deadline)

    def _schedule_write_check(self, when: float) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
        self._write_timer = self.loop.call_at(when, self._check_write_deadline)

    def _check_write_deadline(self) -> None:
        self._write_timer = None
        if not self.transport.get_write_buffer_size():
            return
        if self.loop.time() < self._write_deadline:
            self._schedule_write_check(self._write_deadline)
        else:
            self.transport.abort()  # closing would wait for the client again

    def _reject(self, error: ServiceError) -> None:
        """Answer the unfinished request with an error and close the connection."""
        self._discarding = True
        self._stop_read_timer()
        self._unset_keepalive_if_required()
        if self._phase is not _BODY:
            self._enqueue_error(error)
        elif self._all_answered():
            self.transport.close()
        else:  # the application is reading the body, which ends here with the error
            self.cycle.scope[SCOPE_ERROR] = error  # type: ignore[literal-required]
            self.cycle.keep_alive = False
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _enqueue_error(self, error: ServiceError) -> None:
        """Queue the error behind the requests that are not answered yet."""
        self.on_message_begin()  # for a new scope, without anything from the request
        scope: Any = self.scope
        scope |= {"method": "-", "path": "", "raw_path": b"", "query_string": b"", SCOPE_ERROR: error}
        free = self._all_answered()
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
            task = self.loop.create_task(cycle.run_asgi(self._send_error))  # type: ignore[arg-type]
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
        else:
            self.pipeline.appendleft((cycle, self._send_error))  # type: ignore[arg-type]

    async def _send_error(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI application that sends the error, then discards further input for a while.

        Closing with unread input would reset the connection, and the client would lose the answer.
        """

        async def send_unfinished(message: Message) -> None:
            await send(message if message["type"] == "http.response.start" else {**message, "more_body": True})

        await self.app(scope, receive, send_unfinished)
        if not self.transport.is_closing() and self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._input_ended.wait()
        self.cycle.disconnected = True  # so that uvicorn does not complete the answer
        self.transport.close()


def _headers_too_large(seen: int, limit: int) -> ServiceError:
    setting = variable("max_header_bytes")
    message = (
        f"the request line and the headers have {seen} bytes so far and the limit is {limit}; "
        f"send fewer or shorter ones, and texts in the body, or raise {setting}"
    )
    return ServiceError(431, "header_too_large", message, limit=limit, setting=setting)


def _headers_too_slow(seen: int, limit: int) -> ServiceError:
    setting = variable("timeout_ms")
    message = (
        f"the headers are not complete after {seen} ms and the limit is {limit} ms; "
        f"send them faster, or raise {setting}"
    )
    return ServiceError(408, "header_timeout", message, limit=limit, setting=setting)


def _invalid_http(reason: str) -> ServiceError:
    return ServiceError(400, "invalid_http", f"the request is not valid HTTP/1.1: {reason}")
