"""Metrics against scikit-learn and scipy, and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sklearn_metrics
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support, roc_auc_score

from sentiline.evaluation.metrics import (
    best_threshold,
    brier_score,
    calibration_bins,
    class_metrics,
    confusion_matrix,
    expected_calibration_error,
    roc_auc,
)
from sentiline.wilson import wilson

Case = tuple[NDArray[np.bool_], NDArray[np.float32]]


def draw(seed: int, size: int, decimals: int) -> Case:
    """Labels and probabilities; few decimals make many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < 0.4
    positive = np.clip(rng.normal(0.4 + 0.2 * labels, 0.25), 0, 1).round(decimals).astype(np.float32)
    return labels, positive


@pytest.mark.parametrize("decimals", [1, 7])
def test_metrics_equal_those_of_scikit_learn(decimals: int) -> None:
    labels, positive = draw(3, 700, decimals)
    predicted = positive >= 0.5
    confusion = confusion_matrix(labels, predicted)
    expected = sklearn_metrics.confusion_matrix(labels, predicted)
    assert [
        [confusion.true_negatives, confusion.false_positives],
        [confusion.false_negatives, confusion.true_positives],
    ] == expected.tolist()
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted)
    computed = class_metrics(confusion.true_positives, int(predicted.sum()), int(labels.sum()))
    assert computed.precision == pytest.approx(precision[1], abs=1e-12)
    assert computed.recall == pytest.approx(recall[1], abs=1e-12)
    assert computed.f1 == pytest.approx(f1[1], abs=1e-12)
    assert computed.support == support[1]
    assert roc_auc(labels, positive) == pytest.approx(roc_auc_score(labels, positive), abs=1e-12)
    assert brier_score(labels, positive) == pytest.approx(
        brier_score_loss(labels, positive.astype(np.float64)), abs=1e-12
    )


@given(st.integers(1, 2_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
@settings(max_examples=60, deadline=None)
def test_the_interval_equals_the_wilson_interval_of_scipy(case: tuple[int, int]) -> None:
    hits, total = case
    expected = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    low, high = wilson(hits, total)
    assert low == pytest.approx(expected.low, abs=1e-9)
    assert high == pytest.approx(expected.high, abs=1e-9)


def test_calibration_equals_that_of_a_plain_loop() -> None:
    labels, positive = draw(4, 500, 7)
    positive[:3] = (1.0, 0.0, 0.1)
    bins = calibration_bins(labels, positive)
    members: list[list[int]] = [[] for _ in range(10)]
    for index, value in enumerate(positive.tolist()):
        members[min(int(value * 10), 9)].append(index)
    gap = 0.0
    for found, inside in zip(bins, members, strict=True):
        assert found.count == len(inside)
        if inside:
            observed = sum(bool(labels[index]) for index in inside) / len(inside)
            predicted = sum(float(positive[index]) for index in inside) / len(inside)
            assert (found.predicted, found.observed) == pytest.approx((predicted, observed), abs=1e-9)
            gap += len(inside) / 500 * abs(observed - predicted)
    assert expected_calibration_error(bins) == pytest.approx(gap, abs=1e-9)
    assert gap > 0.01


@given(st.integers(0, 10_000), st.integers(1, 30), st.sampled_from([1, 2, 7]))
@settings(max_examples=80, deadline=None)
def test_no_threshold_is_better_than_the_best_threshold(seed: int, size: int, decimals: int) -> None:
    labels, positive = draw(seed, size, decimals)
    found = best_threshold(labels, positive)
    cuts = [0.0, 0.5, 2.0, *positive.tolist(), *(positive + 1e-6).tolist()]
    accuracies = [float(np.mean((positive >= cut) == labels)) for cut in cuts]
    assert found.accuracy == pytest.approx(max(accuracies), abs=1e-12)
    assert found.accuracy == pytest.approx(float(np.mean((positive.astype(float) >= found.value) == labels)))
    if accuracies[1] == max(accuracies):
        assert found.value == 0.5
    assert (found.cross_validated is None) == (size < 5)


def test_cross_validated_accuracy_is_unbiased() -> None:
    """With random scores the best threshold beats chance on the rows that chose it, and only there."""
    rng = np.random.default_rng(0)
    gains, held = [], []
    for _ in range(40):
        labels, positive = rng.random(60) < 0.5, rng.random(60)
        found = best_threshold(labels, positive)
        assert found.cross_validated is not None
        gains.append(found.accuracy - 0.5)
        held.append(found.cross_validated - 0.5)
    assert np.mean(gains) > 0.08
    assert abs(np.mean(held)) < 0.05


def test_metrics_of_one_class_alone() -> None:
    labels, positive = np.ones(3, bool), np.array([0.2, 0.9, 1.0], np.float32)
    assert roc_auc(labels, positive) is None
    assert best_threshold(labels, positive).accuracy == 1
    assert class_metrics(0, 0, 0) == class_metrics(0, 0, 0).__class__(None, None, None, 0)
    assert best_threshold(~labels, positive).value > 1.0  # nothing is predicted as positive, not even P(positive) = 1
    assert best_threshold(~labels, positive).accuracy == 1
