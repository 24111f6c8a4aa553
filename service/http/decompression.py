"""Decompresses request bodies chunk by chunk, so that a small body cannot expand beyond the size limit."""

from __future__ import annotations

import zlib

from ..errors import ServiceError

ENCODINGS = ("gzip", "deflate")
MAX_MEMBERS = 128
"""The most members of a gzip body: starting one costs time, and an empty one takes only 20 bytes."""

_FORMATS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Decompressor:
    """Decompresses one body."""

    def __init__(self, encoding: str) -> None:
        """Start a body; `encoding` is the lower-case value of the header `content-encoding`.

        Raises:
            ServiceError: 415 if the encoding is not supported.
        """
        if encoding not in _FORMATS:
            raise ServiceError(
                415,
                "unsupported_content_encoding",
                f"the content encoding is {encoding[:100]!r}; send the body as {', '.join(ENCODINGS)} or uncompressed",
                field="content-encoding",
                headers={"accept-encoding": ", ".join(ENCODINGS)},
            )
        self._encoding = encoding
        self._stream = zlib.decompressobj(_FORMATS[encoding])
        self._members = 1

    def feed(self, data: bytes, room: int) -> bytes:
        """Decompress the next bytes of the body.

        Args:
            data: The compressed bytes.
            room: The number of decompressed bytes still allowed.

        Returns:
            The decompressed bytes. If they exceed `room`, decompression stops after `room + 1` bytes.

        Raises:
            ServiceError: 400 if the data is not in the encoding, 413 if there are too many gzip members.
        """
        parts: list[bytes] = []
        left = room + 1
        while data and left:
            if self._stream.eof:  # gzip allows several consecutive members
                if self._encoding == "deflate":
                    raise self._error("goes on after its end")
                self._members += 1
                if self._members > MAX_MEMBERS:
                    raise ServiceError(
                        413,
                        "body_too_large",
                        f"the body has more than {MAX_MEMBERS} gzip members, which is the limit; compress it as one",
                        field="content-encoding",
                        limit=MAX_MEMBERS,
                    )
                self._stream = zlib.decompressobj(_FORMATS[self._encoding])
            try:
                part = self._stream.decompress(data, left)
            except zlib.error:
                raise self._error("is damaged") from None
            parts.append(part)
            left -= len(part)
            data = self._stream.unused_data or self._stream.unconsumed_tail
        return b"".join(parts)

    def finish(self) -> None:
        """Check that the body is complete.

        Raises:
            ServiceError: 400 if it ended too early.
        """
        if not self._stream.eof:
            raise self._error("ends too early")

    def _error(self, problem: str) -> ServiceError:
        message = f"the body {problem}: it is not {self._encoding}, which its content encoding says it is"
        return ServiceError(400, "invalid_compression", message, field="content-encoding")
