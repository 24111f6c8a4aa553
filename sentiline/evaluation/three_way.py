"""Metrics of predictions with the labels NEGATIVE, NEUTRAL and POSITIVE."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.cut_points import CutPoints
from sentiline.evaluation.metrics import ClassMetrics, class_metrics
from sentiline.reading import Reading
from sentiline.wilson import wilson

CLASSES = ("NEGATIVE", "NEUTRAL", "POSITIVE")


@dataclass(frozen=True, slots=True)
class ThreeWayMetrics:
    """The metrics of predictions with three labels; all shares lie in [0, 1].

    Attributes:
        accuracy: The share of right verdicts.
        interval: The 95 % Wilson interval of the accuracy.
        macro_recall: The mean recall of the three classes; None if one of them has no row.
        macro_f1: The mean F1 of the three classes; an undefined F1 counts as 0.
        classes: The metrics of each class, by label.
        confusion: The number of rows by class and by predicted class, both in the order of `CLASSES`.
        uncertain: The share of uncertain verdicts; None if that is unknown.
        certain_accuracy: The accuracy on the others; None if there are none.
    """

    accuracy: float
    interval: tuple[float, float]
    macro_recall: float | None
    macro_f1: float
    classes: dict[str, ClassMetrics]
    confusion: list[list[int]]
    uncertain: float | None = None
    certain_accuracy: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the metrics as plain values."""
        low, high = self.interval
        return {
            "accuracy": {"value": self.accuracy, "low": low, "high": high},
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "classes": {label: asdict(metrics) for label, metrics in self.classes.items()},
            "confusion": {"labels": list(CLASSES), "counts": self.confusion},
            "uncertain": self.uncertain,
            "certain_accuracy": self.certain_accuracy,
        }


def three_way_metrics(
    confusion: NDArray[np.int64], uncertain: float | None = None, certain_accuracy: float | None = None
) -> ThreeWayMetrics:
    """Compute the metrics from the counts of rows by class and predicted class, int64 [3, 3], at least one row."""
    support, predicted, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    classes = {
        label: class_metrics(int(hits[place]), int(predicted[place]), int(support[place]))
        for place, label in enumerate(CLASSES)
    }
    recalls = [one.recall for one in classes.values() if one.recall is not None]
    total, right = int(support.sum()), int(hits.sum())
    return ThreeWayMetrics(
        accuracy=right / total,
        interval=wilson(right, total),
        macro_recall=sum(recalls) / len(CLASSES) if len(recalls) == len(CLASSES) else None,
        macro_f1=sum(one.f1 or 0.0 for one in classes.values()) / len(CLASSES),
        classes=classes,
        confusion=confusion.tolist(),
        uncertain=uncertain,
        certain_accuracy=certain_accuracy,
    )


@dataclass(slots=True)
class ThreeWayCounts:
    """Counts of predictions with three labels, row by row.

    Attributes:
        cut_points: The model's cut points.
        confusion: The number of rows by class and by predicted class, int64 [3, 3].
        known: The number of rows whose uncertainty is known.
        certain: The number of these that are certain.
        certain_right: The number of certain rows with a right verdict.
    """

    cut_points: CutPoints
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((3, 3), np.int64))
    known: int = 0
    certain: int = 0
    certain_right: int = 0

    def add(self, reading: Reading, label: str) -> None:
        """Count the reading of a row with this label."""
        three_way = reading.with_cut_points(self.cut_points)
        predicted = three_way.label
        self.confusion[CLASSES.index(label), CLASSES.index(predicted)] += 1
        self.known += three_way.uncertain is not None
        if three_way.uncertain is False:
            self.certain += 1
            self.certain_right += predicted == label

    def metrics(self) -> ThreeWayMetrics:
        """Compute the metrics of the rows so far, at least one."""
        return three_way_metrics(
            self.confusion,
            (self.known - self.certain) / self.known if self.known else None,
            self.certain_right / self.certain if self.certain else None,
        )
