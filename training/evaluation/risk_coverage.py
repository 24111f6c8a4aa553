"""Risk and coverage by length and by source: the error rate as the least confident predictions are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sentiline.cut_points import CutPoints
from sentiline.uncertainty import Thresholds
from training.evaluation.length_thresholds import MAX_TOKENS, class_name
from training.evaluation.scored_texts import ScoredTexts

# The shares of the texts, most confident first, for which the error rate is computed, in percent.
COVERAGES = (50, 70, 80, 90, 100)


@dataclass(frozen=True)
class GroupRisk:
    """The errors of one group of texts; all rates are in percent.

    Attributes:
        name: The length class or the source.
        texts: The number of texts.
        error: The error rate of all predictions.
        flagged: The share of uncertain predictions; None without thresholds.
        certain_error: The error rate of the others; None without thresholds, or if there are none.
        risk: The error rate among the most confident 50, 70, 80, 90 and 100 % of the texts (`COVERAGES`).
    """

    name: str
    texts: int
    error: float
    flagged: float | None
    certain_error: float | None
    risk: list[float]


@dataclass(frozen=True)
class RiskCoverage:
    """The errors by length class and by source.

    Attributes:
        lengths: The length classes that have a text, shortest first.
        sources: The sources, in alphabetical order.
    """

    lengths: list[GroupRisk]
    sources: list[GroupRisk]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, JSON-ready."""
        return {**asdict(self), "coverages": list(COVERAGES)}


def measure_risk_coverage(
    texts: ScoredTexts,
    thresholds: Thresholds | None,
    cut_points: CutPoints | None = None,
    max_tokens: Sequence[int] = MAX_TOKENS,
) -> RiskCoverage:
    """Measure the errors by length class and by source.

    Args:
        texts: Labelled texts; neutral ones are left out unless there are cut points.
        thresholds: The thresholds of uncertain predictions; None if the model has none.
        cut_points: The cut points, for predictions with three labels; None for two labels.
        max_tokens: The number of tokens of the longest texts in each length class, ascending.
    """
    texts = texts if cut_points is not None else texts.without_neutral()
    predicted, confidence = texts.verdicts(cut_points)
    wrong = predicted != texts.labels
    flags = None if thresholds is None else texts.flags(thresholds, cut_points)
    edges = list(max_tokens)
    places = np.searchsorted(edges, texts.tokens_total)
    lengths = [(class_name(edges, place), places == place) for place in range(len(edges) + 1)]
    sources = [(str(name), texts.sources == name) for name in np.unique(texts.sources)]
    return RiskCoverage(
        *(
            [_group(name, chosen, wrong, confidence, flags) for name, chosen in groups if chosen.any()]
            for groups in (lengths, sources)
        )
    )


def _group(
    name: str,
    chosen: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    confidence: NDArray[np.float64],
    flags: NDArray[np.bool_] | None,
) -> GroupRisk:
    errors = wrong[chosen]
    ranked = np.cumsum(errors[np.argsort(-confidence[chosen], kind="stable")])
    counts = [max(1, round(len(errors) * coverage / 100)) for coverage in COVERAGES]
    certain = None if flags is None else errors[~flags[chosen]]
    return GroupRisk(
        name=name,
        texts=len(errors),
        error=_percent(errors),
        flagged=None if flags is None else _percent(flags[chosen]),
        certain_error=_percent(certain) if certain is not None and len(certain) else None,
        risk=[round(100 * float(ranked[count - 1]) / count, 2) for count in counts],
    )


def _percent(values: NDArray[np.bool_]) -> float:
    return round(100 * float(values.mean()), 2)


HEADER = ("texts", "errors %", "uncertain %", "others' errors %", *(f"{c} %" for c in COVERAGES))


def risk_rows(groups: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a row of cells for each group of `RiskCoverage.as_dict`: its name, then the columns of `HEADER`."""
    return [
        (
            group["name"],
            f"{group['texts']:,}",
            *("-" if group[key] is None else f"{group[key]:.1f}" for key in ("error", "flagged", "certain_error")),
            *(f"{risk:.1f}" for risk in group["risk"]),
        )
        for group in groups
    ]


def risk_table(groups: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Return the figures of some groups as a table for a console."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate((title, *HEADER)):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in risk_rows(groups):
        table.add_row(*row)
    return table
