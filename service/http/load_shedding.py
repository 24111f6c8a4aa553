"""Refuses predictions unread while the queue is full: what they ask for would be refused once it is known.

To find that out a body must be read and parsed, in a task of its own, which under overload takes from the accepted
requests what refusing is to protect. So the server's protocol asks here when it has the headers, and goes the long way
for everything that needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import perf_counter

import orjson
from starlette.datastructures import Headers
from starlette.routing import Route

from ..engine.admission import OVERLOADED, Budget
from ..errors import ServiceError
from ..headers import JSON
from ..settings import Settings
from ..telemetry.metrics import Metrics
from .api_keys import ApiKeys

FRESH_SECONDS = 0.05
"""How long one refusal serves all requests: its figures are as old, and writing it is much of what refusing costs."""

RawHeaders = list[tuple[bytes, bytes]]


class Doorkeeper:
    """Decides by the headers alone; counts what it refuses. For one event loop.

    Such a refusal is not traced. With an access log, which has a line for every request, or for a page of another
    origin, whose answers need headers of their own, nothing is refused here.
    """

    def __init__(self, routes: Iterable[Route], budget: Budget, settings: Settings, metrics: Metrics) -> None:
        """Make one for those of `routes` that predict, which are those that take POST."""
        predicting = [route for route in routes if "POST" in (route.methods or ())]
        self._exact = {route.path.encode(): route.path for route in predicting if "{" not in route.path}
        self._patterns = [(route.path_regex, route.path) for route in predicting if "{" in route.path]
        self._budget = budget
        self._keys = ApiKeys(settings.api_keys)
        self._asks_for_keys = bool(settings.api_keys)
        self._crosses = bool(settings.cors_origins)
        self._most = settings.max_body_bytes
        self._metrics = metrics
        self._idle = settings.access_log
        self._answer = b""
        self._defaults: Iterable[tuple[bytes, bytes]] = ()
        self._fresh_until = 0.0

    @property
    def closed(self) -> bool:
        """Whether requests are refused now; cheap, for it is asked for every request."""
        return self._budget.full and not self._idle

    def refuse(self, method: bytes, url: bytes, headers: RawHeaders, defaults: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The whole answer to a request that is refused unread.

        Args:
            method: of the request.
            url: its path and query.
            headers: names in lower case, values.
            defaults: headers of the server that go with every answer.

        Returns:
            Its bytes; none for a request that is to be read.
        """
        begun = perf_counter()
        if method != b"POST":
            return b""
        path = url.partition(b"?")[0]
        route = self._exact.get(path) or self._route(path)
        if route is None or not self._is_plain(headers):
            return b""
        if self._asks_for_keys:
            try:
                self._keys.check(route, Headers(raw=headers))
            except ServiceError:
                return b""
        if begun >= self._fresh_until or defaults is not self._defaults:
            self._write(begun, defaults)
        self._metrics.error(OVERLOADED)
        self._metrics.request(route, "POST", 429, perf_counter() - begun)
        return self._answer

    def _write(self, now: float, defaults: Iterable[tuple[bytes, bytes]]) -> None:
        error = self._budget.refusal()
        body = orjson.dumps(error.document())
        fields: Mapping[str, str] = {"content-length": str(len(body)), "content-type": JSON, **error.headers}
        lines = [b"HTTP/1.1 429 Too Many Requests\r\n"]
        lines += [b"%b: %b\r\n" % header for header in defaults]
        lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in fields.items()]
        self._answer = b"".join([*lines, b"\r\n", body])
        self._defaults, self._fresh_until = defaults, now + FRESH_SECONDS

    def _route(self, path: bytes) -> str | None:
        text = path.decode("latin-1")
        return next((template for pattern, template in self._patterns if pattern.match(text)), None)

    def _is_plain(self, headers: RawHeaders) -> bool:
        """Whether a body of a length that is taken comes unasked, and the answer needs no headers for its origin."""
        length = b""
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name in (b"transfer-encoding", b"expect") or (name == b"origin" and self._crosses):
                return False
        return length.isdigit() and int(length) <= self._most
