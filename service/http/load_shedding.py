"""Load shedding: while the queue is full, reject prediction requests from their headers alone.

Parsing a body only to answer 429 would steal CPU from accepted requests. So the server's protocol asks here as soon as
it has the headers; a request whose answer depends on more than those takes the normal path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import perf_counter

import orjson
from starlette.datastructures import Headers
from starlette.routing import Route

from ..engine.admission import OVERLOADED, TokenBudget
from ..errors import ServiceError
from ..headers import JSON
from ..settings import Settings
from ..telemetry.metrics import Metrics
from .api_keys import ApiKeys
from .request_checks import normalized_path

FRESH_SECONDS = 0.05
"""How long one rejection is reused: serializing it is much of the cost, and its figures may be slightly old."""

RawHeaders = list[tuple[bytes, bytes]]


class LoadShedder:
    """Rejects requests by their headers alone, and counts them. Belongs to one event loop.

    Its rejections are not traced. It stays inactive with an access log, which has a line for every request, and it
    leaves requests from other origins alone, because their answers need headers of their own.
    """

    def __init__(self, routes: Iterable[Route], budget: TokenBudget, settings: Settings, metrics: Metrics) -> None:
        """Make a load shedder for those of `routes` that predict, which are those that accept POST."""
        predicting = [route for route in routes if "POST" in (route.methods or ())]
        self._exact = {route.path.encode(): route.path for route in predicting if "{" not in route.path}
        self._patterns = [(route.path_regex, route.path) for route in predicting if "{" in route.path]
        self._budget = budget
        self._keys = ApiKeys(settings.api_keys)
        self._requires_key = bool(settings.api_keys)
        self._allows_origins = bool(settings.cors_origins)
        self._max_body_bytes = settings.max_body_bytes
        self._metrics = metrics
        self._disabled = settings.access_log
        self._responses = (b"", b"")
        self._defaults: Iterable[tuple[bytes, bytes]] = ()
        self._fresh_until = 0.0

    @property
    def active(self) -> bool:
        """Whether requests are being rejected now; cheap, because every request checks it."""
        return self._budget.full and not self._disabled

    def reject(
        self,
        method: bytes,
        url: bytes,
        headers: RawHeaders,
        defaults: Iterable[tuple[bytes, bytes]],
        *,
        close: bool = False,
    ) -> bytes:
        """Return the complete response to a request that is rejected unread.

        Args:
            method: The request's method.
            url: Its path and query.
            headers: Its headers, the names in lower case.
            defaults: The server's own headers, which every response carries.
            close: Whether the connection is closed after the response, which says so.

        Returns:
            The bytes of the response; empty if the request must take the normal path.
        """
        started = perf_counter()
        if method != b"POST":
            return b""
        path = url.partition(b"?")[0]
        route = self._exact.get(path) or self._match(normalized_path(path.decode("latin-1")))
        if route is None or not self._can_reject(headers):
            return b""
        if self._requires_key:
            try:
                self._keys.check(route, Headers(raw=headers))
            except ServiceError:
                return b""
        if started >= self._fresh_until or defaults is not self._defaults:
            self._render(started, defaults)
        self._metrics.count_error(OVERLOADED)
        self._metrics.observe_request(route, "POST", 429, perf_counter() - started)
        return self._responses[close]

    def _render(self, now: float, defaults: Iterable[tuple[bytes, bytes]]) -> None:
        error = self._budget.rejection()
        body = orjson.dumps(error.document())
        fields: Mapping[str, str] = {"content-length": str(len(body)), "content-type": JSON, **error.headers}
        lines = [b"HTTP/1.1 429 Too Many Requests\r\n"]
        lines += [b"%b: %b\r\n" % header for header in defaults]
        lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in fields.items()]
        head = b"".join(lines)
        self._responses = (b"%b\r\n%b" % (head, body), b"%bconnection: close\r\n\r\n%b" % (head, body))
        self._defaults, self._fresh_until = defaults, now + FRESH_SECONDS

    def _match(self, path: str) -> str | None:
        exact = self._exact.get(path.encode("latin-1"))
        return exact or next((template for pattern, template in self._patterns if pattern.match(path)), None)

    def _can_reject(self, headers: RawHeaders) -> bool:
        """Whether the body has an acceptable length and comes unasked, and the answer needs no CORS headers."""
        length = b""
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name in (b"transfer-encoding", b"expect") or (name == b"origin" and self._allows_origins):
                return False
        return length.isdigit() and int(length) <= self._max_body_bytes
