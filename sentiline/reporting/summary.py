"""Everything that a report displays, as one value; the template only lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentiline.predictor import Predictor
from sentiline.reporting.excerpt import Excerpt
from sentiline.reporting.statistics import Statistics
from sentiline.reporting.timeline import Period, Unit
from sentiline.reporting.words import WordRanking
from sentiline.scoring.scorer import FAULTS, WARNINGS
from sentiline.scoring.summary import Summary


@dataclass(frozen=True, slots=True)
class FaultSummary:
    """The rows that were not scored, or may have lost something, for one reason.

    Attributes:
        code: The value of the rows' column `error`, or the code of the warning.
        count: The number of rows.
        reason: The meaning of the code.
        places: The files and lines of the first rows.
    """

    code: str
    count: int
    reason: str
    places: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """Everything that a report displays.

    Attributes:
        title: The names of the files that were scored.
        counts: The counts of the run.
        mean: The mean P(positive); None if no row was scored.
        histogram: The numbers of scored rows in equal bins of P(positive).
        faults: The rows that were not scored, by descending count.
        warnings: The rows that may have lost something although they have no error, by descending count.
        date_column: The column with the dates; None if none was given.
        unit: The length of a period.
        periods: The verdicts over time.
        undated: The number of scored rows without a readable date.
        bad_date: The place and the value of the first of these rows.
        ranking: The words that contribute most; None if the model is not additive or scored no row.
        highest: The most positive reviews.
        lowest: The least positive reviews.
        model: The name, version and precision of the model.
        facts: The facts about the run, by name.
    """

    title: str
    counts: Summary
    mean: float | None
    histogram: Sequence[int]
    faults: Sequence[FaultSummary]
    warnings: Sequence[FaultSummary]
    date_column: str | None
    unit: Unit
    periods: Sequence[Period]
    undated: int
    bad_date: tuple[str, str] | None
    ranking: WordRanking | None
    highest: Sequence[Excerpt]
    lowest: Sequence[Excerpt]
    model: str
    facts: Mapping[str, str]

    @classmethod
    def from_statistics(
        cls, statistics: Statistics, counts: Summary, predictor: Predictor, facts: Mapping[str, str]
    ) -> ReportSummary:
        """Summarize a run.

        Args:
            statistics: The statistics of all rows.
            counts: The counts of the same rows.
            predictor: The model that scored them.
            facts: Facts about the run, by name; those about the model and the files are added.
        """
        manifest, precision = predictor.manifest, predictor.precision
        model = f"{manifest.name} {manifest.version}, {precision}"
        unit, periods = statistics.timeline.periods()
        files, count = statistics.files, statistics.file_count
        return cls(
            title=", ".join(files[:3]) + (f" and {count - 3:,} more files" if count > 3 else ""),
            counts=counts,
            mean=statistics.positive_sum / counts.scored if counts.scored else None,
            histogram=statistics.histogram.tolist(),
            faults=[
                FaultSummary(error, rows, FAULTS[error], statistics.faults.get(error, ()))
                for error, rows in counts.faults.most_common()
            ],
            warnings=[
                FaultSummary(code, rows, WARNINGS[code], (counts.examples[code],))
                for code, rows in counts.warnings.most_common()
            ],
            date_column=statistics.date_column,
            unit=unit,
            periods=periods,
            undated=statistics.timeline.undated,
            bad_date=statistics.bad_date,
            ranking=statistics.words.rank(counts.scored),
            highest=statistics.extremes.highest,
            lowest=statistics.extremes.lowest,
            model=model,
            facts={
                "model": model,
                "graph, SHA-256": manifest.files[manifest.precisions[precision]].sha256,
                "tokenizer, SHA-256": manifest.files[manifest.tokenizer].sha256,
                "files": ", ".join(files) + (", …" if count > len(files) else ""),
                **facts,
            },
        )
