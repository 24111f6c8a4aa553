"""API keys: which requests need one, and whether they carry one that is valid; without keys set, none does."""

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
"""Paths that need no key: probes and scrapers seldom can send one, and the documentation holds no secret."""

_PAGE = "/page/"
"""Below it are the files of the pages; the one at `/` asks for a key when it needs one."""


class ApiKeys:
    """The valid keys; several, so that they can be changed one after the other while clients go on."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def check(self, path: str, headers: Headers) -> None:
        """Let a request pass, or refuse it.

        The key is taken from `Authorization: Bearer KEY`, or else, also where that has none, from
        `X-API-Key: KEY`. How long the comparison takes depends neither on the key sent nor on which of the valid ones
        it is.

        Raises:
            ServiceError: 401.
        """
        if not self._digests or is_open(path):
            return
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        key = (credentials.strip() if scheme.lower() == "bearer" else "") or headers.get(API_KEY, "")
        if not key:
            message = 'an API key is needed; send the header "authorization: Bearer KEY" or "x-api-key: KEY"'
            raise ServiceError(401, "unauthorized", message, headers={"www-authenticate": 'Bearer realm="sentiline"'})
        found = _digest(key)
        matches = [hmac.compare_digest(found, digest) for digest in self._digests]  # all of them, whatever matches
        if not any(matches):
            challenge = 'Bearer realm="sentiline", error="invalid_token"'
            message = "the API key is not valid; send one of those that the server was started with"
            raise ServiceError(401, "unauthorized", message, headers={"www-authenticate": challenge})


def is_open(path: str) -> bool:
    """Whether a path needs no key."""
    return path in OPEN or path.startswith(_PAGE)


def _digest(key: str) -> bytes:
    # of equal length whatever the key, so that comparing two tells nothing of theirs
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
