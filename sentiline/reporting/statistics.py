"""Everything that a report shows, gathered chunk by chunk in memory that does not grow; can be saved and restored."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import DataFileError
from sentiline.reading import Reading
from sentiline.reporting.dates import day_of
from sentiline.reporting.extremes import Extremes
from sentiline.reporting.timeline import Timeline
from sentiline.reporting.words import WordTable
from sentiline.scoring.chunk import Chunk
from sentiline.scoring.scorer import ScoredChunk

BINS = 50
_PLACES = 10
_FILES = 20


class Accumulator:
    """Figures over all rows so far. Rows added in the same order give the same figures, to the bit.

    Attributes:
        date_column: column with the dates; None if there is none.
        histogram: int64 [BINS], scored rows by P(positive), in equal bins from 0 to 1.
        positive_sum: sum of P(positive) over them.
        words: contributions by word.
        timeline: verdicts by date.
        extremes: the most and least positive reviews.
        faults: of each kind of bad row the first places.
        files: names of the first files.
        file_count: how many files there were.
        bad_date: the first place where a row has no readable date, and what stood there; None if all have one.
    """

    def __init__(
        self, vocabulary: Sequence[str], date_column: str | None = None, date_format: str | None = None
    ) -> None:
        """Begin with no rows.

        Args:
            vocabulary: tokens by id.
            date_column: column with the dates.
            date_format: of the dates, as `day_of` takes it.
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

    def prepare(self, first: Chunk) -> None:
        """Check the columns of the first chunk.

        Raises:
            DataFileError: it has no column of dates.
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
            if len(self.files) < _FILES:
                self.files.append(chunk.file)
        sound: list[int] = []
        readings: list[Reading] = []
        for index, result in enumerate(scored.results):
            if isinstance(result, str):
                places = self.faults.setdefault(result, [])
                if len(places) < _PLACES:
                    places.append(chunk.place(index))
            else:
                sound.append(index)
                readings.append(result)
                self.extremes.add(result, chunk.place(index))
        positive = np.array([one.positive for one in readings], np.float64)
        self.histogram += np.bincount(np.minimum((positive * BINS).astype(np.intp), BINS - 1), minlength=BINS)
        self.positive_sum += float(positive.sum())
        self.words.add(readings)
        if self.date_column is not None:
            self._date(chunk, self.date_column, sound, readings)

    def _date(self, chunk: Chunk, column: str, sound: Sequence[int], readings: Sequence[Reading]) -> None:
        # an object of JSON may lack the key, and all those of a chunk may
        values = chunk.data.column(column) if column in chunk.data.names else [None] * len(chunk)
        days = [day_of(values[index], self._date_format) for index in sound]
        self.timeline.add(days, (one.label == "POSITIVE" for one in readings))
        if self.bad_date is None and None in days:
            index = sound[days.index(None)]
            self.bad_date = (chunk.place(index), repr(values[index])[:60])

    def join(self, content: bytes) -> None:
        """Add the figures that another one dumped, of rows that follow those so far."""
        later = Accumulator(self.words.vocabulary, self.date_column, self._date_format)
        later.restore(content)
        self.histogram += later.histogram
        self.positive_sum += later.positive_sum
        self.words.join(later.words)
        self.timeline.join(later.timeline)
        self.extremes.join(later.extremes)
        for fault, places in later.faults.items():
            mine = self.faults.setdefault(fault, [])
            mine += places[: _PLACES - len(mine)]
        again = later.files[:1] == [self._file]  # it goes on in the same file
        self.files += later.files[again : again + _FILES - len(self.files)]
        self.file_count += later.file_count - again
        self._file = later._file
        self.bad_date = self.bad_date or later.bad_date

    def dump(self) -> bytes:
        """All figures as bytes."""
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
        """Take the figures that `dump` gave for those of the rows so far."""
        with np.load(io.BytesIO(content)) as arrays:
            self.histogram, self.words.sums, self.words.counts = arrays["histogram"], arrays["sums"], arrays["counts"]
            document = json.loads(arrays["document"].tobytes())
        self.positive_sum = document["positive_sum"]
        self.timeline = Timeline.from_dict(document["timeline"])
        self.extremes = Extremes.from_dict(document["extremes"])
        self.faults, self.files, self.file_count = document["faults"], document["files"], document["file_count"]
        self._file = document["file"]
        self.bad_date = tuple(document["bad_date"]) if document["bad_date"] else None
