"""Evaluation of a bundle as it is served: raw text through its own tokenizer and ONNX graph."""

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
from sentiline.wilson import wilson
from training.data.dataset import Labelled
from training.errors import DataError, TrainingError
from training.evaluation.calibration import Calibration, measure_calibration
from training.evaluation.majority import balanced_accuracy, majority
from training.evaluation.scored_texts import NEGATIVE, POSITIVE, ScoredTexts

_CHUNK = 250


@dataclass(frozen=True)
class Evaluation:
    """The figures of a bundle on labelled reviews.

    Attributes:
        precision: The precision of the graph.
        reviews: The number of reviews scored.
        accuracy: The share of correct labels, in percent.
        interval: Half the width of the 95 % Wilson interval of the accuracy, in percentage points.
        loss: The mean binary cross-entropy in nats.
        false_positives: The number of negative reviews labelled positive.
        false_negatives: The number of positive reviews labelled negative.
        positive: The number of positive reviews.
        majority: The accuracy of always predicting the commoner class, in percent.
        balanced_accuracy: The mean recall of both classes, in percent; None if one of them has no review.
        unknown_tokens: The share of tokens that are not in the vocabulary, in percent.
        truncated: The number of reviews longer than the model's token limit.
        skipped: The number of reviews without a token.
        additivity: The largest |bias + Σ contributions − logit|; None if the model is not additive.
        calibration: The calibration of the probabilities.
        reviews_per_second: The speed from text to prediction, in process.
    """

    precision: str
    reviews: int
    accuracy: float
    interval: float
    loss: float
    false_positives: int
    false_negatives: int
    positive: int
    majority: float
    balanced_accuracy: float | None
    unknown_tokens: float
    truncated: int
    skipped: int
    additivity: float | None
    calibration: Calibration
    reviews_per_second: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, JSON-ready, without the speed, which depends on the machine."""
        return {key: value for key, value in asdict(self).items() if key != "reviews_per_second"}


@dataclass(frozen=True, eq=False)
class ScoredReviews:
    """Labelled reviews with the predictions of a bundle; N of them have a token.

    Attributes:
        precision: The precision of the graph.
        readings: [N], the model's outputs.
        labels: bool [N], whether each review is positive.
        skipped: The number of reviews without a token, which are not among the N.
        seconds: The time that scoring took.
    """

    precision: str
    readings: list[Reading]
    labels: NDArray[np.bool_]
    skipped: int
    seconds: float

    @property
    def logits(self) -> NDArray[np.float64]:
        """[N], the logits."""
        return np.array([reading.logit for reading in self.readings])

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """[N], P(positive)."""
        return np.array([reading.positive for reading in self.readings])

    @property
    def scores(self) -> NDArray[np.float64]:
        """[N], the probability of each predicted label."""
        return np.array([reading.score for reading in self.readings])

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """[N], whether the predicted label is positive."""
        return np.array([reading.label == "POSITIVE" for reading in self.readings])

    def as_texts(self, source: str) -> ScoredTexts:
        """Return the reviews as columns, all with one source."""
        labels = np.where(self.labels, POSITIVE, NEGATIVE).tolist()
        return ScoredTexts.from_readings(self.readings, labels, [source] * len(labels))

    @property
    def unknown_rates(self) -> NDArray[np.float64]:
        """[N], the share of the tokens used that are not in the vocabulary."""
        return np.array([reading.encoding.unknown_tokens / reading.encoding.tokens_used for reading in self.readings])

    def evaluation(self) -> Evaluation:
        """Compute the figures."""
        called, labels, logits = self.predicted, self.labels, self.logits
        right = int((called == labels).sum())
        low, high = wilson(right, len(labels))
        tokens = sum(reading.encoding.tokens_used for reading in self.readings)
        unknown = sum(reading.encoding.unknown_tokens for reading in self.readings)
        positive, total = int(labels.sum()), len(labels)
        false_positives, false_negatives = int((called & ~labels).sum()), int((~called & labels).sum())
        balanced = balanced_accuracy(positive, total, false_positives, false_negatives)
        return Evaluation(
            precision=self.precision,
            reviews=len(labels),
            accuracy=round(100 * right / len(labels), 4),
            interval=round(50 * (high - low), 4),
            loss=round(float(np.logaddexp(0, np.where(labels, -logits, logits)).mean()), 6),
            false_positives=false_positives,
            false_negatives=false_negatives,
            positive=positive,
            majority=round(majority(positive, total)[1], 4),
            balanced_accuracy=None if balanced is None else round(balanced, 4),
            unknown_tokens=round(100 * unknown / tokens, 4),
            truncated=sum(reading.encoding.truncated for reading in self.readings),
            skipped=self.skipped,
            additivity=_additivity(self.readings),
            calibration=measure_calibration(labels, self.probabilities),
            reviews_per_second=len(labels) / self.seconds,
        )


def evaluate(predictor: Predictor, reviews: Sequence[Labelled], *, console: Console | None = None) -> Evaluation:
    """Evaluate a loaded bundle on labelled reviews; see `score_reviews`."""
    return score_reviews(predictor, reviews, console=console).evaluation()


def score_reviews(
    predictor: Predictor, reviews: Sequence[Labelled], *, console: Console | None = None
) -> ScoredReviews:
    """Score labelled reviews with a loaded bundle.

    Args:
        predictor: The bundle at the precision to evaluate.
        reviews: Raw labelled reviews.
        console: The console that shows progress; None for none.

    Raises:
        DataError: No review has a token.
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
    return ScoredReviews(
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


def check_recorded_accuracy(
    figures: Mapping[str, Evaluation], recorded: Mapping[str, Mapping[str, Any]], *, tolerance: float
) -> None:
    """Check that measured accuracies agree with those recorded in a manifest.

    Args:
        figures: The measured figures by precision.
        recorded: The manifest's figures by precision; missing ones are not compared.
        tolerance: The largest difference allowed, in percentage points.

    Raises:
        TrainingError: An accuracy differs by more.
    """
    for precision, figure in figures.items():
        if precision in recorded and abs(figure.accuracy - recorded[precision]["accuracy"]) > tolerance:
            raise TrainingError(
                f"the manifest records {recorded[precision]['accuracy']} % at {precision}, but {figure.accuracy} % was "
                f"measured; the difference may be at most {tolerance} percentage points",
                field="metrics",
            )
