"""The accuracy of a model per source of a mixture, on the development part, which no fit has seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sentiline import Predictor
from sentiline.reading import Reading
from training.mixture.sets import LabelledText

# A text of up to this many tokens counts as short.
SHORT = 40


@dataclass(frozen=True)
class SourceFigures:
    """The figures of one source. Percentages leave neutral texts out, unless their name says otherwise.

    Attributes:
        texts: The number of texts with an opinion.
        accuracy: The share of right labels, in percent.
        balanced: The mean recall of both classes, in percent.
        flagged: The share of texts that are marked as uncertain, in percent.
        errors: The error rate among the others, in percent.
    """

    texts: int
    accuracy: float
    balanced: float
    flagged: float
    errors: float


@dataclass(frozen=True, eq=False)
class ScoredTexts:
    """Labelled texts with the model's answers; texts without a token count as wrong.

    Attributes:
        rows: The texts.
        readings: The model's output of each, None for a text without a token.
    """

    rows: Sequence[LabelledText]
    readings: Sequence[Reading | None]

    def figures(self, wanted: Sequence[int]) -> SourceFigures:
        """Compute the figures of some of the texts, given by their positions."""
        polar = [index for index in wanted if self.rows[index].target != 0.5]
        right = np.array([_is_right(self.rows[index], self.readings[index]) for index in polar])
        positive = np.array([self.rows[index].target > 0.5 for index in polar])
        flagged = np.array([_is_flagged(self.readings[index]) for index in polar])
        recalls = [float(right[side].mean()) for side in (positive, ~positive) if side.any()]
        kept = right[~flagged]
        return SourceFigures(
            texts=len(polar),
            accuracy=round(100 * float(right.mean()), 2),
            balanced=round(100 * float(np.mean(recalls)), 2),
            flagged=round(100 * float(flagged.mean()), 2),
            errors=round(100 * float(1 - kept.mean()), 2) if len(kept) else 0.0,
        )

    def by_source(self) -> Mapping[str, list[int]]:
        """Return the positions of the texts of each source."""
        found: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(self.rows):
            found[row.source].append(index)
        return found


def score_texts(predictor: Predictor, rows: Sequence[LabelledText]) -> ScoredTexts:
    """Score labelled texts."""
    readings: list[Reading | None] = []
    for start in range(0, len(rows), 500):
        results = predictor.read_each([row.text for row in rows[start : start + 500]], spans=False)
        readings += [result if isinstance(result, Reading) else None for result in results]
    return ScoredTexts(rows, readings)


def macro_recall(labels: Sequence[float], logits: Sequence[float], cut_points: tuple[float, float]) -> float:
    """Return the mean recall of three classes in percent.

    Args:
        labels: 0.0, 0.5 or 1.0.
        logits: The logit of each text.
        cut_points: a < b of P(negative) = σ(a − z) and P(positive) = σ(z − b).
    """
    a, b = cut_points
    z = np.asarray(logits)
    negative, positive = 1 / (1 + np.exp(z - a)), 1 / (1 + np.exp(b - z))
    chosen = np.argmax([negative, 1 - negative - positive, positive], axis=0) / 2
    truth = np.asarray(labels)
    return 100 * float(np.mean([(chosen[truth == label] == label).mean() for label in (0.0, 0.5, 1.0)]))


def _is_right(row: LabelledText, reading: Reading | None) -> bool:
    return reading is not None and (reading.logit >= 0) == (row.target > 0.5)


def _is_flagged(reading: Reading | None) -> bool:
    return reading is None or bool(reading.uncertainty_reasons())
