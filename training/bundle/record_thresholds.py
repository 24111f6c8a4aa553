"""Cut points and thresholds by length, fitted on a bundle's own logits and recorded in its manifest, card and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from sentiline import Predictor
from sentiline.bundle import Bundle
from sentiline.cut_points import CutPoints
from sentiline.reading import Reading
from training.bundle.model_card import render_card
from training.bundle.record_metrics import check_recordable
from training.bundle.writer import update_bundle
from training.data.labelled_file import LabelledData
from training.errors import DataError
from training.evaluation.calibration_plots import draw_risk_by_length
from training.evaluation.cut_points import ThreeWayMetrics, fit_cut_points, measure_three_way
from training.evaluation.length_thresholds import (
    MAX_FLAGGED,
    TARGET_ERROR,
    FittedLengthThresholds,
    fit_length_thresholds,
)
from training.evaluation.risk_coverage import RiskCoverage, measure_risk_coverage, risk_table
from training.evaluation.scored_texts import NEUTRAL, ScoredTexts
from training.evaluation.thresholds import MAX_ERROR_RATIO
from training.evaluation.thresholds import MAX_FLAGGED as MAX_FLAGGED_THREE_WAY

RISK_PLOT = "risk-lengths.png"


@dataclass(frozen=True)
class FittedNeutral:
    """Cut points with everything that is fitted and measured with them.

    Attributes:
        cut_points: The cut points, with the thresholds for predictions with three labels.
        thresholds: How these thresholds were fitted.
        metrics: The figures of predictions with three labels.
    """

    cut_points: CutPoints
    thresholds: FittedLengthThresholds
    metrics: ThreeWayMetrics

    def manifest_entry(self) -> dict[str, Any]:
        """Return the manifest's block "neutral"."""
        return {
            **self.cut_points.as_dict(),
            "uncertainty": self.thresholds.as_dict(),
            "metrics": asdict(self.metrics),
        }


@dataclass(frozen=True)
class FittedUncertainty:
    """Everything that is fitted on labelled texts of several sources after a model is finished.

    Attributes:
        thresholds: The thresholds by length, for predictions with two labels.
        risk: The errors by length and source.
        neutral: The cut points; None if there is no neutral text.
    """

    thresholds: FittedLengthThresholds
    risk: RiskCoverage
    neutral: FittedNeutral | None = None

    def manifest_entries(self) -> dict[str, Any]:
        """Return the manifest's blocks "uncertainty" and, with cut points, "neutral"."""
        entries = {"uncertainty": self.thresholds.as_dict()}
        return entries if self.neutral is None else entries | {"neutral": self.neutral.manifest_entry()}


def score_texts(
    bundle: Bundle,
    texts: Sequence[str],
    labels: Sequence[int],
    sources: Sequence[str],
    *,
    precision: str | None = None,
    threads: int | None = None,
) -> ScoredTexts:
    """Score labelled texts with a bundle, through its own tokenizer and graph.

    Args:
        bundle: The bundle.
        texts: Raw texts that the model was not trained on; those without a token are left out.
        labels: For each text -1 for negative, 0 for neutral, 1 for positive.
        sources: The name of each text's source.
        precision: The precision of the graph; None for the bundle's own choice, which is the one that is served.
        threads: The number of texts processed at the same time; None for the available CPUs.

    Raises:
        DataError: No text has a token.
    """
    with Predictor(bundle, precision=precision, threads=threads) as predictor:
        readings = predictor.read_each(texts, spans=False)
    rows = [
        (reading, label, source)
        for reading, label, source in zip(readings, labels, sources, strict=True)
        if isinstance(reading, Reading)
    ]
    if not rows:
        raise DataError(f"none of the {len(texts)} texts has a token", field="texts")
    return ScoredTexts.from_readings(*zip(*rows, strict=True))


def score_labelled_data(bundle: Bundle, data: LabelledData, precision: str | None = None) -> ScoredTexts:
    """Score the rows of labelled files, neutral ones too if they were read; each file is a source.

    Raises:
        DataError: See `score_texts`.
    """
    reviews = (*data.reviews, *data.neutral)
    sources = [Path(review.id.rpartition(", ")[0]).name.partition(".")[0] for review in reviews]
    labels = [round(2 * review.label) - 1 for review in reviews]
    return score_texts(bundle, [review.text for review in reviews], labels, sources, precision=precision)


