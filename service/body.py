"""A request's body as checked bytes, and those as JSON: types, sizes and encodings; not what the JSON means."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any, NoReturn

import orjson
from starlette.requests import ClientDisconnect, Request

from .errors import JSON_TYPE, ServiceError
from .settings import Settings, variable

DISCARD_LIMITS = 8
DISCARD_SECONDS = 2.0
"""How much of a body that is too large is read and thrown away, in limits and in time."""

_CURL = f"""send JSON with the header "content-type: {JSON_TYPE}" """.strip()


async def read_json(request: Request, settings: Settings) -> Any:
    """Read and parse the body of a request.

    Args:
        request: nothing of its body has been read.
        settings: `max_body_bytes` is enforced while reading, whatever length the client announces.

    Returns:
        The parsed JSON value. Strings may hold lone surrogates, which clients send as escapes.

    Raises:
        ServiceError: 415 for another content type or a compressed body, 413 for too many bytes, 400 for what is not
            UTF-8 or not JSON.
    """
    return parse_json(await read_body(request, settings, (JSON_TYPE,)))


async def read_body(request: Request, settings: Settings, types: Sequence[str]) -> bytes:
    """Read the body of a request.

    Args:
        request: nothing of its body has been read.
        settings: as in `read_json`.
        types: the content types taken; an empty one stands for no header.

    Raises:
        ServiceError: 415, 413 or 400 as in `read_json`.
    """
    _check_type(request, types)
    return await _read(request, settings.max_body_bytes)


def parse_json(body: bytes) -> Any:
    """Parse UTF-8 JSON.

    Raises:
        ServiceError: 400; the message says where parsing stopped and quotes nothing of the body.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = error.msg
    # orjson refuses the escape of half a surrogate pair, which is what JavaScript sends for a text cut in the middle
    # of an emoji; the standard library reads it. Everything else that it reads beyond the standard is refused here.
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ServiceError(
            400, "invalid_encoding", f"the body is not UTF-8: byte {error.start} is invalid; send UTF-8"
        ) from None
    if "surrogate" in reason:
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            pass
    where = f" ({reason})" if text.strip() else ": it is empty"
    raise ServiceError(400, "invalid_json", f"the body is not valid JSON{where}; {_CURL}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_type(request: Request, types: Sequence[str]) -> None:
    header = request.headers.get("content-type", "")
    media_type, _, parameters = header.partition(";")
    if media_type.strip().lower() not in types:
        found = f"is {header[:100]!r}" if header else "is missing"
        raise ServiceError(415, "unsupported_media_type", f"the content type {found}; {_CURL}", field="content-type")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if charset not in ("", "utf-8", "utf8"):
        raise ServiceError(
            415, "unsupported_media_type", f"the content type is {header[:100]!r}; send UTF-8", field="content-type"
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise ServiceError(
            415,
            "unsupported_content_encoding",
            f"the content encoding is {encoding[:100]!r}; send the body uncompressed",
            field="content-encoding",
        )


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        await _discard(request, limit)
        raise _too_large(f"has {announced} bytes", limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                await _discard(request, limit)
                raise _too_large(f"has more than {limit} bytes", limit)
            chunks.append(chunk)
    except ClientDisconnect:
        raise ServiceError(400, "incomplete_body", f"the connection closed after {size} bytes of the body") from None
    return b"".join(chunks)


async def _discard(request: Request, limit: int) -> None:
    """Read on for a while: a client that sends its whole body before it reads would meet a reset, not the refusal."""
    seen = 0
    with contextlib.suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(DISCARD_SECONDS):
            async for chunk in request.stream():
                seen += len(chunk)
                if seen > DISCARD_LIMITS * limit:
                    return


def _too_large(seen: str, limit: int) -> ServiceError:
    setting = variable("max_body_bytes")
    return ServiceError(
        413,
        "body_too_large",
        f"the body {seen} and the limit is {limit}; send fewer texts a request, or raise {setting}",
        headers={"connection": "close"},  # the rest of the body is not wanted
        limit=limit,
        setting=setting,
    )
