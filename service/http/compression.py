"""Compresses large answers for clients that accept it."""

from __future__ import annotations

import asyncio
import gzip

from starlette.requests import Request
from starlette.responses import Response

LEVEL = 1
"""The fastest level of gzip: JSON shrinks to about a fifth, and higher levels take CPU from the inference."""


async def compress(request: Request, response: Response, min_bytes: int) -> None:
    """Compress an answer in place if it is large and the client accepts gzip; in a thread, off the event loop.

    Args:
        request: The request; its `Accept-Encoding` decides.
        response: The answer, its body complete.
        min_bytes: The size from which answers are compressed; 0 for none.
    """
    if not min_bytes or len(response.body) < min_bytes or "etag" in response.headers:
        return  # the entity tag of a file belongs to its plain bytes
    response.headers.add_vary_header("Accept-Encoding")
    if accepts_gzip(", ".join(request.headers.getlist("accept-encoding"))):
        response.body = await asyncio.to_thread(gzip.compress, response.body, LEVEL)
        response.headers["content-encoding"] = "gzip"
        response.headers["content-length"] = str(len(response.body))


def accepts_gzip(header: str) -> bool:
    """Return whether an `Accept-Encoding` header allows gzip: by name with a weight above 0, or else by `*`."""
    weights: dict[str, float] = {}
    for entry in header.lower().split(","):
        coding, _, parameter = entry.partition(";")
        name, _, weight = parameter.partition("=")
        try:
            weights[coding.strip()] = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0
