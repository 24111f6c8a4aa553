"""Thresholds by length: the errors wanted in every class with as few uncertain predictions as possible."""

from __future__ import annotations

import numpy as np
import pytest

from sentiline.uncertainty import LengthThreshold, Thresholds
from training.errors import DataError
from training.evaluation.length_thresholds import class_name, fit_length_thresholds
from training.evaluation.platt import MIN_REVIEWS
from training.evaluation.risk_coverage import COVERAGES, measure_risk_coverage, risk_rows
from training.evaluation.scored_texts import ScoredTexts, sigmoid
from training.evaluation.thresholds import DEFAULT_CONFIDENCE


def drawn(count: int, seed: int = 0, *, overconfidence: float = 3.0, most: int = 100) -> ScoredTexts:
    """Texts whose logits are calibrated if they are long, and overconfident if they are short."""
    generator = np.random.default_rng(seed)
    tokens = generator.integers(1, most, count)
    logits = generator.normal(0, 4, count)
    truth = generator.random(count) < sigmoid(logits / np.where(tokens <= 8, overconfidence, 1.0))
    return ScoredTexts(
        logits=logits,
        labels=np.where(truth, 1, -1).astype(np.int8),
        tokens_total=tokens,
        tokens_used=tokens,
        unknown_tokens=np.minimum(tokens, generator.poisson(0.3, count)),
        sources=np.where(generator.random(count) < 0.3, "tweets", "reviews"),
    )


def test_every_length_reaches_the_error_with_the_smallest_threshold() -> None:
    texts = drawn(20_000)
    found = fit_length_thresholds(texts, target_error=0.05, max_flagged=0.9)
    assert found.notes == ()
    thresholds = found.thresholds
    assert [one.max_tokens for one in thresholds.lengths] == [8, 16, 32, 64]
    assert thresholds.lengths[0].confidence > thresholds.confidence, "short texts were overconfident"
    predicted, confidence = texts.verdicts()
    wrong, flags = predicted != texts.labels, texts.flags(thresholds)
    known = texts.unknown_rates <= thresholds.unknown_rate
    low = 0
    for high, limit in [*((one.max_tokens, one.confidence) for one in thresholds.lengths), (99, thresholds.confidence)]:
        members = (texts.tokens_total > low) & (texts.tokens_total <= high)
        assert wrong[members & ~flags].mean() <= 0.05
        assert (flags[members] == ((confidence < limit) | ~known)[members]).all()
        if limit > 0.5:
            assert wrong[members & known & (confidence >= limit - 0.001)].mean() > 0.05, "a lower limit would do"
        low = high


def test_no_more_than_allowed_are_uncertain_and_the_rest_is_told() -> None:
    found = fit_length_thresholds(drawn(20_000, overconfidence=20.0), target_error=0.05, max_flagged=0.3)
    assert found.notes[0].startswith("texts of up to 8 tokens: ")
    assert "more than 30 % would have to be uncertain for 5 %" in found.notes[0]
    assert found.as_dict()["note"] == "; ".join(found.notes)
    texts = drawn(20_000, overconfidence=20.0)
    short = texts.tokens_total <= 8
    assert texts.flags(found.thresholds)[short].mean() <= 0.3


def test_lengths_with_few_texts_are_joined_with_the_next() -> None:
    texts = drawn(20_000)
    few = (texts.tokens_total > 8) | (np.cumsum(texts.tokens_total <= 8) < MIN_REVIEWS)
    found = fit_length_thresholds(texts.take(few))
    assert [one.max_tokens for one in found.thresholds.lengths] == [16, 32, 64]
    few = (texts.tokens_total <= 32) | (np.cumsum(texts.tokens_total > 32) < MIN_REVIEWS)
    found = fit_length_thresholds(texts.take(few))
    assert [one.max_tokens for one in found.thresholds.lengths] == [8, 16]


def test_too_few_texts_get_the_defaults() -> None:
    found = fit_length_thresholds(drawn(MIN_REVIEWS - 1))
    assert found.thresholds == Thresholds(DEFAULT_CONFIDENCE, 0.25, (), 0.25)
    assert "199 texts are too few to fit thresholds" in found.notes[0]
    with pytest.raises(DataError, match="no text with a usable label"):
        fit_length_thresholds(drawn(50).take(np.zeros(50, bool)))


def test_perfect_predictions_are_all_certain() -> None:
    texts = drawn(3000)
    right = ScoredTexts(
        texts.logits,
        np.where(texts.logits >= 0, 1, -1).astype(np.int8),
        texts.tokens_total,
        texts.tokens_used,
        0 * texts.unknown_tokens,
        texts.sources,
    )
    thresholds = fit_length_thresholds(right).thresholds
    assert {thresholds.confidence, *(one.confidence for one in thresholds.lengths)} == {0.5}
    assert not right.flags(thresholds).any()


def test_neutral_texts_matter_only_with_cut_points() -> None:
    texts = drawn(5000)
    labels = texts.labels.copy()
    labels[:1000] = 0
    mixed = ScoredTexts(
        texts.logits, labels, texts.tokens_total, texts.tokens_used, texts.unknown_tokens, texts.sources
    )
    assert fit_length_thresholds(mixed) == fit_length_thresholds(texts.take(np.arange(5000) >= 1000))


def test_risk_by_group_is_that_of_a_loop() -> None:
    texts = drawn(4000)
    thresholds = Thresholds(0.7, 0.5, (LengthThreshold(8, 0.9),), 0.25)
    found = measure_risk_coverage(texts, thresholds)
    predicted, confidence = texts.verdicts()
    wrong, flags = predicted != texts.labels, texts.flags(thresholds)
    assert [group.name for group in found.sources] == ["reviews", "tweets"]
    assert [group.name for group in found.lengths][:2] == ["up to 8 tokens", "9 to 16 tokens"]
    assert sum(group.texts for group in found.lengths) == sum(group.texts for group in found.sources) == 4000
    for group in found.sources:
        members = texts.sources == group.name
        assert group.error == pytest.approx(100 * wrong[members].mean(), abs=0.01)
        assert group.flagged == pytest.approx(100 * flags[members].mean(), abs=0.01)
        assert group.certain_error == pytest.approx(100 * wrong[members & ~flags].mean(), abs=0.01)
        ranked = wrong[members][np.argsort(-confidence[members], kind="stable")]
        assert group.risk == pytest.approx(
            [100 * ranked[: round(len(ranked) * share / 100)].mean() for share in COVERAGES], abs=0.01
        )
        assert group.risk[-1] == group.error
    rows = risk_rows(found.as_dict()["lengths"])
    assert {len(row) for row in rows} == {5 + len(COVERAGES)}
    without = measure_risk_coverage(texts, None)
    assert risk_rows(without.as_dict()["sources"])[0][3:5] == ("-", "-")


def test_length_classes_have_names() -> None:
    assert [class_name([8, 16], place) for place in range(3)] == [
        "up to 8 tokens",
        "9 to 16 tokens",
        "more than 16 tokens",
    ]
    assert class_name([], 0) == "any length"
