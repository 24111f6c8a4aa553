"""Accuracy next to that of always predicting the commoner class, which an accuracy alone hides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def majority(positive: int, total: int) -> tuple[str, float]:
    """Return the commoner label, and the accuracy in percent of always predicting it.

    Args:
        positive: The number of positive reviews.
        total: The number of reviews, at least 1.
    """
    label = "POSITIVE" if 2 * positive >= total else "NEGATIVE"
    return label, 100 * max(positive, total - positive) / total


def describe_majority(positive: int, total: int) -> str:
    """Say the numbers of both classes and the accuracy of always predicting the commoner one."""
    label, share = majority(positive, total)
    return (
        f"{positive:,} positive, {total - positive:,} negative; always predicting {label} has an accuracy of "
        f"{share:.2f} %"
    )


def balanced_accuracy(positive: int, total: int, false_positives: int, false_negatives: int) -> float | None:
    """Return the mean recall of both classes in percent; None if one of them has no review."""
    negative = total - positive
    if not positive or not negative:
        return None
    return 50 * ((positive - false_negatives) / positive + (negative - false_positives) / negative)


def warning(figure: Mapping[str, Any]) -> str | None:
    """Return a warning about a model that is no better than always predicting the commoner class.

    Args:
        figure: The figures of one precision, as in a manifest.

    Returns:
        The warning; None if the accuracy is significantly better, or the figures are those of an older release.
    """
    if "positive" not in figure:
        return None
    positive, total = figure["positive"], figure["reviews"]
    negative = total - positive
    label, share = majority(positive, total)
    answers_positive = positive - figure["false_negatives"] + figure["false_positives"]
    if answers_positive in (0, total):
        constant = "POSITIVE" if answers_positive else "NEGATIVE"
        return (
            f"the model predicts {constant} for every one of the {total:,} reviews ({positive:,} positive, "
            f"{negative:,} negative): its accuracy of {figure['accuracy']:.2f} % is the share of that class. "
            "It has learned nothing that tells the classes apart. Give more texts of the rarer class, or start from a "
            "trained model (--init bilstm)"
        )
    if figure["accuracy"] <= share:
        return (
            f"the model is not better than always predicting {label}: its accuracy is {figure['accuracy']:.2f} %, and "
            f"that of always predicting {label} is {share:.2f} %"
        )
    if figure["accuracy"] - figure["interval"] <= share:
        return (
            f"the model is hardly better than always predicting {label}: its accuracy is {figure['accuracy']:.2f} ± "
            f"{figure['interval']:.2f} %, and that of always predicting {label} is {share:.2f} %"
        )
    return None
