"""The thresholds against their definitions, by plain loops; small and perfect validation parts have stand-ins."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluation.platt import MIN_REVIEWS
from training.evaluation.thresholds import (
    DEFAULT_CONFIDENCE,
    MAX_FLAGGED,
    MIN_UNKNOWN_RATE,
    FittedThresholds,
    fit_thresholds,
)


def _drawn(count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Calibrated verdicts."""
    generator = np.random.default_rng(seed)
    scores = 1 - 0.5 * generator.random(count) ** 3
    return scores, generator.random(count) < scores


def test_confidence_is_the_smallest_at_which_the_errors_halve() -> None:
    scores, right = _drawn(2000)
    found = fit_thresholds(scores, right, np.zeros(2000))
    error = 1 - right.mean()
    halving = [
        step / 1000 for step in range(500, 1001) if (scores >= step / 1000).any()
        and 1 - right[scores >= step / 1000].mean() <= error / 2
    ]  # fmt: skip
    assert found.confidence == halving[0] > 0.5
    assert found.note == ""
    flagged = found.flags(scores, np.zeros(2000))
    assert (flagged == (scores < found.confidence)).all()
    assert 0 < flagged.mean() <= MAX_FLAGGED


def test_at_most_half_of_the_reviews_are_flagged() -> None:
    generator = np.random.default_rng(0)
    scores, right = 0.5 + 0.5 * generator.random(1000), generator.random(1000) < 0.6  # scores say nothing
    found = fit_thresholds(scores, right, np.zeros(1000))
    assert "cannot be halved without marking more than 50% of the validation reviews" in found.note
    assert (scores < found.confidence).mean() <= MAX_FLAGGED < (scores < found.confidence + 0.001).mean() + 0.01


def test_the_unknown_rate_covers_all_but_a_thousandth() -> None:
    scores, right = _drawn(3000)
    unknown = np.linspace(0, 0.4, 3000)
    found = fit_thresholds(scores, right, unknown)
    assert found.unknown_rate == 0.4
    assert (unknown > found.unknown_rate).mean() <= 0.001
    assert fit_thresholds(scores, right, unknown / 4).unknown_rate == MIN_UNKNOWN_RATE


def test_either_threshold_flags() -> None:
    found = FittedThresholds(0.8, 0.25)
    scores, unknown = np.array([0.9, 0.8, 0.79, 0.9, 0.6]), np.array([0.25, 0.0, 0.0, 0.26, 0.9])
    assert found.flags(scores, unknown).tolist() == [False, False, True, True, True]
    assert found.as_dict() == {"confidence": 0.8, "unknown_rate": 0.25}


def test_few_reviews_have_a_stated_convention() -> None:
    scores, right = _drawn(MIN_REVIEWS - 1)
    found = fit_thresholds(scores, right, np.zeros(MIN_REVIEWS - 1))
    assert found.confidence == DEFAULT_CONFIDENCE
    assert "199 validation reviews are too few to fit a confidence" in found.as_dict()["note"]


@pytest.mark.parametrize("score", [0.5, 0.7, 1.0])
def test_no_score_is_uncertain_if_all_predictions_are_correct(score: float) -> None:
    found = fit_thresholds(np.full(300, score), np.ones(300, bool), np.zeros(300))
    assert found.confidence == 0.5
    assert "all 300 validation predictions are correct" in found.note
    assert not found.flags(np.full(300, score), np.zeros(300)).any()


def test_thresholds_can_be_fitted_if_all_predictions_are_wrong() -> None:
    found = fit_thresholds(np.full(300, 0.7), np.zeros(300, bool), np.ones(300))
    assert 0.5 <= found.confidence <= 1
    assert found.unknown_rate == 1
    assert found.note
