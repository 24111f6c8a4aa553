"""Faithfulness: how far the prediction changes when the tokens with the largest contributions are deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from sentiline import Predictor
from sentiline.reading import Reading
from sentiline.tokenizer import Encoding
from training.data.review import Review
from training.errors import DataError

DELETED = (1, 2, 5, 10)
_DRAWS = 5

Array = NDArray[Any]
# Computes the logits, float64 [n], of n sequences of token ids.
Logits = Callable[[Sequence[Array]], Array]


@dataclass(frozen=True)
class Faithfulness:
    """The figures of one bundle; each list has one entry per element of `deleted`.

    Attributes:
        reviews: The number of reviews.
        ranked_by: "contributions", or "scores" if the model has no contributions.
        deleted: The numbers of deleted tokens.
        drop: The mean change of the logit against the predicted label after deleting the tokens that support it most.
        flipped: The share of predictions that change, in percent.
        random_drop: As `drop`, for random tokens.
        random_flipped: As `flipped`, for random tokens.
    """

    reviews: int
    ranked_by: str
    deleted: list[int]
    drop: list[float]
    flipped: list[float]
    random_drop: list[float]
    random_flipped: list[float]


def logit_drops(logits: Logits, ids: Array, logit: float, orders: Sequence[Array], counts: Sequence[int]) -> Array:
    """Return how far the logit moves away from the predicted label as tokens are deleted.

    Args:
        logits: Computes the logits of sequences.
        ids: int32 [T], the whole text.
        logit: The logit of the whole text.
        orders: Orders in which to delete the positions.
        counts: The numbers of tokens to delete, each less than T.

    Returns:
        float64 [len(orders), len(counts)]; a value of at least |logit| changes the label.
    """
    shortened = [np.delete(ids, order[:count]) for order in orders for count in counts]
    moved = (logit - logits(shortened)).reshape(len(orders), len(counts))
    return np.asarray(moved * (1 if logit >= 0 else -1))


def measure_faithfulness(
    predictor: Predictor, reviews: Sequence[Review], count: int, *, seed: int = 0, console: Console | None = None
) -> Faithfulness:
    """Measure a bundle.

    Args:
        predictor: The bundle at the precision to measure.
        reviews: Reviews to sample from; those with too few tokens are left out.
        count: The largest number of reviews.
        seed: The seed of the sample and of the random deletions.
        console: The console that shows progress; None for none.

    Raises:
        DataError: No review is long enough.
    """
    shown = console or Console(quiet=True)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(reviews))[: 2 * count]
    read = [one for one in predictor.read_each([reviews[i].text for i in order]) if isinstance(one, Reading)]
    chosen = [reading for reading in read if reading.encoding.tokens_used > max(DELETED)][:count]
    if not chosen:
        raise DataError(f"no review has more than the {max(DELETED)} tokens to be deleted", field="reviews")

    def logits(sequences: Sequence[Array]) -> Array:
        return np.array([predictor.run(_encoding(ids))["logit"][0] for ids in sequences], np.float64)

    drops, flips = [], []
    for reading in track(chosen, "deleting tokens", console=shown, transient=True):
        values = reading.scores if reading.contributions is None else reading.contributions
        ids, sign = reading.encoding.ids, 1 if reading.logit >= 0 else -1
        orders = [np.argsort(-sign * values, kind="stable")]
        orders += [generator.permutation(len(ids)) for _ in range(_DRAWS)]
        moved = logit_drops(logits, ids, reading.logit, orders, DELETED)
        flipped = (reading.logit - sign * moved >= 0) != (reading.logit >= 0)
        drops.append([moved[0], moved[1:].mean(axis=0)])
        flips.append([flipped[0], flipped[1:].mean(axis=0)])
    drop, share = np.mean(drops, axis=0), 100 * np.mean(flips, axis=0)  # [2, len(DELETED)]
    return Faithfulness(
        reviews=len(chosen),
        ranked_by="scores" if chosen[0].contributions is None else "contributions",
        deleted=list(DELETED),
        drop=drop[0].round(4).tolist(),
        flipped=share[0].round(2).tolist(),
        random_drop=drop[1].round(4).tolist(),
        random_flipped=share[1].round(2).tolist(),
    )


def _encoding(ids: Array) -> Encoding:
    """Wrap token ids that correspond to no text."""
    no_offsets = np.zeros(len(ids), np.int32)
    return Encoding(ids, len(ids), lambda: (no_offsets, no_offsets))
