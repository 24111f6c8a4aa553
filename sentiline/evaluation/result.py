"""What an evaluation found, as values and as JSON; computes and shows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentiline._version import __version__
from sentiline.evaluation.metrics import Bin, ClassFigures, Confusion, Threshold
from sentiline.evaluation.mistakes import Mistake
from sentiline.evaluation.skipped_rows import Ledger
from sentiline.labels import Scheme


@dataclass(frozen=True, slots=True)
class Data:
    """The labelled rows.

    Attributes:
        inputs: names of the files.
        text_column: name of the column with the texts.
        label_column: of that with the labels.
        scheme: what the labels were taken for.
        rows: all rows.
        positive: positive ones of those that were evaluated.
        negative: negative ones.
        ledger: the others.
    """

    inputs: tuple[str, ...]
    text_column: str
    label_column: str
    scheme: Scheme
    rows: int
    positive: int
    negative: int
    ledger: Ledger

    @property
    def evaluated(self) -> int:
        """Rows with a sentiment and a text."""
        return self.positive + self.negative

    @property
    def majority(self) -> tuple[str, float]:
        """The commoner sentiment and its share: what is right for one who always says the same."""
        label = "POSITIVE" if self.positive >= self.negative else "NEGATIVE"
        return label, max(self.positive, self.negative) / self.evaluated


@dataclass(frozen=True, slots=True)
class ModelEvaluation:
    """How one model did; all shares lie in [0, 1].

    Attributes:
        name: of the model.
        version: its version.
        precision: of the graph that ran.
        sha256: digest of that graph.
        accuracy: share of right verdicts.
        interval: its 95 % score interval.
        confusion: verdicts by what was true.
        classes: figures by label.
        macro_f1: mean of the F1 of both classes, one that is undefined counting 0.
        roc_auc: chance that a positive review scores above a negative one; None if there is one class only.
        brier: mean squared error of P(positive).
        log_loss: mean binary cross-entropy, nats.
        calibration_error: expected calibration error over `bins`.
        bins: P(positive) against the share that is positive.
        threshold: the cut at which most verdicts are right.
        unknown_tokens: share of the tokens read that the vocabulary lacks.
        truncated: share of the reviews of which the model read a part.
        uncertain: share of the reviews of which it does not know, by its bundle's thresholds; None if that has none.
        certain_accuracy: share of right verdicts on the others; None if there are none.
        mistakes: wrong verdicts of which it was surest, worst first.
    """

    name: str
    version: str
    precision: str
    sha256: str
    accuracy: float
    interval: tuple[float, float]
    confusion: Confusion
    classes: dict[str, ClassFigures]
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

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "model": self.name,
            "version": self.version,
            "precision": self.precision,
            "sha256": self.sha256,
            "accuracy": {"value": self.accuracy, "low": self.interval[0], "high": self.interval[1]},
            "confusion": asdict(self.confusion),
            "classes": {label: asdict(figures) for label, figures in self.classes.items()},
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
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How models did on the same rows.

    Attributes:
        data: the rows.
        models: the models, most accurate first.
    """

    data: Data
    models: Sequence[ModelEvaluation]

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as plain values, the document that `--json` writes."""
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
                "not_evaluated": self.data.ledger.as_dict(),
            },
            "majority_baseline": {"label": label, "accuracy": share},
            "models": [model.as_dict() for model in self.models],
        }