def fit_uncertainty(
    texts: ScoredTexts, *, target_error: float = TARGET_ERROR, max_flagged: float = MAX_FLAGGED
) -> FittedUncertainty:
    """Fit the thresholds by length and, if there are neutral texts, the cut points and the thresholds for three labels.

    Args:
        texts: Labelled texts that the model was not trained on.
        target_error: See `fit_length_thresholds`.
        max_flagged: See `fit_length_thresholds`.

    Raises:
        DataError: There are too few neutral texts, or as `fit_length_thresholds` raises it.
    """
    thresholds = fit_length_thresholds(texts, target_error=target_error, max_flagged=max_flagged)
    risk = measure_risk_coverage(texts, thresholds.thresholds)
    return FittedUncertainty(thresholds, risk, fit_neutral(texts) if np.any(texts.labels == NEUTRAL) else None)


def fit_neutral(texts: ScoredTexts) -> FittedNeutral:
    """Fit the cut points, and the thresholds for predictions with three labels.

    The error rate wanted among the certain predictions is half of that of all, and up to half of them may be uncertain:
    people themselves disagree far more often on what is neutral than on what is good or bad.

    Args:
        texts: Labelled texts of all three classes that the model was not trained on.

    Raises:
        DataError: As `training.evaluation.cut_points.fit_cut_points` raises it.
    """
    cut_points = fit_cut_points(texts.logits, texts.labels)
    metrics = measure_three_way(texts, cut_points)
    thresholds = fit_length_thresholds(
        texts,
        cut_points,
        target_error=round(MAX_ERROR_RATIO * (1 - metrics.accuracy / 100), 4),
        max_flagged=MAX_FLAGGED_THREE_WAY,
    )
    return FittedNeutral(
        CutPoints(cut_points.negative, cut_points.positive, thresholds.thresholds), thresholds, metrics
    )


def record_uncertainty(bundle: Bundle, fitted: FittedUncertainty) -> Bundle:
    """Write cut points, thresholds, and the table and plot of risk and coverage into a bundle.

    Raises:
        TrainingError: The bundle was not made by `training.bundle.publish`.
        ExportError: Its folder also holds other files.
    """
    check_recordable(bundle)
    risk = fitted.risk.as_dict()
    metrics = {**bundle.manifest.document["metrics"], "risk_coverage": risk}
    changes = {**fitted.manifest_entries(), "metrics": metrics}
    files = {RISK_PLOT: draw_risk_by_length(risk["lengths"], risk["coverages"])}
    card = render_card({**bundle.manifest.document, **changes}, {*bundle.manifest.files, *files})
    return update_bundle(bundle, changes, {**files, "README.md": card.encode()})


def print_risk(console: Console, measured: RiskCoverage) -> None:
    """Print the errors by length and source."""
    risk = measured.as_dict()
    console.print(risk_table(risk["lengths"], "length"))
    console.print()
    console.print(risk_table(risk["sources"], "source"))
    console.print("The last columns are the errors among that share of the texts, the surest first.", highlight=False)


def print_uncertainty(console: Console, fitted: FittedUncertainty) -> None:
    """Print what was fitted, and the errors by length and source."""
    print_risk(console, fitted.risk)
    for note in fitted.thresholds.notes:
        console.print(note, highlight=False, markup=False)
    if fitted.neutral is not None:
        cut_points = fitted.neutral.cut_points
        console.print(f"cut points {cut_points.negative:.3f} and {cut_points.positive:.3f}", highlight=False)
        print_three_way(console, fitted.neutral.metrics)


def print_three_way(console: Console, metrics: ThreeWayMetrics) -> None:
    """Print the figures of predictions with three labels."""
    names = list(metrics.texts)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate(("", *(f"as {name}" for name in names), "recall %")):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for name, counts in zip(names, metrics.confusion, strict=True):
        recall = metrics.recall[name]
        table.add_row(name, *(f"{count:,}" for count in counts), "-" if recall is None else f"{recall:.2f}")
    console.print(table)
    macro = "-" if metrics.macro_recall is None else f"{metrics.macro_recall:.2f} %"
    console.print(f"three labels: macro recall {macro}, accuracy {metrics.accuracy:.2f} %", highlight=False)
