"""What request bodies hold in memory until they are answered, and the limit for all of them together."""

from __future__ import annotations

from ..engine.admission import OVERLOADED
from ..errors import ServiceError
from ..settings import variable

FREE = 64 * 1024
"""Bytes of each body that count nothing: whoever sends large bodies slowly keeps no small request out."""


class Arrivals:
    """Counts the bytes of all bodies; for one event loop.

    Admission counts tokens, which are not known before a body is complete and parsed. Until then this is what bounds
    the memory that many clients can take, each within the limit of a body.

    Attributes:
        limit: the most bytes.
        size: those there are, without the first `FREE` of each body.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0

    def begin(self) -> Arrival:
        """The share of one request, which counts until it is released."""
        return Arrival(self)


class Arrival:
    """What the body of one request holds."""

    __slots__ = ("_arrivals", "_counted", "_size")

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._size = self._counted = 0

    def add(self, size: int) -> None:
        """Count what has come, decompressed. A body that is the only one counted is bounded by its own limit alone.

        Raises:
            ServiceError: 429.
        """
        self._size += size
        more = max(0, self._size - FREE) - self._counted
        arrivals = self._arrivals
        if more and arrivals.size > self._counted and arrivals.size + more > arrivals.limit:
            setting = variable("max_buffered_bytes")
            raise ServiceError(
                429,
                OVERLOADED,
                f"bodies of {arrivals.size} bytes are in memory, this one has brought {self._size} of its own, and the "
                f"limit is {arrivals.limit}; try again in 1 s, send fewer texts a request, or raise {setting}",
                headers={"retry-after": "1"},
                limit=arrivals.limit,
                setting=setting,
            )
        self._counted += more
        arrivals.size += more

    def release(self) -> None:
        """Count nothing any more; the request is answered."""
        self._arrivals.size -= self._counted
        self._size = self._counted = 0
