"""What a report on scored reviews says, as one value; the pages and pictures only lay it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentiline.predictor import Predictor
from sentiline.reporting.excerpt import Sample
from sentiline.reporting.statistics import Accumulator
from sentiline.reporting.timeline import Period, Unit
from sentiline.reporting.words import Ranking
from sentiline.scoring.scorer import FAULTS
from sentiline.scoring.summary import Summary


@dataclass(frozen=True, slots=True)
class Fault:
    """Bad rows of one kind.

    Attributes:
        kind: the name of the fault.
        count: how many.
        reason: what the name means.
        places: where the first stand.
    """

    kind: str
    count: int
    reason: str
    places: Sequence[str]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that a report shows.

    Attributes:
        title: what was scored.
        tally: counts of the run.
        mean: mean P(positive); None if no row was scored.
        histogram: scored rows by P(positive), in equal bins.
        faults: bad rows, the commonest first.
        date_column: column with the dates; None if none was named.
        unit: how long a period is.
        periods: verdicts over time.
        undated: scored rows without a readable date.
        bad_date: place and value of the first of them.
        ranking: the words that contribute most; None if the model is not additive or read nothing.
        highest: the most positive reviews.
        lowest: the least positive ones.
        model: name, version and precision of the model.
        facts: how it was run, by name.
    """

    title: str
    tally: Summary
    mean: float | None
    histogram: Sequence[int]
    faults: Sequence[Fault]
    date_column: str | None
    unit: Unit
    periods: Sequence[Period]
    undated: int
    bad_date: tuple[str, str] | None
    ranking: Ranking | None
    highest: Sequence[Sample]
    lowest: Sequence[Sample]
    model: str
    facts: Mapping[str, str]

    @classmethod
    def of(cls, figures: Accumulator, tally: Summary, predictor: Predictor, facts: Mapping[str, str]) -> Overview:
        """Settle what a run's figures say.

        Args:
            figures: of all rows.
            tally: counts of the same rows.
            predictor: the model that scored them.
            facts: how it was run, by name; model and files are added.
        """
        manifest, precision = predictor.manifest, predictor.precision
        unit, periods = figures.timeline.periods()
        more = f" and {figures.file_count - 3:,} more files" if figures.file_count > 3 else ""
        listed = ", ".join(figures.files) + (", …" if figures.file_count > len(figures.files) else "")
        return cls(
            title=", ".join(figures.files[:3]) + more,
            tally=tally,
            mean=figures.positive_sum / tally.scored if tally.scored else None,
            histogram=figures.histogram.tolist(),
            faults=[
                Fault(kind, count, FAULTS[kind], figures.faults.get(kind, ()))
                for kind, count in tally.faults.most_common()
            ],
            date_column=figures.date_column,
            unit=unit,
            periods=periods,
            undated=figures.timeline.undated,
            bad_date=figures.bad_date,
            ranking=figures.words.rank(tally.scored),
            highest=figures.extremes.highest,
            lowest=figures.extremes.lowest,
            model=f"{manifest.name} {manifest.version}, {precision}",
            facts={
                "model": f"{manifest.name} {manifest.version}, {precision}",
                "graph, SHA-256": manifest.files[manifest.precisions[precision]].sha256,
                "tokenizer, SHA-256": manifest.files[manifest.tokenizer].sha256,
                "files": listed,
                **facts,
            },
        )
