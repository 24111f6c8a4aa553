"""One text as the model read it, kept in arrays; turned into dataclasses or plain dicts on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.prediction import Detail, Label, Prediction, Timestep
from sentiline.tokenizer import UNKNOWN_ID, Encoding

DECIMALS = 7
"""Digits after the point kept per timestep: what float32 holds near 1, and half the size of its float64 digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A model's reading of one text.

    Attributes:
        text: the raw text.
        encoding: its tokens, T of them.
        positive: probability that the text is positive.
        logit: log-odds of `positive`.
        bias: the part of the logit that no token contributes.
        scores: float32 [T], the model's own P(positive) read at each timestep.
        contributions: float32 [T], each timestep's share of the logit; None if the model is not additive.
    """

    text: str
    encoding: Encoding
    positive: float
    logit: float
    bias: float
    scores: NDArray[np.float32]
    contributions: NDArray[np.float32] | None

    @property
    def label(self) -> Label:
        """The verdict: "POSITIVE" if `positive` is at least 0.5."""
        return "POSITIVE" if self.positive >= 0.5 else "NEGATIVE"

    @property
    def score(self) -> float:
        """Probability of the verdict."""
        return max(self.positive, 1.0 - self.positive)

    def running(self) -> NDArray[np.float64] | None:
        """The verdict from the text so far, at each timestep.

        Returns:
            float64 [T], `sigmoid(bias + cumulative sum of contributions)`; None if the model is not additive.
            The sum runs in float64, so that the last value equals `positive` to 1e-6 however long the text is.
        """
        if self.contributions is None:
            return None
        logits = self.bias + np.cumsum(self.contributions, dtype=np.float64)
        # sigmoid(x) = (1 + tanh(x / 2)) / 2, which overflows for no x
        return 0.5 + 0.5 * np.tanh(0.5 * logits)

    def prediction(self, detail: Detail = "none") -> Prediction:
        """The reading as a `Prediction`, with one `Timestep` for each token if `detail` is "timesteps"."""
        timesteps = tuple(Timestep(*row) for row in self._rows()) if detail == "timesteps" else None
        return Prediction(**self._summary(), timesteps=timesteps)

    def as_dict(self, detail: Detail = "none") -> dict[str, Any]:
        """The reading as plain Python values under the JSON names; no key "timesteps" if `detail` is "none"."""
        document = self._summary()
        if detail == "timesteps":
            document["timesteps"] = [
                {
                    "token": token,
                    "start": start,
                    "end": end,
                    "unknown": unknown,
                    "positive": positive,
                    "contribution": contribution,
                    "running": running,
                }
                for token, start, end, unknown, positive, contribution, running in self._rows()
            ]
        return document

    def _summary(self) -> dict[str, Any]:
        encoding = self.encoding
        return {
            "label": self.label,
            "score": self.score,
            "positive": self.positive,
            "logit": self.logit,
            "bias": self.bias,
            "tokens_total": encoding.tokens_total,
            "tokens_used": encoding.tokens_used,
            "unknown_tokens": encoding.unknown_tokens,
            "truncated": encoding.truncated,
        }

    def _rows(self) -> zip[tuple[Any, ...]]:
        """One tuple for each timestep, in the order of the fields of `Timestep`."""
        text = self.text
        starts, ends = self.encoding.starts.tolist(), self.encoding.ends.tolist()
        nothing: list[None] = [None] * len(starts)
        running = self.running()
        return zip(
            [text[start:end] for start, end in zip(starts, ends, strict=True)],
            starts,
            ends,
            (self.encoding.ids == UNKNOWN_ID).tolist(),
            _rounded(self.scores),
            nothing if self.contributions is None else _rounded(self.contributions),
            nothing if running is None else _rounded(running),
            strict=True,
        )


def _rounded(values: NDArray[np.floating[Any]]) -> list[float]:
    rounded: list[float] = np.round(values.astype(np.float64), DECIMALS).tolist()
    return rounded
