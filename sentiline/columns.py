"""A model's output for a list of texts as one array per value, and its conversion to predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import InputError
from sentiline.prediction import Prediction
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
        thresholds: The limits of a certain prediction; None if the model has none.
    """

    positive: NDArray[np.float64]
    logit: NDArray[np.float64]
    bias: NDArray[np.float64]
    tokens_total: NDArray[np.int64]
    tokens_used: NDArray[np.int64]
    unknown_tokens: NDArray[np.int64]
    errors: Mapping[int, InputError] = field(default_factory=dict)
    thresholds: Thresholds | None = None

    def __len__(self) -> int:
        return len(self.positive)

    @cached_property
    def label(self) -> NDArray[np.str_]:
        """The predicted labels, "POSITIVE" where `positive` is at least 0.5; empty for a text with an error."""
        return np.where(np.isnan(self.positive), "", np.where(self.positive >= 0.5, "POSITIVE", "NEGATIVE"))

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """The probability of each predicted label, float64 [N]."""
        return np.maximum(self.positive, 1.0 - self.positive)

    @cached_property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether tokens were left out, bool [N]."""
        return self.tokens_used < self.tokens_total

    @cached_property
    def uncertain(self) -> NDArray[np.bool_] | None:
        """Whether each prediction is uncertain, bool [N]; None if the model has no thresholds."""
        if self.thresholds is None:
            return None
        return self.thresholds.flags(self.score, self.unknown_tokens, np.maximum(self.tokens_used, 1))

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
        )

    @classmethod
    def from_readings(cls, readings: Sequence[Reading | None]) -> Columns:
        """Return the values of readings, those of None for a text with an error."""
        thresholds = next((one.thresholds for one in readings if one is not None), None)
        columns = cls.empty(len(readings), thresholds)
        for index, one in enumerate(readings):
            if one is not None:
                columns.positive[index], columns.logit[index], columns.bias[index] = one.positive, one.logit, one.bias
                columns.tokens_total[index] = one.encoding.tokens_total
                columns.tokens_used[index] = one.encoding.tokens_used
                columns.unknown_tokens[index] = one.encoding.unknown_tokens
        return columns

    @classmethod
    def empty(cls, count: int, thresholds: Thresholds | None) -> Columns:
        """Return columns to be filled, of texts without a result."""
        positive, logit, bias = np.full((3, count), np.nan)
        total, used, unknown = np.zeros((3, count), np.int64)
        return cls(positive, logit, bias, total, used, unknown, thresholds=thresholds)
