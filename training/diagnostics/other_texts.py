"""Metrics of a classifier on the diagnostic texts, by kind of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiline.wilson import wilson
from training.diagnostics.texts import KINDS, DiagnosticText

# The name of the classifier that every model is compared with; see `training.diagnostics.baseline`.
BASELINE = "tf-idf (1,2) + LR"


@dataclass(frozen=True)
class KindMetrics:
    """The metrics on the texts of one kind; shares are in percent.

    Attributes:
        texts: The number of texts.
        accuracy: The share of correct labels; None for kinds without labels.
        interval: The ends of the 95 % Wilson interval of the accuracy; None for kinds without labels.
        both_right: The share of pairs with two correct labels; None for kinds without pairs.
        flagged: The share marked as uncertain; None for a classifier without thresholds.
    """

    texts: int
    accuracy: float | None
    interval: list[float] | None
    both_right: float | None
    flagged: float | None


def evaluate_by_kind(
    texts: Sequence[DiagnosticText], predicted: NDArray[np.bool_], uncertain: NDArray[np.bool_] | None = None
) -> dict[str, KindMetrics]:
    """Compute the metrics of each kind that has texts, in the order of `KINDS`.

    Args:
        texts: N diagnostic texts.
        predicted: [N], whether each text is predicted positive.
        uncertain: [N], whether each prediction is marked as uncertain; None without thresholds.
    """
    right = np.array(
        [text.label is not None and bool(text.label) == bool(positive) for text, positive in _both(texts, predicted)]
    )
    found = {}
    for kind in KINDS:
        members = np.array([text.kind == kind for text in texts])
        count = int(members.sum())
        if not count:
            continue
        labelled = all(text.label is not None for text in texts if text.kind == kind)
        hits = int(right[members].sum())
        found[kind] = KindMetrics(
            texts=count,
            accuracy=round(100 * hits / count, 2) if labelled else None,
            interval=[round(100 * end, 2) for end in wilson(hits, count)] if labelled else None,
            both_right=_both_right([(text.pair, hit) for text, hit in _both(texts, right) if text.kind == kind]),
            flagged=None if uncertain is None else round(100 * float(uncertain[members].mean()), 2),
        )
    return found


def _both(texts: Sequence[DiagnosticText], values: NDArray[np.bool_]) -> list[tuple[DiagnosticText, bool]]:
    return list(zip(texts, values.tolist(), strict=True))


def _both_right(members: Sequence[tuple[str, bool]]) -> float | None:
    pairs: dict[str, bool] = {}
    for pair, right in members:
        if pair:
            pairs[pair] = pairs.get(pair, True) and right
    return round(100 * sum(pairs.values()) / len(pairs), 2) if pairs else None
