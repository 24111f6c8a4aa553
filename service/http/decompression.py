"""Compressed request bodies, decompressed chunk by chunk, so that a small body cannot become a large one unseen."""

from __future__ import annotations

import zlib

from ..errors import ServiceError

ENCODINGS = ("gzip", "deflate")
MAX_MEMBERS = 128
"""Parts of a gzip body, each with a header of its own: to begin one costs time, and an empty one has 20 bytes."""

_FORMATS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Decompressor:
    """Decompresses one body."""

    def __init__(self, encoding: str) -> None:
        """Begin; `encoding` is the lower-case value of the header `content-encoding`.

        Raises:
            ServiceError: 415 for one that is not known.
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
        """Decompress what arrived.

        Args:
            data: the next bytes of the body.
            room: how many bytes are still allowed.

        Returns:
            What they hold; one byte more than `room`, and the rest left alone, if they hold more than is allowed.

        Raises:
            ServiceError: 400 if they are not what the encoding says, 413 if there are too many members.
        """
        parts: list[bytes] = []
        left = room + 1
        while data and left:
            if self._stream.eof:  # gzip allows several members, one after the other
                if self._encoding == "deflate":
                    raise self._refusal("goes on after its end")
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
                raise self._refusal("is damaged") from None
            parts.append(part)
            left -= len(part)
            data = self._stream.unused_data or self._stream.unconsumed_tail
        return b"".join(parts)

    def finish(self) -> None:
        """Refuse a body that ended too early.

        Raises:
            ServiceError: 400.
        """
        if not self._stream.eof:
            raise self._refusal("ends too early")

    def _refusal(self, problem: str) -> ServiceError:
        message = f"the body {problem}: it is not {self._encoding}, which its content encoding says it is"
        return ServiceError(400, "invalid_compression", message, field="content-encoding")
