"""Labelled texts of any source with a model's logits, as columns: what cut points and thresholds are fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiline.cut_points import CutPoints
from sentiline.reading import Reading
from sentiline.uncertainty import Thresholds

NEGATIVE, NEUTRAL, POSITIVE = -1, 0, 1


@dataclass(frozen=True, eq=False)
class ScoredTexts:
    """N labelled texts that the model was not trained on.

    Attributes:
        logits: float64 [N], the model's logits.
        labels: int8 [N], -1 for negative, 0 for neutral, 1 for positive.
        tokens_total: int64 [N], the number of tokens in each text.
        tokens_used: int64 [N], the number of these that the model read.
        unknown_tokens: int64 [N], the number of used tokens that are not in the vocabulary.
        sources: str [N], the name of the source of each text.
    """

    logits: NDArray[np.float64]
    labels: NDArray[np.int8]
    tokens_total: NDArray[np.int64]
    tokens_used: NDArray[np.int64]
    unknown_tokens: NDArray[np.int64]
    sources: NDArray[np.str_]

    @classmethod
    def from_readings(cls, readings: Sequence[Reading], labels: Sequence[int], sources: Sequence[str]) -> ScoredTexts:
        """Return the columns of readings with their labels and sources."""
        encodings = [reading.encoding for reading in readings]
        return cls(
            logits=np.array([reading.logit for reading in readings], np.float64),
            labels=np.array(labels, np.int8),
            tokens_total=np.array([one.tokens_total for one in encodings], np.int64),
            tokens_used=np.array([one.tokens_used for one in encodings], np.int64),
            unknown_tokens=np.array([one.unknown_tokens for one in encodings], np.int64),
            sources=np.array(sources, np.str_),
        )

    def __len__(self) -> int:
        return len(self.logits)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> ScoredTexts:
        """Return the texts that a mask or positions choose."""
        return ScoredTexts(
            self.logits[chosen],
            self.labels[chosen],
            self.tokens_total[chosen],
            self.tokens_used[chosen],
            self.unknown_tokens[chosen],
            self.sources[chosen],
        )

    def without_neutral(self) -> ScoredTexts:
        """Return only the negative and positive texts."""
        return self.take(self.labels != NEUTRAL)

    @property
    def unknown_rates(self) -> NDArray[np.float64]:
        """float64 [N], the share of the tokens used that are not in the vocabulary."""
        return np.asarray(self.unknown_tokens / self.tokens_used)

    def verdicts(self, cut_points: CutPoints | None = None) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """Return the predicted labels and the confidences in them, each [N]; of three classes if there are cut points.

        The confidence is that of `sentiline.cut_points.label_of`.
        """
        if cut_points is None:
            return np.where(self.logits >= 0, POSITIVE, NEGATIVE).astype(np.int8), sigmoid(np.abs(self.logits))
        probabilities = three_probabilities(self.logits, cut_points.negative, cut_points.positive)
        order = [NEUTRAL, POSITIVE, NEGATIVE]  # equal probabilities go to the first
        columns = probabilities[:, [label + 1 for label in order]]
        top = np.sort(columns, axis=1)[:, ::-1]
        labels = np.array(order, np.int8)[columns.argmax(axis=1)]
        return labels, top[:, 0] / (top[:, 0] + top[:, 1])

    def flags(self, thresholds: Thresholds, cut_points: CutPoints | None = None) -> NDArray[np.bool_]:
        """Return which predictions are uncertain, bool [N]."""
        confidence = self.verdicts(cut_points)[1]
        return thresholds.flags(confidence, self.unknown_tokens, self.tokens_used, self.tokens_total)


def three_probabilities(logits: NDArray[np.float64], negative: float, positive: float) -> NDArray[np.float64]:
    """Return P(negative), P(neutral) and P(positive) of each logit, float64 [N, 3], for two cut points."""
    lower, upper = sigmoid(negative - logits), sigmoid(logits - positive)
    return np.stack([lower, np.maximum(0.0, 1.0 - lower - upper), upper], axis=1)


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logistic function of each value."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values))
