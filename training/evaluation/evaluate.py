"""Accuracy of a bundle as it is served: raw text through its own tokenizer and ONNX graph."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from sentiline import Predictor
from sentiline.reading import Reading
from training.data.dataset import Labelled
from training.errors import DataError, TrainingError
from training.evaluation.calibration import Calibration, calibration

_CHUNK = 250


@dataclass(frozen=True)
class Evaluation:
    """What a bundle does on labelled reviews.

    Attributes:
        precision: of the graph that was run.
        reviews: number of reviews scored.
        accuracy: share with the right label, in percent.
        interval: half the width of the 95 % normal interval of the accuracy, in percentage points.
        loss: mean binary cross-entropy, nats.
        false_positives: negative reviews called positive.
        false_negatives: positive reviews called negative.
        unknown_tokens: share of tokens that are not in the vocabulary, in percent.
        truncated: reviews longer than the model reads.
        skipped: reviews without a token.
        additivity: largest |bias + Σ contributions − logit|; None where the model is not additive.
        calibration: how far its probabilities can be believed.
        reviews_per_second: end to end, in process.
    """

    precision: str
    reviews: int
    accuracy: float
    interval: float
    loss: float
    false_positives: int
    false_negatives: int
    unknown_tokens: float
    truncated: int
    skipped: int
    additivity: float | None
    calibration: Calibration
    reviews_per_second: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the speed, which belongs to the machine and not to the model."""
        return {key: value for key, value in asdict(self).items() if key != "reviews_per_second"}


@dataclass(frozen=True, eq=False)
class Scored:
    """Labelled reviews with the readings of a bundle; N of them have a token.

    Attributes:
        precision: of the graph that was run.
        readings: [N].
        labels: bool [N], whether the review is positive.
        skipped: reviews without a token, which are not among the N.
        seconds: what reading them took.
    """

    precision: str
    readings: list[Reading]
    labels: NDArray[np.bool_]
    skipped: int
    seconds: float

    @property
    def logits(self) -> NDArray[np.float64]:
        """[N]."""
        return np.array([reading.logit for reading in self.readings])

    @property
    def positive(self) -> NDArray[np.float64]:
        """[N], P(positive)."""
        return np.array([reading.positive for reading in self.readings])

    @property
    def scores(self) -> NDArray[np.float64]:
        """[N], probability of each verdict."""
        return np.array([reading.score for reading in self.readings])

    @property
    def called(self) -> NDArray[np.bool_]:
        """[N], whether the verdict is positive."""
        return np.array([reading.label == "POSITIVE" for reading in self.readings])

    @property
    def unknown(self) -> NDArray[np.float64]:
        """[N], share of the tokens used that are not in the vocabulary."""
        return np.array([reading.encoding.unknown_tokens / reading.encoding.tokens_used for reading in self.readings])

    def evaluation(self) -> Evaluation:
        """The figures."""
        called, labels, logits = self.called, self.labels, self.logits
        accuracy = float((called == labels).mean())
        tokens = sum(reading.encoding.tokens_used for reading in self.readings)
        unknown = sum(reading.encoding.unknown_tokens for reading in self.readings)
        return Evaluation(
            precision=self.precision,
            reviews=len(labels),
            accuracy=round(100 * accuracy, 4),
            interval=round(196 * float(np.sqrt(accuracy * (1 - accuracy) / len(labels))), 4),
            loss=round(float(np.logaddexp(0, np.where(labels, -logits, logits)).mean()), 6),
            false_positives=int((called & ~labels).sum()),
            false_negatives=int((~called & labels).sum()),
            unknown_tokens=round(100 * unknown / tokens, 4),
            truncated=sum(reading.encoding.truncated for reading in self.readings),
            skipped=self.skipped,
            additivity=_additivity(self.readings),
            calibration=calibration(labels, self.positive),
            reviews_per_second=len(labels) / self.seconds,
        )


def evaluate(predictor: Predictor, reviews: Sequence[Labelled], *, console: Console | None = None) -> Evaluation:
    """The figures of a loaded bundle on labelled reviews; see `score`."""
    return score(predictor, reviews, console=console).evaluation()


def score(predictor: Predictor, reviews: Sequence[Labelled], *, console: Console | None = None) -> Scored:
    """Read labelled reviews with a loaded bundle.

    Args:
        predictor: the bundle, at the precision to evaluate.
        reviews: raw labelled reviews.
        console: where to show progress; None for nowhere.

    Raises:
        DataError: no review has a token.
    """
    shown = console or Console(quiet=True)
    chunks = range(0, len(reviews), _CHUNK)
    readings: list[Reading | None] = []
    started = time.perf_counter()
    for start in track(chunks, f"scoring at {predictor.precision}", console=shown, transient=True):
        texts = [review.text for review in reviews[start : start + _CHUNK]]
        results = predictor.read_each(texts, spans=False)
        readings.extend(result if isinstance(result, Reading) else None for result in results)
    seconds = time.perf_counter() - started
    read = [(reading, review.label == 1) for reading, review in zip(readings, reviews, strict=True) if reading]
    if not read:
        raise DataError(f"none of the {len(reviews)} reviews has a token")
    return Scored(
        precision=predictor.precision,
        readings=[reading for reading, _ in read],
        labels=np.array([label for _, label in read]),
        skipped=len(reviews) - len(read),
        seconds=seconds,
    )


def _additivity(readings: Sequence[Reading]) -> float | None:
    worst = 0.0
    for reading in readings:
        if reading.contributions is None:
            return None
        total = reading.bias + float(reading.contributions.sum(dtype=np.float64))
        worst = max(worst, abs(total - reading.logit))
    return worst


def hold_to(figures: Mapping[str, Evaluation], recorded: Mapping[str, Mapping[str, Any]], *, tolerance: float) -> None:
    """Hold measured accuracies to the ones a manifest records.

    Args:
        figures: measured, by precision.
        recorded: the manifest's, by precision; those it lacks are not compared.
        tolerance: largest difference allowed, in percentage points.

    Raises:
        TrainingError: one differs by more.
    """
    for precision, figure in figures.items():
        if precision in recorded and abs(figure.accuracy - recorded[precision]["accuracy"]) > tolerance:
            raise TrainingError(
                f"the manifest says {recorded[precision]['accuracy']} % at {precision} and {figure.accuracy} % was "
                f"measured; at most {tolerance} percentage points may lie between",
                field="metrics",
            )
