"""The result of an evaluation, as values and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentiline import __version__
from sentiline.evaluation.metrics import Bin, ClassMetrics, ConfusionMatrix, Threshold
from sentiline.evaluation.mistakes import Mistake
from sentiline.evaluation.skipped_rows import SkippedRows
from sentiline.evaluation.three_way import ThreeWayMetrics


@dataclass(frozen=True, slots=True)
class LabelledData:
    """The labelled rows.

    Attributes:
        inputs: The names of the files.
        text_column: The name of the column with the texts.
        label_column: The name of the column with the labels.
        scheme: The scheme of the labels, or the mapping.
        rows: The number of all rows.
        positive: The number of positive rows that were evaluated.
        negative: The number of negative rows that were evaluated.
        skipped: The rows that were not evaluated.
        neutral: The number of neutral rows that were evaluated; None if they were not to be.
    """

    inputs: tuple[str, ...]
    text_column: str
    label_column: str
    scheme: str
    rows: int
    positive: int
    negative: int
    skipped: SkippedRows
    neutral: int | None = None

    @property
    def evaluated(self) -> int:
        """The number of rows that were evaluated."""
        return self.positive + self.negative + (self.neutral or 0)

    @property
    def majority(self) -> tuple[str, float]:
        """The most frequent label and its share, which is the accuracy of always predicting this label."""
        counts = {"POSITIVE": self.positive, "NEGATIVE": self.negative, "NEUTRAL": self.neutral or 0}
        label = max(counts, key=counts.__getitem__)
        return label, counts[label] / self.evaluated


@dataclass(frozen=True, slots=True)
class ModelEvaluation:
    """The metrics of one model; all shares lie in [0, 1].

    Attributes:
        name: The name of the model.
        version: The version of the model.
        precision: The precision of the graph.
        sha256: The SHA-256 digest of the graph.
        accuracy: The share of right verdicts.
        interval: The 95 % Wilson interval of the accuracy.
        confusion: The confusion matrix.
        classes: The metrics of each class, by label.
        macro_f1: The mean F1 of both classes; an undefined F1 counts as 0.
        roc_auc: The area under the ROC curve; None if all reviews belong to one class.
        brier: The mean squared error of P(positive).
        log_loss: The mean binary cross-entropy in nats.
        calibration_error: The expected calibration error over `bins`.
        bins: P(positive) against the share of positive reviews.
        threshold: The threshold with the highest accuracy.
        unknown_tokens: The share of the tokens read that are not in the vocabulary.
        truncated: The share of the reviews that the model read only in part.
        uncertain: The share of uncertain verdicts; None if the bundle has no uncertainty thresholds.
        certain_accuracy: The accuracy on the reviews with a certain verdict; None if there are none.
        mistakes: The wrong verdicts with the highest confidence, worst first.
        three_way: The metrics of predictions with three labels on all rows; None if neutral rows are not evaluated.
    """

    name: str
    version: str
    precision: str
    sha256: str
    accuracy: float
    interval: tuple[float, float]
    confusion: ConfusionMatrix
    classes: dict[str, ClassMetrics]
    macro_f1: float
    roc_auc: float | None
    brier: float
    log_loss: float
    calibration_error: float
    bins: Sequence[Bin]
    threshold: Threshold
    unknown_tokens: float
    truncated: float
    uncertain: float | None
    certain_accuracy: float | None
    mistakes: Sequence[Mistake]
    three_way: ThreeWayMetrics | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the metrics as plain values."""
        return {
            "model": self.name,
            "version": self.version,
            "precision": self.precision,
            "sha256": self.sha256,
            "accuracy": {"value": self.accuracy, "low": self.interval[0], "high": self.interval[1]},
            "confusion": asdict(self.confusion),
            "classes": {label: asdict(metrics) for label, metrics in self.classes.items()},
            "macro_f1": self.macro_f1,
            "roc_auc": self.roc_auc,
            "brier": self.brier,
            "log_loss": self.log_loss,
            "calibration": {"expected_error": self.calibration_error, "bins": [asdict(one) for one in self.bins]},
            "best_threshold": asdict(self.threshold),
            "unknown_tokens": self.unknown_tokens,
            "truncated": self.truncated,
            "uncertain": self.uncertain,
            "certain_accuracy": self.certain_accuracy,
            "worst_errors": [mistake.as_dict() for mistake in self.mistakes],
            **({} if self.three_way is None else {"three_way": self.three_way.as_dict()}),
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of several models on the same rows.

    Attributes:
        data: The rows.
        models: The metrics of each model, the most accurate model first.
    """

    data: LabelledData
    models: Sequence[ModelEvaluation]

    def as_dict(self) -> dict[str, Any]:
        """Return the evaluation as plain values: the document that `--json` writes."""
        label, share = self.data.majority
        return {
            "sentiline": __version__,
            "data": {
                "inputs": list(self.data.inputs),
                "text_column": self.data.text_column,
                "label_column": self.data.label_column,
                "labels": self.data.scheme,
                "rows": self.data.rows,
                "evaluated": self.data.evaluated,
                "positive": self.data.positive,
                "negative": self.data.negative,
                **({} if self.data.neutral is None else {"neutral": self.data.neutral}),
                "not_evaluated": self.data.skipped.as_dict(),
            },
            "majority_baseline": {"label": label, "accuracy": share},
            "models": [model.as_dict() for model in self.models],
        }
