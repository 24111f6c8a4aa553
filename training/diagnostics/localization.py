"""Localization: whether the timesteps show where two spliced reviews of opposite labels meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from sentiline import Predictor
from sentiline.evaluation.metrics import roc_auc
from sentiline.reading import Reading
from sentiline.tokenizer import split
from training.data.review import Review
from training.errors import DataError

# The range of the length of each half in tokens; lengths are random so that the middle is a poor guess of the seam.
SHORTEST, LONGEST = 20, 200

_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Splice:
    """Two halves joined to one text.

    Attributes:
        text: The first half, a space, the second half.
        seam: The first code point of the second half.
        first: The label of the first half; the second half has the other label.
    """

    text: str
    seam: int
    first: int


@dataclass(frozen=True)
class Signal:
    """How well one value per timestep tells the halves apart.

    Attributes:
        auc: The probability that a token of the positive half has a larger value than a token of the negative half of
            the same text, averaged over the texts.
        pooled_auc: The same over the tokens of all texts together.
        seam_median: The median distance in tokens between the best change point and the seam.
        seam_mean: The mean of that distance.
    """

    auc: float
    pooled_auc: float
    seam_median: float
    seam_mean: float


@dataclass(frozen=True)
class Localization:
    """The figures of one bundle.

    Attributes:
        texts: The number of texts.
        scores: The figures of the model's predictions at each timestep.
        contributions: The figures of the contributions; None if the model is not additive.
        middle_median: The median distance in tokens between the middle of the text and the seam, a naive guess.
        middle_mean: The mean of that distance.
    """

    texts: int
    scores: Signal
    contributions: Signal | None
    middle_median: float
    middle_mean: float


def make_splices(reviews: Sequence[Review], pairs: int, seed: int = 0) -> list[Splice]:
    """Join the beginnings of reviews of opposite labels, each pair in both orders.

    Args:
        reviews: Labelled reviews; those with fewer than `SHORTEST` tokens are not used.
        pairs: The number of pairs; each uses two reviews of its own.
        seed: The seed of the pairs and the lengths.

    Raises:
        DataError: There are too few reviews.
    """
    generator = np.random.default_rng(seed)
    halves: dict[int, list[str]] = {0: [], 1: []}
    for index in generator.permutation(len(reviews)).tolist():
        review, length = reviews[index], int(generator.integers(SHORTEST, LONGEST + 1))
        _, (_, ends) = split(review.text)
        if len(ends) >= SHORTEST and len(halves[review.label]) < pairs:
            halves[review.label].append(review.text[: ends[min(length, len(ends)) - 1]])
    negative, positive = halves[0], halves[1]
    if min(len(negative), len(positive)) < pairs:
        raise DataError(
            f"{pairs} pairs need as many reviews of {SHORTEST} tokens of each label; there are {len(negative)} "
            f"negative and {len(positive)} positive ones",
            field="pairs",
        )
    found = []
    for low, high in zip(negative, positive, strict=True):
        found += [Splice(f"{low} {high}", len(low) + 1, 0), Splice(f"{high} {low}", len(high) + 1, 1)]
    return found


def localize(predictor: Predictor, spliced: Sequence[Splice], *, console: Console | None = None) -> Localization:
    """Measure a bundle on spliced reviews.

    Args:
        predictor: The bundle at the precision to measure.
        spliced: Splices made by `make_splices`; those that the bundle truncates to one half are left out.
        console: The console that shows progress; None for none.

    Raises:
        DataError: The bundle truncates every text before its seam.
    """
    shown = console or Console(quiet=True)
    read: list[tuple[Reading, NDArray[np.bool_]]] = []
    for start in track(range(0, len(spliced), _CHUNK), "spliced reviews", console=shown, transient=True):
        chunk = spliced[start : start + _CHUNK]
        for splice, reading in zip(chunk, predictor.read([one.text for one in chunk]), strict=True):
            second = reading.encoding.starts >= splice.seam  # [T]
            if 0 < second.sum() < len(second):
                read.append((reading, second == (splice.first == 0)))
    if not read:
        raise DataError(
            "the model truncates every spliced review before its seam; its token limit is too low for localization"
        )
    positive = [labels for _, labels in read]
    seams = np.array([int(np.flatnonzero(labels[1:] != labels[:-1])[0]) + 1 for labels in positive])
    middles = np.abs(np.array([len(labels) / 2 for labels in positive]) - seams)
    contributions = [reading.contributions for reading, _ in read]
    return Localization(
        texts=len(read),
        scores=_signal([reading.scores for reading, _ in read], positive, seams),
        contributions=None if contributions[0] is None else _signal(contributions, positive, seams),
        middle_median=float(np.median(middles)),
        middle_mean=round(float(middles.mean()), 2),
    )


def change_point(values: NDArray[Any]) -> int:
    """Return where two constants fit a sequence best by least squares.

    Args:
        values: [T], T at least 2.

    Returns:
        The position of the first value of the second part, 1 … T − 1; the first of several equally good ones.
    """
    total, n = values.astype(np.float64), len(values)
    left = np.cumsum(total)[:-1]  # sum of the first k values, k = 1 … n − 1
    k = np.arange(1, n)
    # The residual decreases by k (n − k) / n · (mean of the first k − mean of the rest)²
    gain = (left / k - (total.sum() - left) / (n - k)) ** 2 * k * (n - k)
    return int(np.argmax(gain)) + 1


def _signal(values: Sequence[Any], positive: Sequence[NDArray[np.bool_]], seams: NDArray[Any]) -> Signal:
    areas = [roc_auc(labels, one) for labels, one in zip(positive, values, strict=True)]
    distances = np.abs(np.array([change_point(one) for one in values]) - seams)
    return Signal(
        auc=round(float(np.mean([area for area in areas if area is not None])), 4),
        pooled_auc=round(roc_auc(np.concatenate(positive), np.concatenate(values)) or 0.0, 4),
        seam_median=float(np.median(distances)),
        seam_mean=round(float(distances.mean()), 2),
    )
