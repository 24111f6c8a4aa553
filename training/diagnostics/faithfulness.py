"""Whether a verdict hangs on the tokens that a model points at: they are deleted, and it reads the text again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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
Logits = Callable[[Sequence[Array]], Array]
"""Logits float64 [n] of n sequences of token ids."""


@dataclass(frozen=True)
class Faithfulness:
    """Figures of one bundle; lists have an entry for each of `deleted`.

    Attributes:
        reviews: how many were read.
        ranked_by: "contributions", or "scores" where the model has no contributions.
        deleted: numbers of tokens deleted.
        drop: how far the logit moves away from the verdict without the tokens that point to it most; mean.
        flipped: share of the verdicts that change, in percent.
        random_drop: the same as `drop`, without random tokens.
        random_flipped: the same as `flipped`, without random tokens.
    """

    reviews: int
    ranked_by: str
    deleted: list[int]
    drop: list[float]
    flipped: list[float]
    random_drop: list[float]
    random_flipped: list[float]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def moves(logits: Logits, ids: Array, logit: float, orders: Sequence[Array], counts: Sequence[int]) -> Array:
    """How far the logit moves away from the verdict as tokens are deleted.

    Args:
        logits: of sequences.
        ids: int32 [T], the whole text.
        logit: of the whole text.
        orders: the positions of the tokens, first to be deleted first.
        counts: how many to delete, each less than T.

    Returns:
        float64 [len(orders), len(counts)]; at least |logit| where the verdict has changed.
    """
    shortened = [np.delete(ids, order[:count]) for order in orders for count in counts]
    moved = (logit - logits(shortened)).reshape(len(orders), len(counts))
    return np.asarray(moved * (1 if logit >= 0 else -1))


def measure_faithfulness(
    predictor: Predictor, reviews: Sequence[Review], count: int, *, seed: int = 0, console: Console | None = None
) -> Faithfulness:
    """Measure a bundle.

    Args:
        predictor: the bundle, at the precision to measure.
        reviews: of which random ones are taken, those of too few tokens left out.
        count: how many to take at most.
        seed: of the choice and of the random deletions.
        console: where to show progress; None for nowhere.

    Raises:
        DataError: no review is long enough.
    """
    shown = console or Console(quiet=True)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(reviews))[: 2 * count]
    read = [one for one in predictor.read_each([reviews[i].text for i in order]) if isinstance(one, Reading)]
    chosen = [reading for reading in read if reading.encoding.tokens_used > max(DELETED)][:count]
    if not chosen:
        raise DataError(f"no review has more than the {max(DELETED)} tokens that are to be deleted", field="reviews")

    def logits(sequences: Sequence[Array]) -> Array:
        return np.array([predictor.run(_encoding(ids))["logit"][0] for ids in sequences], np.float64)

    drops, flips = [], []
    for reading in track(chosen, "deleting tokens", console=shown, transient=True):
        values = reading.scores if reading.contributions is None else reading.contributions
        ids, verdict = reading.encoding.ids, 1 if reading.logit >= 0 else -1
        orders = [np.argsort(-verdict * values, kind="stable")]
        orders += [generator.permutation(len(ids)) for _ in range(_DRAWS)]
        moved = moves(logits, ids, reading.logit, orders, DELETED)
        flipped = (reading.logit - verdict * moved >= 0) != (reading.logit >= 0)
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
    """Token ids that no text stands for."""
    nowhere = np.zeros(len(ids), np.int32)
    return Encoding(ids, len(ids), lambda: (nowhere, nowhere))
