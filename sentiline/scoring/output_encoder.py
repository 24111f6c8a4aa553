"""The encoder of a run's output: chooses the columns and rows that are written, and passes them to the writer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sentiline.columns import Columns
from sentiline.errors import OptionError
from sentiline.scoring.chunk import Chunk, Records, UnwritableRowsError
from sentiline.scoring.io.writers import OutputWriter
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.scorer import ScoredChunk


@dataclass(frozen=True, slots=True)
class OutputEncoder:
    """Encodes chunks without the columns and rows that the options leave out.

    Attributes:
        writer: The writer of the output's format.
        options: The options of the run.
    """

    writer: OutputWriter
    options: ScoreOptions

    def prepare(self, first: Chunk) -> None:
        """Take the columns of the output from the first chunk.

        Raises:
            DataFileError: The output cannot hold a column.
            OptionError: A column to drop or keep does not exist, or an added column has the name of another one.
        """
        is_json = isinstance(first.data, Records) and first.data.sources is not None
        unknown = [name for name in (*self.options.drop, *self.options.keep) if name not in first.data.names]
        if unknown and not is_json:  # later objects may have the key
            option = "--drop" if self.options.drop else "--keep"
            listed = ", ".join(map(repr, first.data.names))
            raise OptionError(
                f"{first.file} has no column {unknown[0]!r} for {option}; its columns: {listed}", field=option
            )
        self.writer.prepare(self._without_dropped_columns(ScoredChunk(first, Columns.empty(0, None), {})).chunk)

    def encode(self, scored: ScoredChunk, *, first: bool) -> tuple[ScoredChunk, Iterable[bytes]]:
        """Encode a chunk.

        Args:
            scored: The chunk.
            first: Whether it begins the output.

        Returns:
            The chunk, in which rows that the output cannot hold have an error code, and the bytes to write.

        Raises:
            UnwritableRowsError: The output cannot hold some rows, and the options say to stop there.
        """
        while True:
            written = self._without_dropped_columns(scored)
            if self.options.bad_rows == "skip":
                written = written.without_faulty_rows()
            try:
                return scored, self.writer.encode(written, first=first)
            except UnwritableRowsError as error:
                if self.options.bad_rows == "stop" or not error.rows:
                    raise
                lines = {written.chunk.lines[index] for index in error.rows}  # skipped rows shift the indices
                faults = {index: error.fault for index, line in enumerate(scored.chunk.lines) if line in lines}
                scored = scored.without_columns(error.columns, faults)

    def _without_dropped_columns(self, scored: ScoredChunk) -> ScoredChunk:
        dropped = self.options.dropped_columns(scored.chunk.data.names)
        return scored.without_columns(dropped) if dropped else scored
