"""Whether a model's timesteps tell where in a text its sentiment changes: two reviews of opposite labels, spliced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
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

SHORTEST, LONGEST = 20, 200
"""Tokens of each half; drawn anew for every half, so that the middle of a text is no good guess of its seam."""

_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Splice:
    """Two halves as one text.

    Attributes:
        text: the first half, a space, the second half.
        seam: first code point of the second half.
        first: label of the first half; the second has the other.
    """

    text: str
    seam: int
    first: int


@dataclass(frozen=True)
class Signal:
    """What one value per timestep tells.

    Attributes:
        auc: chance that a token of the positive half has a larger value than one of the negative half of the same
            text, mean over the texts.
        pooled_auc: the same, tokens of all texts together.
        seam_median: tokens from the best change point to the seam, median over the texts.
        seam_mean: the same, mean.
    """

    auc: float
    pooled_auc: float
    seam_median: float
    seam_mean: float


@dataclass(frozen=True)
class Localization:
    """Figures of one bundle.

    Attributes:
        texts: how many were read.
        scores: of the model's own predictions at each timestep.
        contributions: of the contributions; None if the model is not additive.
        middle_median: tokens from the middle of the text to the seam, median: what a guess achieves.
        middle_mean: the same, mean.
    """

    texts: int
    scores: Signal
    contributions: Signal | None
    middle_median: float
    middle_mean: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def make_splices(reviews: Sequence[Review], pairs: int, seed: int = 0) -> list[Splice]:
    """Join beginnings of reviews of opposite labels, each pair in both orders.

    Args:
        reviews: labelled; those of fewer than `SHORTEST` tokens are not used.
        pairs: how many; each takes two reviews that no other takes.
        seed: of the choice and of the lengths.

    Raises:
        DataError: there are too few reviews.
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
        predictor: the bundle, at the precision to measure.
        spliced: as `make_splices` makes them; those of which it reads one half only are left out.
        console: where to show progress; None for nowhere.

    Raises:
        DataError: it reads no text beyond its seam.
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
        raise DataError("the model reads no spliced review beyond its seam: its limit of tokens is too low to localize")
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
    """Where two constants fit a sequence best, by least squares.

    Args:
        values: [T], T at least 2.

    Returns:
        Position of the first value of the second part, 1 … T − 1; of several the first.
    """
    total, n = values.astype(np.float64), len(values)
    left = np.cumsum(total)[:-1]  # sum of the first k values, k = 1 … n − 1
    k = np.arange(1, n)
    # the residual falls by k (n − k) / n · (mean of the first k − mean of the rest)²
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
