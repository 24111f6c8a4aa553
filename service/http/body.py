"""Reads request bodies, enforcing content type, encoding, size and time limits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive

from ..errors import ServiceError, invalid_request, quote
from ..headers import JSON, SCOPE_BODY_MEMORY, SCOPE_ERROR, TIMEOUT_MS
from ..settings import Settings, variable
from .body_memory import Reservation
from .decompression import Decompressor
from .json_parsing import REMEDY, parse_json

DISCARD_LIMITS = 8
DISCARD_SECONDS = 2.0
"""How much of an oversized body is read and discarded: multiples of the size limit, and seconds."""

LARGE_BODY = 256 * 1024
"""Bytes of JSON beyond which parsing may take longer than handing it to a thread."""


async def read_json(request: Request, settings: Settings, seconds: float) -> Any:
    """Read and parse the body of a request; see `read_body` and `parse_body`.

    Raises:
        ServiceError: Also 422 for parameters in the URL, which would have no effect.
    """
    for name in request.query_params:
        message = (
            f'the URL has the parameter "{quote(name)}", which has no effect there; send it in the JSON of the body'
        )
        raise invalid_request("unknown_field", message, name)
    return await parse_body(await read_body(request, settings, seconds, (JSON,)), settings)


async def parse_body(body: bytes, settings: Settings) -> Any:
    """Parse JSON as `parse_json` does; a large body in a thread, so that it does not block the event loop."""
    depth = settings.max_json_depth
    # in a tensor, each text may be nested in lists of its own
    containers = depth * settings.max_items
    if len(body) > LARGE_BODY:
        return await asyncio.to_thread(parse_json, body, depth, containers)
    return parse_json(body, depth, containers)


async def read_body(request: Request, settings: Settings, seconds: float, types: Sequence[str]) -> bytes:
    """Read the body of a request.

    Args:
        request: The request, its body unread.
        settings: `max_body_bytes` is enforced while reading and decompressing, whatever length the client announces.
        seconds: The time in which the whole body must arrive.
        types: The accepted content types; an empty string accepts a missing header.

    Returns:
        The body, decompressed.

    Raises:
        ServiceError: 415 for another content type, character set or encoding; 413 for too many bytes; 429 if all bodies
            together need too much memory; 408 if the body does not arrive in time; 400 if it is incomplete or not
            compressed as its header says.
    """
    headers = request.headers
    content_type = ", ".join(dict.fromkeys(headers.getlist("content-type")))
    if content_type not in types:
        _check_type(content_type, types)
    encoding = _content_encoding(headers)
    decompressor = Decompressor(encoding) if encoding else None
    limit = settings.max_body_bytes
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        if headers.get("expect", "").lower() != "100-continue":  # such a client sends nothing until told to
            await _discard(request.receive, limit)
        raise _too_large(f"has {announced} bytes", limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit, decompressor)
    except TimeoutError:
        raise _too_slow(seconds, settings) from None


def _content_encoding(headers: Headers) -> str:
    """Return the codings of a body, of all fields together and in lower case; empty if it is not encoded."""
    fields = headers.getlist("content-encoding")
    codings = [coding.strip().lower() for field in fields for coding in field.split(",")]
    return ", ".join(coding for coding in codings if coding not in ("identity", ""))


def _check_type(header: str, types: Sequence[str]) -> None:
    """Reject any content type but one of `types`, which may have parameters."""
    media_type, _, parameters = header.partition(";")
    if media_type.strip().lower() not in types:
        found = f"is {header[:100]!r}" if header else "is missing"
        raise ServiceError(415, "unsupported_media_type", f"the content type {found}; {REMEDY}", field="content-type")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in ("utf-8", "utf8", "us-ascii"):
            message = f"the character set in the content type is {value.strip()[:60]!r}; send UTF-8"
            raise ServiceError(415, "unsupported_media_type", message, field="content-type")


async def _read(request: Request, limit: int, decompressor: Decompressor | None) -> bytes:
    receive = request.receive
    reservation: Reservation = request.scope[SCOPE_BODY_MEMORY]
    chunks: list[bytes] = []
    received = size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ServiceError(400, "incomplete_body", f"the connection closed after {received} bytes of the body")
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(chunk)
        if decompressor is not None and received <= limit:
            chunk = decompressor.feed(chunk, limit - size)
        size += len(chunk)
        if received > limit or size > limit:
            seen = max(received, size)
            await _discard(receive, limit, more=more)
            suffix = " once decompressed" if size > received else ""
            raise _too_large(f"has at least {seen} bytes{suffix}", limit)
        reservation.grow(len(chunk))
        if not more:
            if SCOPE_ERROR in request.scope:
                raise request.scope[SCOPE_ERROR]
            break
        chunks.append(chunk)
    if decompressor is not None:
        decompressor.finish()
    return b"".join([*chunks, chunk]) if chunks else chunk


async def _discard(receive: Receive, limit: int, *, more: bool = True) -> None:
    """Keep reading for a while: a client that sends its whole body first would see a reset instead of the answer."""
    seen = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while more and seen <= DISCARD_LIMITS * limit:
                message = await receive()
                more = message.get("more_body", False)
                seen += len(message.get("body", b""))


def _too_large(seen: str, limit: int) -> ServiceError:
    setting = variable("max_body_bytes")
    return ServiceError(
        413,
        "body_too_large",
        f"the body {seen} and the limit is {limit}; send fewer texts per request, or raise {setting}",
        headers={"connection": "close"},  # the rest of the body is not read
        limit=limit,
        setting=setting,
    )


def _too_slow(seconds: float, settings: Settings) -> ServiceError:
    is_setting = 1000 * seconds >= settings.timeout_ms  # otherwise the client has set a shorter one
    setting = variable("timeout_ms")
    return ServiceError(
        408,
        "body_timeout",
        f"the body did not arrive within {seconds:g} s; "
        f"send it faster, or raise {setting if is_setting else TIMEOUT_MS}",
        headers={"connection": "close"},
        limit=round(1000 * seconds),
        setting=setting if is_setting else None,
    )
