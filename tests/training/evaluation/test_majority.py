"""What an accuracy is compared with, and the warnings about a model that is no better."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sklearn.metrics import balanced_accuracy_score

from training.evaluation.majority import balanced_accuracy, describe_majority, majority, warning


def _figure(positive: int, negative: int, false_positives: int, false_negatives: int) -> dict[str, Any]:
    total = positive + negative
    return {
        "reviews": total,
        "positive": positive,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "accuracy": 100 * (total - false_positives - false_negatives) / total,
        "interval": 2.0,
    }


@pytest.mark.parametrize(
    ("positive", "total", "expected"), [(2, 82, ("NEGATIVE", 100 * 80 / 82)), (80, 82, ("POSITIVE", 100 * 80 / 82))]
)
def test_the_commoner_class_and_its_share(positive: int, total: int, expected: tuple[str, float]) -> None:
    assert majority(positive, total) == expected
    assert f"always predicting {expected[0]} has an accuracy of 97.56 %" in describe_majority(positive, total)


@pytest.mark.parametrize(("false_positives", "false_negatives"), [(0, 2), (80, 0), (5, 1), (0, 0)])
def test_balanced_accuracy_is_that_of_scikit_learn(false_positives: int, false_negatives: int) -> None:
    truth = [1] * 2 + [0] * 80
    predicted = [0] * false_negatives + [1] * (2 - false_negatives) + [1] * false_positives + [0] * 80
    found = balanced_accuracy(2, 82, false_positives, false_negatives)
    assert found == pytest.approx(100 * balanced_accuracy_score(truth, predicted[:82]))


def test_balanced_accuracy_needs_both_classes() -> None:
    assert balanced_accuracy(0, 9, 1, 0) is None
    assert balanced_accuracy(9, 9, 0, 1) is None


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (_figure(2, 80, 0, 2), "predicts NEGATIVE for every one of the 82 reviews .2 positive, 80 negative."),
        (_figure(80, 2, 2, 0), "predicts POSITIVE for every one of the 82 reviews"),
        (_figure(50, 50, 50, 0), "predicts POSITIVE for every one of the 100 reviews"),
        (_figure(10, 90, 5, 8), "is not better than always predicting NEGATIVE: its accuracy is 87.00 %.*90.00 %"),
        (_figure(10, 90, 1, 8), "is hardly better than always predicting NEGATIVE"),
    ],
)
def test_a_useless_model_is_warned_of(figure: dict[str, Any], message: str) -> None:
    found = warning(figure)
    assert found is not None
    assert re.search(message, found)


def test_a_useful_model_and_the_figures_of_an_older_release_are_not() -> None:
    figure = _figure(10, 90, 1, 2)
    assert warning(figure) is None
    del figure["positive"]
    assert warning(figure) is None
