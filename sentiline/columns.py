"""A model's output for a list of texts as one array per value, and its conversion to predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.cut_points import CutPoints, label_of
from sentiline.errors import InputError
from sentiline.prediction import Label, Prediction, Probabilities
from sentiline.reading import Reading
from sentiline.uncertainty import Thresholds


@dataclass(frozen=True, eq=False)
class Columns:
    """The predictions for N texts. The values of a text with an error are NaN, 0, false or empty.

    Attributes:
        positive: The probability that each text is positive, float64 [N].
        logit: The log-odds of `positive`, float64 [N].
        bias: The part of each logit that no token contributes, float64 [N].
        tokens_total: The number of tokens of each text, int64 [N].
        tokens_used: The number of these that the model read, int64 [N].
        unknown_tokens: The number of used tokens that are not in the vocabulary, int64 [N].
        errors: The error of each text that cannot be scored, by index.
        thresholds: The limits of a certain prediction with two classes; None if the model has none.
        cut_points: The cut points of the three classes; None for two classes.
    """

    positive: NDArray[np.float64]
    logit: NDArray[np.float64]
    bias: NDArray[np.float64]
    tokens_total: NDArray[np.int64]
    tokens_used: NDArray[np.int64]
    unknown_tokens: NDArray[np.int64]
    errors: Mapping[int, InputError] = field(default_factory=dict)
    thresholds: Thresholds | None = None
    cut_points: CutPoints | None = None

    def __len__(self) -> int:
        return len(self.positive)

    @cached_property
    def label(self) -> NDArray[np.str_]:
        """The predicted labels, as `Reading.label`; empty for a text with an error."""
        labels: Any = np.where(self.positive >= 0.5, "POSITIVE", "NEGATIVE")
        if self._ranked is not None:
            labels = np.array([label for label, _, _ in self._ranked], np.str_)
        return np.where(np.isnan(self.positive), "", labels)

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """The probability of each predicted label, float64 [N]."""
        if self._ranked is not None:
            return np.array([score for _, score, _ in self._ranked], np.float64)
        return np.maximum(self.positive, 1.0 - self.positive)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """The confidence that thresholds are compared with, float64 [N]; see `sentiline.cut_points.label_of`."""
        if self._ranked is not None:
            return np.array([confidence for _, _, confidence in self._ranked], np.float64)
        return self.score

    @cached_property
    def probabilities(self) -> list[Probabilities] | None:
        """The probabilities of the three classes for each text; None for two classes."""
        return None if self.cut_points is None else list(map(self.cut_points.probabilities, self.logit.tolist()))

    @cached_property
    def _ranked(self) -> list[tuple[Label, float, float]] | None:
        return None if self.probabilities is None else list(map(label_of, self.probabilities))

    @cached_property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether tokens were left out, bool [N]."""
        return self.tokens_used < self.tokens_total

    @cached_property
    def uncertain(self) -> NDArray[np.bool_] | None:
        """Whether each prediction is uncertain, bool [N]; None if the model has no thresholds."""
        thresholds = (self.cut_points and self.cut_points.thresholds) or self.thresholds
        if thresholds is None:
            return None
        used, total = np.maximum(self.tokens_used, 1), np.maximum(self.tokens_total, 1)
        return thresholds.flags(self.confidence, self.unknown_tokens, used, total)

    def predictions(self) -> list[Prediction | InputError]:
        """Return a `Prediction` per text, without timesteps and sentences, or its error."""
        count = len(self)
        columns: list[list[Any]] = [
            self.label.tolist(),
            self.score.tolist(),
            self.positive.tolist(),
            self.logit.tolist(),
            self.bias.tolist(),
            self.tokens_total.tolist(),
            self.tokens_used.tolist(),
            self.unknown_tokens.tolist(),
            self.truncated.tolist(),
            [None] * count if self.uncertain is None else self.uncertain.tolist(),
        ]
        if self.probabilities is not None:
            columns += [None] * count, [None] * count, self.probabilities
        predictions: list[Prediction | InputError] = list(map(Prediction, *columns))
        for index, error in self.errors.items():
            predictions[index] = error
        return predictions

    def take(self, indices: Sequence[int]) -> Columns:
        """Return the values of the texts at these indices, none of which has an error."""
        places = np.array(indices, np.intp)
        return Columns(
            self.positive[places],
            self.logit[places],
            self.bias[places],
            self.tokens_total[places],
            self.tokens_used[places],
            self.unknown_tokens[places],
            thresholds=self.thresholds,
            cut_points=self.cut_points,
        )

    @classmethod
    def from_readings(cls, readings: Sequence[Reading | None]) -> Columns:
        """Return the values of readings, those of None for a text with an error."""
        first = next((one for one in readings if one is not None), None)
        shared = (None, None) if first is None else (first.thresholds, first.cut_points)
        columns = cls.empty(len(readings), *shared)
        for index, one in enumerate(readings):
            if one is not None:
                columns.positive[index], columns.logit[index], columns.bias[index] = one.positive, one.logit, one.bias
                columns.tokens_total[index] = one.encoding.tokens_total
                columns.tokens_used[index] = one.encoding.tokens_used
                columns.unknown_tokens[index] = one.encoding.unknown_tokens
        return columns

    @classmethod
    def empty(cls, count: int, thresholds: Thresholds | None, cut_points: CutPoints | None = None) -> Columns:
        """Return columns to be filled, of texts without a result."""
        positive, logit, bias = np.full((3, count), np.nan)
        total, used, unknown = np.zeros((3, count), np.int64)
        return cls(positive, logit, bias, total, used, unknown, thresholds=thresholds, cut_points=cut_points)
