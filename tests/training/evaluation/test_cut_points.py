"""Cut points against drawn truth: recovered, balanced, deterministic, and refused where they cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sentiline.cut_points import CutPoints, label_of
from sentiline.evaluation.three_way import three_way_metrics
from training.errors import DataError
from training.evaluation.cut_points import MIN_TEXTS, fit_cut_points, measure_three_way
from training.evaluation.scored_texts import ScoredTexts, three_probabilities


def drawn(count: int, negative: float, positive: float, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits, and labels drawn with the probabilities of these cut points."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, count)
    shares = three_probabilities(logits, negative, positive).cumsum(axis=1)
    return logits, (generator.random(count)[:, None] > shares[:, :2]).sum(axis=1) - 1


def texts(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> ScoredTexts:
    ones = np.ones(len(logits), np.int64)
    return ScoredTexts(logits, labels.astype(np.int8), 9 * ones, 9 * ones, 0 * ones, np.full(len(logits), "drawn"))


def balanced_loss(logits: NDArray[np.float64], labels: NDArray[np.int64], low: float, high: float) -> float:
    shares = three_probabilities(logits, low, high)
    return -sum(float(np.log(shares[labels == label, label + 1]).mean()) for label in (-1, 0, 1))


@pytest.mark.parametrize(("negative", "positive"), [(-1.0, 1.0), (0.2, 2.6), (-2.5, -0.5)])
def test_drawn_cut_points_are_found_where_the_classes_are_balanced(negative: float, positive: float) -> None:
    logits, labels = drawn(200_000, negative, positive)
    counts = [int((labels == label).sum()) for label in (-1, 0, 1)]
    weight = min(counts)
    unweighted = fit_cut_points(logits, labels)
    # as many of each class, drawn at random: the balanced weights must not change what is fitted
    chosen = np.concatenate([np.flatnonzero(labels == label)[:weight] for label in (-1, 0, 1)])
    same = fit_cut_points(logits[chosen], labels[chosen])
    assert (same.negative, same.positive) == pytest.approx((unweighted.negative, unweighted.positive), abs=0.05)
    assert unweighted.negative < (negative + positive) / 2 < unweighted.positive


def test_symmetric_classes_give_symmetric_cut_points() -> None:
    logits, labels = drawn(20_000, -1.0, 1.0)
    both = fit_cut_points(np.concatenate([logits, -logits]), np.concatenate([labels, -labels]))
    assert both.negative == pytest.approx(-both.positive, abs=1e-5)


def test_no_other_cut_points_have_a_lower_balanced_loss() -> None:
    logits, labels = drawn(3000, -0.7, 1.9)
    found = fit_cut_points(logits, labels)
    least = balanced_loss(logits, labels, found.negative, found.positive)
    for low in np.linspace(-0.3, 0.3, 7):
        for high in np.linspace(-0.3, 0.3, 7):
            assert least <= balanced_loss(logits, labels, found.negative + low, found.positive + high) + 1e-9


def test_the_shares_of_the_classes_do_not_matter() -> None:
    logits, labels = drawn(100_000, -1.0, 1.0)
    rare = (labels != 0) | (np.random.default_rng(1).random(len(labels)) < 0.05)
    one, other = fit_cut_points(logits, labels), fit_cut_points(logits[rare], labels[rare])
    assert (other.negative, other.positive) == pytest.approx((one.negative, one.positive), abs=0.1)


def test_the_fit_is_deterministic() -> None:
    logits, labels = drawn(2000, -1.0, 1.0)
    order = np.random.default_rng(3).permutation(2000)
    assert fit_cut_points(logits, labels) == fit_cut_points(logits, labels)
    again = fit_cut_points(logits[order], labels[order])
    assert (again.negative, again.positive) == pytest.approx(
        (fit_cut_points(logits, labels).negative, fit_cut_points(logits, labels).positive), abs=1e-5
    )


def test_too_few_texts_of_a_class_are_refused() -> None:
    logits, labels = drawn(2000, -1.0, 1.0)
    few = (labels != 0) | (np.cumsum(labels == 0) < MIN_TEXTS)
    with pytest.raises(DataError, match=f"{MIN_TEXTS - 1} neutral texts; cut points need at least {MIN_TEXTS}"):
        fit_cut_points(logits[few], labels[few])


def test_classes_apart_have_cut_points_between_them() -> None:
    labels = np.repeat([-1, 0, 1], 200)
    for scale in (3.0, 20.0, 1000.0):
        found = fit_cut_points(scale * labels, labels)
        assert -scale < found.negative < 0 < found.positive < scale


def test_logits_in_the_wrong_order_are_refused() -> None:
    labels = np.repeat([-1, 0, 1], 200)
    with pytest.raises(DataError, match="the logits do not put the classes in order"):
        fit_cut_points(-10.0 * labels + np.tile(np.linspace(-1, 1, 200), 3), labels)


def test_figures_are_those_of_the_counts() -> None:
    logits, labels = drawn(5000, -1.0, 1.0)
    cut_points = CutPoints(-1.0, 1.0)
    found = measure_three_way(texts(logits, labels), cut_points)
    predicted = three_probabilities(logits, -1.0, 1.0).argmax(axis=1) - 1
    recalls = [100 * float((predicted[labels == label] == label).mean()) for label in (-1, 0, 1)]
    assert list(found.recall.values()) == pytest.approx(recalls, abs=1e-3)
    assert found.macro_recall == pytest.approx(np.mean(recalls), abs=1e-3)
    assert found.accuracy == pytest.approx(100 * float((predicted == labels).mean()), abs=1e-3)
    assert [sum(row) for row in found.confusion] == list(found.texts.values())
    shared = three_way_metrics(np.array(found.confusion))
    assert shared.macro_recall == pytest.approx(found.macro_recall / 100, abs=1e-5)


def test_columns_predict_as_readings_do() -> None:
    logits = np.linspace(-6, 6, 241)
    cut_points = CutPoints(-0.5, 1.5)
    labels, confidence = texts(logits, np.zeros(241, np.int64)).verdicts(cut_points)
    names = {"NEGATIVE": -1, "NEUTRAL": 0, "POSITIVE": 1}
    expected = [label_of(cut_points.probabilities(float(logit))) for logit in logits]
    assert labels.tolist() == [names[label] for label, _, _ in expected]
    assert confidence.tolist() == pytest.approx([one for _, _, one in expected])
