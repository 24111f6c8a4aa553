"""A model's output for one text, kept in arrays, and its conversion to dataclasses and plain dicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.cut_points import CutPoints, label_of
from sentiline.prediction import Detail, Label, Prediction, Probabilities, Sentence, Timestep
from sentiline.sentences import sentence_spans
from sentiline.tokenizer import UNKNOWN_ID, Encoding
from sentiline.uncertainty import Thresholds

DECIMALS = 7  # of values per timestep: the precision of float32 near 1, in half the digits that float64 would print

_SENTENCE = [each.name for each in fields(Sentence)]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A model's output for one text of T tokens.

    Attributes:
        text: The raw text.
        encoding: Its T tokens.
        positive: The probability that the text is positive.
        logit: The log-odds of `positive`.
        bias: The part of the logit that no token contributes.
        scores: float32 [T], the model's own P(positive) at each timestep.
        contributions: float32 [T], each timestep's share of the logit; None if the model is not additive.
        thresholds: The limits of a certain prediction; None if the model has none.
        cut_points: The cut points of the three classes; None for two classes.
        uncertain: Whether the prediction is uncertain; None if the model has no thresholds.
    """

    text: str
    encoding: Encoding
    positive: float
    logit: float
    bias: float
    scores: NDArray[np.float32]
    contributions: NDArray[np.float32] | None
    thresholds: Thresholds | None = None
    cut_points: CutPoints | None = None
    uncertain: bool | None = field(init=False)

    def __post_init__(self) -> None:
        # the answer and the metrics both ask for it, so it is decided once
        uncertain = None if self.thresholds is None else bool(self.uncertainty_reasons())
        object.__setattr__(self, "uncertain", uncertain)

    def with_cut_points(self, cut_points: CutPoints) -> Reading:
        """Return the reading with a label of three classes."""
        return replace(self, cut_points=cut_points, thresholds=cut_points.thresholds or self.thresholds)

    @property
    def probabilities(self) -> Probabilities | None:
        """The probabilities of the three classes; None for two classes."""
        return None if self.cut_points is None else self.cut_points.probabilities(self.logit)

    @property
    def label(self) -> Label:
        """The predicted label: "POSITIVE" if `positive` is at least 0.5; with three classes, the most probable one."""
        if (probabilities := self.probabilities) is not None:
            return label_of(probabilities)[0]
        return "POSITIVE" if self.positive >= 0.5 else "NEGATIVE"

    @property
    def score(self) -> float:
        """The probability of the predicted label."""
        if (probabilities := self.probabilities) is not None:
            return label_of(probabilities)[1]
        return max(self.positive, 1.0 - self.positive)

    @property
    def confidence(self) -> float:
        """The confidence that thresholds are compared with; see `sentiline.cut_points.label_of`."""
        return self.score if (probabilities := self.probabilities) is None else label_of(probabilities)[2]

    def uncertainty_reasons(self) -> list[str]:
        """Return why the prediction is uncertain, in words; see `Thresholds.reasons`."""
        encoding = self.encoding
        if self.thresholds is None:
            return []
        return self.thresholds.reasons(
            self.confidence, encoding.unknown_tokens, encoding.tokens_used, encoding.tokens_total
        )

    def running(self) -> NDArray[np.float64] | None:
        """Return the prediction from the text so far, at each timestep.

        Returns:
            float64 [T], `sigmoid(bias + cumulative sum of contributions)`; None if the model is not additive.
            The sum runs in float64, so that the last value equals `positive` to 1e-6 however long the text is.
        """
        if self.contributions is None:
            return None
        return _sigmoid(self.bias + np.cumsum(self.contributions, dtype=np.float64))

    def sentences(self) -> list[Sentence]:
        """Split the text into sentences and sum the contributions inside each, in float64.

        Returns:
            Every sentence with a token. A run of sentences that truncation left out is one sentence, so there is at
            most one more than there are used tokens. Each token belongs to exactly one sentence, so the sentences'
            contributions have the same sum as the tokens'. Text without a token, such as a line of dashes, belongs to
            the sentence before it.
        """
        spans = sentence_spans(self.text, self.encoding.tags) or [(0, len(self.text))]
        firsts = [start for start, _ in spans]
        used = _places(firsts, self.encoding.starts)  # each token's sentence
        total = _places(firsts, self.encoding.split(self.text)[1][0]) if self.encoding.truncated else used
        count = len(spans)
        tokens_used, tokens_total = np.bincount(used, minlength=count), np.bincount(total, minlength=count)
        holding = np.flatnonzero(tokens_total)
        unread = tokens_used[holding] == 0
        kept = np.flatnonzero(~unread | ~np.concatenate(([False], unread[:-1])))  # of a run left out, the first
        totals = np.add.reduceat(tokens_total[holding], kept).tolist()
        places = holding[kept].tolist()
        nothing: list[Any] = [None] * count
        sums, positives = nothing, nothing
        if self.contributions is not None:
            shares = np.bincount(used, self.contributions, count)  # in float64
            sums, positives = shares.tolist(), _sigmoid(shares).tolist()
        sentences = []
        for place, index in enumerate(places):
            start = firsts[index if place else 0]
            end = spans[places[place + 1] - 1 if place + 1 < len(places) else -1][1]
            positive = positives[index] if tokens_used[index] else None
            label, score = (None, None) if positive is None else self._verdict(positive, sums[index])
            sentences.append(
                Sentence(
                    sentence=self.text[start:end],
                    start=start,
                    end=end,
                    label=label,
                    score=score,
                    positive=positive,
                    contribution=sums[index],
                    tokens_total=totals[place],
                    tokens_used=int(tokens_used[index]),
                )
            )
        return sentences

    def prediction(self, detail: Detail = "none") -> Prediction:
        """Return the reading as a `Prediction`, with `timesteps` or `sentences` if `detail` asks for them."""
        timesteps = None
        if detail == "timesteps":
            spellings = self.encoding.read_as() or [None] * self.encoding.tokens_used
            rows = ((*values, spelling) for values, spelling in zip(self._rows(), spellings, strict=True))
            timesteps = tuple(Timestep(*row) for row in rows)
        sentences = tuple(self.sentences()) if detail == "sentences" else None
        return Prediction(**self._summary(), timesteps=timesteps, sentences=sentences, probabilities=self.probabilities)

    def as_dict(self, detail: Detail = "none") -> dict[str, Any]:
        """Return the reading as plain Python values under the JSON names, with the key that `detail` names."""
        document = self._summary()
        if (probabilities := self.probabilities) is not None:
            document["probabilities"] = asdict(probabilities)
        if detail == "sentences":
            document["sentences"] = [
                {name: getattr(sentence, name) for name in _SENTENCE} for sentence in self.sentences()
            ]
        if detail == "timesteps":
            document["timesteps"] = steps = [
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
            if (spellings := self.encoding.read_as()) is not None:
                for step, spelling in zip(steps, spellings, strict=True):
                    step["read_as"] = spelling
        return document

    def _verdict(self, positive: float, logit: float) -> tuple[Label, float]:
        """Return the label and the score of a part of the text."""
        if self.cut_points is not None:
            return label_of(self.cut_points.probabilities(logit))[:2]
        return "POSITIVE" if positive >= 0.5 else "NEGATIVE", max(positive, 1.0 - positive)

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
            "uncertain": self.uncertain,
        }

    def _rows(self) -> zip[tuple[Any, ...]]:
        """Return one tuple per timestep, in the order of the fields of `Timestep` up to `running`."""
        text = self.text
        starts, ends = map(np.ndarray.tolist, self.encoding.find())
        values = [self.scores] if self.contributions is None else [self.scores, self.contributions, self.running()]
        nothing: list[None] = [None] * len(starts)
        positive, *additive = np.round(np.array(values, np.float64), DECIMALS).tolist()
        contributions, running = additive or (nothing, nothing)
        return zip(
            [text[start:end] for start, end in zip(starts, ends, strict=True)],
            starts,
            ends,
            (self.encoding.ids == UNKNOWN_ID).tolist(),
            positive,
            contributions,
            running,
            strict=True,
        )


def _places(firsts: list[int], starts: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return the index of the sentence of each token, from the first characters of the sentences and of the tokens."""
    # Unicode composition can make the tokenizer see no tag where the first sentence begins after one.
    return np.maximum(np.searchsorted(firsts, starts, "right") - 1, 0)


def _sigmoid(logits: NDArray[Any]) -> NDArray[np.float64]:
    # sigmoid(x) = (1 + tanh(x / 2)) / 2, which never overflows
    values: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(0.5 * logits)
    return values
