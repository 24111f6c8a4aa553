"""The report on a scoring run: fed with its chunks, saved with its progress, written as HTML at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiline._version import __version__
from sentiline.atomic_write import write_atomically
from sentiline.formatting import format_duration
from sentiline.predictor import Predictor
from sentiline.reporting.dates import check_pattern
from sentiline.reporting.html_report import check_installed, render_page
from sentiline.reporting.output_file import check_output_file
from sentiline.reporting.statistics import Statistics
from sentiline.reporting.summary import ReportSummary
from sentiline.scoring.chunk import Chunk
from sentiline.scoring.scorer import ScoredChunk
from sentiline.scoring.summary import Summary

OPTION = "--report"
ENDINGS = (".html", ".htm")


class HtmlReportBuilder:
    """Builds the report of a run from its first chunk to its last, across interruptions."""

    def __init__(
        self,
        targets: Sequence[Path],
        predictor: Predictor,
        *,
        date_column: str | None = None,
        date_format: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """Start a report.

        Args:
            targets: The files to write; the name of each has one of `ENDINGS`.
            predictor: The model that scores.
            date_column: The column with the dates; None for a report without a timeline.
            date_format: The format of the dates, see `sentiline.reporting.dates.parse_day`.
            facts: Further facts to display about the run, by name.

        Raises:
            OptionError: `date_format` is not a usable pattern.
        """
        self._targets = targets
        self._predictor = predictor
        self._facts = dict(facts or {})
        self._date_format = check_pattern(date_format)
        self._statistics = Statistics(predictor.tokenizer.vocabulary, date_column, date_format)
        self._started = time.monotonic()
        self._history: dict[str, Any] = {"started": _now(), "seconds": 0.0, "runs": 1}

    @property
    def header(self) -> dict[str, Any]:
        """The options that a resumed run must repeat."""
        return {
            "date_column": self._statistics.date_column,
            "date_format": self._date_format,
            "targets": [str(target.resolve()) for target in self._targets],
        }

    def claim(self, *, replace: bool) -> None:
        """Check that the files can be written.

        Args:
            replace: Whether existing files may be replaced.

        Raises:
            DataFileError: A file exists and must not be replaced.
        """
        for target in self._targets:
            check_output_file(target, OPTION, ENDINGS, (), overwrite=replace)

    def prepare(self, first: Chunk) -> None:
        """Check the columns of the first chunk, see `Statistics.check_date_column`."""
        self._statistics.check_date_column(first)

    def add(self, scored: ScoredChunk) -> None:
        """Add a scored chunk."""
        self._statistics.add(scored)

    def join(self, statistics: bytes) -> None:
        """Add what `Statistics.dump` returned for the rows that follow those added so far."""
        self._statistics.merge(statistics)

    @property
    def history(self) -> dict[str, Any]:
        """The start of the first run, the total seconds and the number of runs, as plain values."""
        return self._history | {"seconds": self._seconds()}

    def continue_from(self, history: Mapping[str, Any]) -> None:
        """Continue the `history` of an interrupted run."""
        self._history = {**history, "runs": history["runs"] + 1}

    def dump(self) -> bytes:
        """Return the state that `restore` needs."""
        history = json.dumps(self.history).encode()
        return len(history).to_bytes(4, "big") + history + self._statistics.dump()

    def restore(self, content: bytes) -> None:
        """Continue from the state that `dump` returned."""
        size = 4 + int.from_bytes(content[:4], "big")
        self.continue_from(json.loads(content[4:size]))
        self._statistics.restore(content[size:])

    def finish(self, summary: Summary) -> None:
        """Write the files.

        Args:
            summary: The counts of all rows that were added.

        Raises:
            OSError: A file cannot be written.
        """
        seconds = self._seconds()
        runs = self._history["runs"]
        facts = self._facts | {
            "started": self._history["started"],
            "finished": _now(),
            "took": f"{format_duration(seconds)}, {summary.rows / max(seconds, 1e-3):,.0f} rows/s"
            + (f", in {runs} runs" if runs > 1 else ""),
            "release": f"Sentiline {__version__}",
        }
        report = ReportSummary.from_statistics(self._statistics, summary, self._predictor, facts)
        content = render_page("score.html", summary=report).encode("utf-8", "replace")
        for target in self._targets:
            write_atomically(target, content)

    def _seconds(self) -> float:
        return float(self._history["seconds"]) + time.monotonic() - self._started


def check_targets(targets: Sequence[Path], others: Sequence[str], *, overwrite: bool) -> None:
    """Check that reports can be rendered and written.

    Args:
        targets: The files to write.
        others: Names of files that they must not replace: the inputs and the output.
        overwrite: Whether existing files may be replaced.

    Raises:
        OptionError: A name has none of `ENDINGS`.
        DataFileError: A file exists, or its folder does not.
        SettingError: Jinja is not installed.
    """
    for target in targets:
        check_output_file(target, OPTION, ENDINGS, others, overwrite=overwrite)
    check_installed()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
