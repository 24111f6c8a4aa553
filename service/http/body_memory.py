"""The memory that all unfinished request bodies may occupy together."""

from __future__ import annotations

from ..engine.admission import OVERLOADED
from ..errors import ServiceError
from ..settings import variable

FREE = 64 * 1024
"""The first 64 KiB of each body are free, so slow large uploads cannot starve small requests."""


class BodyMemoryLimit:
    """Limits the bytes of all bodies in memory; belongs to one event loop.

    Admission counts tokens, which are unknown until a body is complete and parsed. Until then, this limit bounds the
    memory that many clients can occupy together, each within the limit of a single body.

    Attributes:
        limit: The most bytes.
        size: The bytes reserved, without the first `FREE` bytes of each body.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0


class Reservation:
    """The memory of one request's body, which counts until it is released."""

    __slots__ = ("_counted", "_memory", "_size")

    def __init__(self, memory: BodyMemoryLimit) -> None:
        self._memory = memory
        self._size = self._counted = 0

    def grow(self, size: int) -> None:
        """Count more bytes, after decompression. The only body in memory is bounded by its own limit alone.

        Raises:
            ServiceError: 429 if the bytes do not fit.
        """
        self._size += size
        more = max(0, self._size - FREE) - self._counted
        memory = self._memory
        if more and memory.size > self._counted and memory.size + more > memory.limit:
            setting = variable("max_buffered_bytes")
            raise ServiceError(
                429,
                OVERLOADED,
                f"request bodies occupy {memory.size} bytes of memory, this one has {self._size} bytes so far, and the "
                f"limit is {memory.limit}; try again in 1 s, send fewer texts per request, or raise {setting}",
                headers={"retry-after": "1"},
                limit=memory.limit,
                setting=setting,
            )
        self._counted += more
        memory.size += more

    def release(self) -> None:
        """Free the memory; the request is answered."""
        self._memory.size -= self._counted
        self._size = self._counted = 0
