"""The measurements of `python -m training diagnose`, for one bundle after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sentiline import Predictor
from sentiline.bundle import Bundle
from sentiline.reading import Reading
from training.data.review import Review
from training.diagnostics.baseline import TfidfBaseline
from training.diagnostics.faithfulness import Faithfulness, measure_faithfulness
from training.diagnostics.localization import Localization, Splice, localize, make_splices
from training.diagnostics.other_texts import KindMetrics, evaluate_by_kind
from training.diagnostics.texts import DiagnosticText, load_texts
from training.errors import TrainingError
from training.evaluation.calibration import measure_calibration
from training.evaluation.evaluate import ScoredReviews, score_reviews
from training.evaluation.thresholds import FittedThresholds, fit_thresholds

SPLIT_SEED = 7
# SPLIT_SEED and FRACTION select the validation part of every recipe in `training.config.presets`.
FRACTION = 0.1


@dataclass(frozen=True)
class DiagnosisInputs:
    """The data shared by all bundles, prepared once.

    Attributes:
        validation: IMDB reviews that no model was trained on.
        spliced: Pairs of them joined to one text.
        reviews: The number of reviews to delete tokens from.
        texts: The diagnostic texts.
        baseline: The baseline's metrics on the diagnostic texts, by kind.
        seed: The seed of every random choice.
    """

    validation: Sequence[Review]
    spliced: Sequence[Splice]
    reviews: int
    texts: Sequence[DiagnosticText]
    baseline: Mapping[str, KindMetrics]
    seed: int


@dataclass(frozen=True)
class Diagnosis:
    """The figures of one bundle.

    Attributes:
        precision: The precision of the graph.
        localization: How well the timesteps localize sentiment.
        faithfulness: How much the prediction depends on the tokens with the largest contributions.
        other_texts: The metrics on the diagnostic texts, by kind.
        baseline: The baseline's metrics on the same texts.
        thresholds: The thresholds of uncertain predictions.
        recorded: Whether the thresholds are the manifest's; otherwise they were fitted here, on the validation part.
        flagged: The share of the validation reviews marked as uncertain, in percent.
        error: The error rate among the other validation reviews, in percent.
        ece: The expected calibration error on the validation part, in percentage points.
        chance: The calibration error expected by chance alone; see `training.evaluation.calibration`.
    """

    precision: str
    localization: Localization
    faithfulness: Faithfulness
    other_texts: Mapping[str, KindMetrics]
    baseline: Mapping[str, KindMetrics]
    thresholds: FittedThresholds
    recorded: bool
    flagged: float
    error: float
    ece: float
    chance: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures in the form of the manifest, JSON-ready."""
        return {
            "precision": self.precision,
            "localization": asdict(self.localization),
            "faithfulness": asdict(self.faithfulness),
            "beyond": {kind: asdict(figures) for kind, figures in self.other_texts.items()},
            "baseline": {kind: asdict(figures) for kind, figures in self.baseline.items()},
            "uncertain": {
                **self.thresholds.as_dict(),
                "source": "manifest" if self.recorded else "fitted on the validation part",
                "validation_flagged": self.flagged,
                "validation_error": self.error,
            },
            "validation_ece": self.ece,
            "validation_ece_by_chance": self.chance,
        }


def prepare_inputs(
    train: Sequence[Review],
    validation: Sequence[Review],
    *,
    pairs: int,
    reviews: int,
    seed: int = 0,
    console: Console | None = None,
) -> DiagnosisInputs:
    """Prepare the data shared by all bundles and train the baseline.

    Args:
        train: IMDB's training part.
        validation: IMDB's validation part.
        pairs: The number of pairs of reviews to splice.
        reviews: The number of reviews to delete tokens from.
        seed: The seed of every random choice.
        console: The console that shows progress; None for none.

    Raises:
        DataError: There are too few reviews.
    """
    spliced, texts = make_splices(validation, pairs, seed), load_texts()
    with (console or Console(quiet=True)).status("fitting the baseline"):
        positive = TfidfBaseline(train).positive([text.text for text in texts])
    return DiagnosisInputs(validation, spliced, reviews, texts, evaluate_by_kind(texts, positive >= 0.5), seed)


def diagnose(bundle: Bundle, inputs: DiagnosisInputs, *, console: Console | None = None) -> Diagnosis:
    """Measure one bundle at its default precision.

    Args:
        bundle: The bundle.
        inputs: The result of `prepare_inputs`.
        console: The console that shows progress; None for none.

    Raises:
        TrainingError: The model was trained on another split of IMDB and may have seen the reviews.
    """
    check_split(bundle)
    with Predictor(bundle) as predictor:
        validation = score_reviews(predictor, inputs.validation, console=console)
        thresholds, recorded = _thresholds(bundle, validation)
        flagged = _flags(validation.readings, thresholds, recorded=recorded)
        wrong = (validation.predicted != validation.labels)[~flagged]
        calibrated = measure_calibration(validation.labels, validation.probabilities)
        return Diagnosis(
            precision=predictor.precision,
            localization=localize(predictor, inputs.spliced, console=console),
            faithfulness=measure_faithfulness(
                predictor, inputs.validation, inputs.reviews, seed=inputs.seed, console=console
            ),
            other_texts=_diagnostic_text_metrics(predictor, inputs.texts, thresholds, recorded=recorded),
            baseline=inputs.baseline,
            thresholds=thresholds,
            recorded=recorded,
            flagged=round(100 * float(flagged.mean()), 2),
            error=round(100 * float(wrong.mean()), 2) if len(wrong) else 0.0,
            ece=calibrated.ece,
            chance=calibrated.chance,
        )


def check_split(bundle: Bundle) -> None:
    """Reject an IMDB model whose validation part is not the one used here.

    Raises:
        TrainingError: The model was trained with another share or seed.
    """
    document = bundle.manifest.document
    if "unlabelled_reviews" not in document.get("data", {}):
        return  # not trained on IMDB
    config = document["training"]["config"]
    if (config["validation"], config["split_seed"]) != (FRACTION, SPLIT_SEED):
        raise TrainingError(
            f"{bundle.manifest.name} was fitted with validation {config['validation']} and split_seed "
            f"{config['split_seed']}; diagnostics use the reviews held out with {FRACTION} and {SPLIT_SEED}, some of "
            f"which it was trained on",
            field="split_seed",
        )


def _thresholds(bundle: Bundle, validation: ScoredReviews) -> tuple[FittedThresholds, bool]:
    known = bundle.manifest.document.get("uncertainty")
    if known is None:
        right = validation.predicted == validation.labels
        return fit_thresholds(validation.scores, right, validation.unknown_rates), False
    return FittedThresholds(known["confidence"], known["unknown_rate"], known.get("note", "")), True


def _flags(readings: Sequence[Reading], thresholds: FittedThresholds, *, recorded: bool) -> NDArray[np.bool_]:
    """Return which predictions are uncertain; `recorded` thresholds are the manifest's and may depend on length."""
    if recorded:
        return np.array([reading.uncertain is True for reading in readings])
    return thresholds.flags(
        np.array([reading.score for reading in readings]),
        np.array([reading.encoding.unknown_tokens / reading.encoding.tokens_used for reading in readings]),
    )


def _diagnostic_text_metrics(
    predictor: Predictor, texts: Sequence[DiagnosticText], thresholds: FittedThresholds, *, recorded: bool
) -> dict[str, KindMetrics]:
    readings = predictor.read([text.text for text in texts])
    flagged = _flags(readings, thresholds, recorded=recorded)
    return evaluate_by_kind(texts, np.array([reading.label == "POSITIVE" for reading in readings]), flagged)
