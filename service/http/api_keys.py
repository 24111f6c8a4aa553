"""API keys: which paths require one, and whether a request carries a valid one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers

from ..errors import ServiceError
from ..headers import API_KEY

OPEN = frozenset(
    {"/", "/docs", "/openapi.json", "/livez", "/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"}
)
"""Paths that require no key: probes and scrapers often cannot send one, and the documentation is not secret."""

_PAGE = "/page/"
"""Prefix of the pages' files; the page at `/` asks its user for a key when one is required."""


class ApiKeys:
    """The valid keys. Without any, no request needs one; several allow a key to be rotated without downtime."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def check(self, path: str, headers: Headers) -> None:
        """Check the key of a request.

        The key is in `Authorization: Bearer KEY` or in `X-API-Key: KEY`; one valid key is enough, because clients and
        gateways send other tokens along with it. The time of the comparison reveals neither the valid keys nor which
        of them was sent.

        Raises:
            ServiceError: 401 if the path requires a key and the request has no valid one.
        """
        if not self._digests or is_open(path):
            return
        keys = _sent_keys(headers)
        if not keys:
            message = 'an API key is needed; send the header "authorization: Bearer KEY" or "x-api-key: KEY"'
            raise ServiceError(401, "unauthorized", message, headers={"www-authenticate": 'Bearer realm="sentiline"'})
        # all of them are compared, for constant time
        matches = [hmac.compare_digest(_digest(key), digest) for key in keys for digest in self._digests]
        if not any(matches):
            challenge = 'Bearer realm="sentiline", error="invalid_token"'
            message = "the API key is not valid; send one of the keys that the server was started with"
            raise ServiceError(401, "unauthorized", message, headers={"www-authenticate": challenge})


def is_open(path: str) -> bool:
    """Return whether a path requires no key."""
    return path in OPEN or path.startswith(_PAGE)


def _sent_keys(headers: Headers) -> list[str]:
    """Return the keys that a request carries, from every header that may hold one."""
    keys = headers.getlist(API_KEY)
    for authorization in headers.getlist("authorization"):
        scheme, _, credentials = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            keys.append(credentials)
    return [key for key in map(str.strip, keys) if key]


def _digest(key: str) -> bytes:
    # digests have equal lengths, so the time of a comparison reveals nothing about a key's length
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
