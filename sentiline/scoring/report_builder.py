"""The interface through which a run feeds a report."""

from __future__ import annotations

from typing import Any, Protocol

from sentiline.scoring.chunk import Chunk
from sentiline.scoring.scorer import ScoredChunk
from sentiline.scoring.summary import Summary


class ReportBuilder(Protocol):
    """Collects statistics from the chunks of a run. Its state is saved with them, so that a resumed run continues."""

    @property
    def header(self) -> dict[str, Any]:
        """The options of the report, as plain values; they are part of the fingerprint of the run."""

    def claim(self, *, replace: bool) -> None:
        """Raise if a file exists where the report is to be written, unless it may be replaced."""

    def prepare(self, first: Chunk, /) -> None:
        """Check the columns of the first chunk before it is scored; may raise."""

    def add(self, scored: ScoredChunk, /) -> None:
        """Add a chunk. The chunks come in order, from one thread."""

    def dump(self) -> bytes:
        """Return the state."""

    def restore(self, content: bytes, /) -> None:
        """Restore the state that `dump` returned."""

    def finish(self, summary: Summary, /) -> None:
        """Write the report, just before the output is published; called again if that fails."""
