"""The statistics of a report, gathered chunk by chunk in bounded memory; they can be saved, restored and merged."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import DataFileError
from sentiline.reading import Reading
from sentiline.reporting.dates import parse_day
from sentiline.reporting.extremes import Extremes
from sentiline.reporting.timeline import Timeline
from sentiline.reporting.words import WordTable
from sentiline.scoring.chunk import Chunk
from sentiline.scoring.scorer import ScoredChunk

BINS = 50
_MAX_PLACES = 10
_MAX_FILES = 20


class Statistics:
    """Statistics of all rows so far. The same rows in the same order give bit-identical statistics.

    Attributes:
        date_column: The column with the dates; None if there is none.
        histogram: The numbers of scored rows in equal bins of P(positive) from 0 to 1, int64 [BINS].
        positive_sum: The sum of P(positive) over the scored rows.
        words: The contributions by word.
        timeline: The verdicts by date.
        extremes: The most and the least positive reviews.
        faults: The first places of the rows that were not scored, by reason.
        files: The names of the first files.
        file_count: The number of files.
        bad_date: The first place without a readable date and the value found there; None if every row has a date.
    """

    def __init__(
        self, vocabulary: Sequence[str], date_column: str | None = None, date_format: str | None = None
    ) -> None:
        """Start without any row.

        Args:
            vocabulary: The tokens by id.
            date_column: The column with the dates.
            date_format: The format of the dates, see `parse_day`.
        """
        self.date_column = date_column
        self._date_format = date_format
        self.histogram: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.positive_sum = 0.0
        self.words = WordTable(vocabulary)
        self.timeline = Timeline()
        self.extremes = Extremes()
        self.faults: dict[str, list[str]] = {}
        self.files: list[str] = []
        self.file_count = 0
        self.bad_date: tuple[str, str] | None = None
        self._file = ""

    def check_date_column(self, first: Chunk) -> None:
        """Check the columns of the first chunk.

        Raises:
            DataFileError: The chunk lacks the column with the dates.
        """
        if self.date_column is not None and self.date_column not in first.data.names:
            listed = ", ".join(map(repr, first.data.names)) or "none"
            raise DataFileError(
                f"{first.file} has no column {self.date_column!r} for --date-column; its columns: {listed}",
                field="--date-column",
            )

    def add(self, scored: ScoredChunk) -> None:
        """Add the rows of a chunk."""
        chunk = scored.chunk
        if chunk.file != self._file:
            self._file = chunk.file
            self.file_count += 1
            if len(self.files) < _MAX_FILES:
                self.files.append(chunk.file)
        rows: list[int] = []
        readings: list[Reading] = []
        for index, result in enumerate(scored.results):
            if isinstance(result, str):
                places = self.faults.setdefault(result, [])
                if len(places) < _MAX_PLACES:
                    places.append(chunk.place(index))
            else:
                rows.append(index)
                readings.append(result)
                self.extremes.add(result, chunk.place(index))
        positive = np.array([one.positive for one in readings], np.float64)
        self.histogram += np.bincount(np.minimum((positive * BINS).astype(np.intp), BINS - 1), minlength=BINS)
        self.positive_sum += float(positive.sum())
        self.words.add(readings)
        if self.date_column is not None:
            self._add_dates(chunk, self.date_column, rows, readings)

    def _add_dates(self, chunk: Chunk, column: str, rows: Sequence[int], readings: Sequence[Reading]) -> None:
        # a JSON object may lack the key, and so may all objects of a chunk
        values = chunk.data.column(column) if column in chunk.data.names else [None] * len(chunk)
        days = [parse_day(values[row], self._date_format) for row in rows]
        self.timeline.add(days, (one.label == "POSITIVE" for one in readings))
        if self.bad_date is None and None in days:
            row = rows[days.index(None)]
            self.bad_date = (chunk.place(row), repr(values[row])[:60])

    def merge(self, content: bytes) -> None:
        """Add the statistics that another instance dumped for the rows that follow those so far."""
        later = Statistics(self.words.vocabulary, self.date_column, self._date_format)
        later.restore(content)
        self.histogram += later.histogram
        self.positive_sum += later.positive_sum
        self.words.merge(later.words)
        self.timeline.merge(later.timeline)
        self.extremes.merge(later.extremes)
        for fault, places in later.faults.items():
            own = self.faults.setdefault(fault, [])
            own += places[: _MAX_PLACES - len(own)]
        continues = later.files[:1] == [self._file]  # the first file of the later rows is already counted
        self.files += later.files[continues : continues + _MAX_FILES - len(self.files)]
        self.file_count += later.file_count - continues
        self._file = later._file
        self.bad_date = self.bad_date or later.bad_date

    def dump(self) -> bytes:
        """Return all statistics as bytes."""
        document = {
            "positive_sum": self.positive_sum,
            "timeline": self.timeline.as_dict(),
            "extremes": self.extremes.as_dict(),
            "faults": self.faults,
            "files": self.files,
            "file_count": self.file_count,
            "file": self._file,
            "bad_date": self.bad_date,
        }
        buffer = io.BytesIO()
        content = np.frombuffer(json.dumps(document).encode(), np.uint8)
        np.savez(buffer, histogram=self.histogram, sums=self.words.sums, counts=self.words.counts, document=content)
        return buffer.getvalue()

    def restore(self, content: bytes) -> None:
        """Replace all statistics with those that `dump` returned."""
        with np.load(io.BytesIO(content)) as arrays:
            self.histogram, self.words.sums, self.words.counts = arrays["histogram"], arrays["sums"], arrays["counts"]
            document = json.loads(arrays["document"].tobytes())
        self.positive_sum = document["positive_sum"]
        self.timeline = Timeline.from_dict(document["timeline"])
        self.extremes = Extremes.from_dict(document["extremes"])
        self.faults, self.files, self.file_count = document["faults"], document["files"], document["file_count"]
        self._file = document["file"]
        self.bad_date = tuple(document["bad_date"]) if document["bad_date"] else None
