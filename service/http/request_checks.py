"""Checks of a request's headers that HTTP demands and the server's parser leaves out."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import Scope

from ..errors import ServiceError

_HOST = re.compile(r"[\w.~!$&'()*+,;=:%\[\]-]*", re.ASCII)
_REPEATED_SLASHES = re.compile("/{2,}")


def normalized_path(path: str) -> str:
    """Return a path without slashes at its end or repeated ones, which clients add when they join URLs.

    The empty path, which a request that is not valid HTTP has, is not the path of the page, so it stays empty.
    """
    return path and (_REPEATED_SLASHES.sub("/", path).rstrip("/") or "/")


def check_headers(scope: Scope, headers: Headers) -> None:
    """Check the fields that say which host is meant and how the body is framed.

    Raises:
        ServiceError: 400 for no, several or malformed `Host` fields; 501 for a transfer coding other than chunked.
    """
    hosts = headers.getlist("host")
    if not hosts and scope["http_version"] != "1.1":  # HTTP/1.0 does not require the field
        hosts = [""]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        seen = "one that is malformed" if len(hosts) == 1 else str(len(hosts))
        message = f'a request must have one header "host" and this one has {seen}; send the name of the server'
        raise ServiceError(400, "invalid_http", message, field="host")
    coding = ", ".join(headers.getlist("transfer-encoding")).strip().lower()
    if coding not in ("", "chunked"):
        message = (
            f'the transfer encoding is {coding[:100]!r} and only "chunked" is supported; '
            'compress the body with "content-encoding: gzip" instead'
        )
        raise ServiceError(501, "unsupported_transfer_encoding", message, field="transfer-encoding")
