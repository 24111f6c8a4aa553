"""A report on a run of scoring: fed with its chunks, saved with them, and written as HTML or PNG at its end."""

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
from sentiline.reporting import html_report
from sentiline.reporting.dates import check_pattern
from sentiline.reporting.output_file import check_target
from sentiline.reporting.statistics import Accumulator
from sentiline.reporting.summary import Overview
from sentiline.scoring.chunk import Chunk
from sentiline.scoring.scorer import Scored
from sentiline.scoring.summary import Tally

OPTION = "--report"
ENDINGS = (".html", ".htm", ".png")


class Report:
    """Follows a run from its first chunk to its last, through stops and resumptions."""

    def __init__(
        self,
        targets: Sequence[Path],
        predictor: Predictor,
        *,
        date_column: str | None = None,
        date_format: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a report.

        Args:
            targets: files to write, each ending in one of `ENDINGS`.
            predictor: the model that scores.
            date_column: column with the dates.
            date_format: of the dates, see `sentiline.reporting.dates.day_of`.
            facts: how it is run, by name, to be shown.

        Raises:
            OptionError: `date_format` is none.
        """
        self._targets = targets
        self._predictor = predictor
        self._facts = dict(facts or {})
        self._date_format = check_pattern(date_format)
        self._figures = Accumulator(predictor.tokenizer.vocabulary, date_column, date_format)
        self._begun = time.monotonic()
        self._history: dict[str, Any] = {"started": _now(), "seconds": 0.0, "runs": 1}

    @property
    def header(self) -> dict[str, Any]:
        """What a resumed run must have been asked too."""
        return {
            "date_column": self._figures.date_column,
            "date_format": self._date_format,
            "targets": [str(target.resolve()) for target in self._targets],
        }

    def claim(self, *, replace: bool) -> None:
        """Raise if a file lies where one is to be written, unless `replace`.

        Raises:
            DataFileError: one does.
        """
        for target in self._targets:
            check_target(target, OPTION, ENDINGS, (), overwrite=replace)

    def prepare(self, first: Chunk) -> None:
        """Check the columns of the first chunk; see `Accumulator.prepare`."""
        self._figures.prepare(first)

    def add(self, scored: Scored) -> None:
        """Add a chunk."""
        self._figures.add(scored)

    def join(self, figures: bytes) -> None:
        """Add what an `Accumulator` dumped of rows that follow those so far."""
        self._figures.join(figures)

    @property
    def history(self) -> dict[str, Any]:
        """When the first run began, how long they took, and how many there were, as plain values."""
        return self._history | {"seconds": self._seconds()}

    def go_on(self, history: Mapping[str, Any]) -> None:
        """Go on from what `history` said in a run that was stopped."""
        self._history = {**history, "runs": history["runs"] + 1}

    def dump(self) -> bytes:
        """What a resumed run needs."""
        history = json.dumps(self.history).encode()
        return len(history).to_bytes(4, "big") + history + self._figures.dump()

    def restore(self, content: bytes) -> None:
        """Go on from what `dump` gave."""
        size = 4 + int.from_bytes(content[:4], "big")
        self.go_on(json.loads(content[4:size]))
        self._figures.restore(content[size:])

    def finish(self, tally: Tally) -> None:
        """Write the files.

        Args:
            tally: counts of the rows that were added.

        Raises:
            OSError: one cannot be written.
        """
        seconds = self._seconds()
        runs = self._history["runs"]
        facts = self._facts | {
            "started": self._history["started"],
            "finished": _now(),
            "took": f"{format_duration(seconds)}, {tally.rows / max(seconds, 1e-3):,.0f} rows/s"
            + (f", in {runs} runs" if runs > 1 else ""),
            "release": f"Sentiline {__version__}",
        }
        overview = Overview.of(self._figures, tally, self._predictor, facts)
        for target in self._targets:
            if target.suffix.lower() == ".png":
                from sentiline.reporting.picture import draw

                write_atomically(target, draw(overview))
            else:
                write_atomically(
                    target, html_report.render_page("score.html", view=overview).encode("utf-8", "replace")
                )

    def _seconds(self) -> float:
        return float(self._history["seconds"]) + time.monotonic() - self._begun


def check_targets(targets: Sequence[Path], others: Sequence[str], *, overwrite: bool) -> None:
    """Raise unless reports can be made and written there.

    Args:
        targets: the files to be.
        others: names of files that they must not replace: inputs and output.
        overwrite: whether they may replace files that exist.

    Raises:
        OptionError: one has an ending that is not in `ENDINGS`.
        DataFileError: one exists, or there is no such folder.
        SettingError: a library is missing.
    """
    for target in targets:
        check_target(target, OPTION, ENDINGS, others, overwrite=overwrite)
        if target.suffix.lower() == ".png":
            from sentiline.reporting import picture

            picture.check_installed()
        else:
            html_report.check_installed()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
