"""The batches of a fit. They follow from the seed and the number of the epoch, so that a resumed fit sees the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training.config.fit import FitConfig
from training.data.crops import with_crops
from training.data.dataset import Dataset, bucketed_batches, pad
from training.data.spans import SpanSampler
from training.data.splices import Splicer

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Everything that the steps of a fit see.

    Attributes:
        dataset: The encoded training reviews.
        texts: The raw texts of the same reviews, from which crops are cut.
        tokenizer: The tokenizer that encodes the crops.
        unlabelled: The token ids of the unlabelled reviews, int32 [n_i]; empty where the configuration uses none.
        splicer: The source of splices; None where the configuration uses none.
        sampler: The source of texts with spans; None where the configuration uses none.
    """

    dataset: Dataset
    texts: Sequence[str]
    tokenizer: Tokenizer
    unlabelled: Sequence[Ids]
    splicer: Splicer | None
    sampler: SpanSampler | None = None


@dataclass(frozen=True, eq=False)
class Batch:
    """The arguments of `Trainer.step`, which describes them."""

    ids: Ids
    lengths: NDArray[np.int32]
    labels: NDArray[Any]
    unlabelled: Sequence[NDArray[Any]] = ()
    spliced: Sequence[NDArray[Any]] = ()
    spans: Sequence[NDArray[Any]] = ()


class EpochBatches:
    """The batches of one epoch, in order.

    Attributes:
        reviews: The number of reviews in the epoch.
    """

    def __init__(self, config: FitConfig, data: TrainingData, epoch: int) -> None:
        """Shuffle the reviews.

        Args:
            config: The configuration.
            data: The reviews.
            epoch: The number of the epoch, from 0.
        """
        self._seed = [config.seed, epoch]
        self._data = data
        self._documents: Sequence[Ids] = data.dataset.ids
        if config.crops:
            self._documents = with_crops(
                self._documents, data.texts, config.crops, data.tokenizer, np.random.default_rng([*self._seed, 1])
            )
        lengths = np.array([len(document) for document in self._documents], np.int32)
        self.reviews = len(lengths)
        self._order = bucketed_batches(lengths, config.batch_size, np.random.default_rng(self._seed))
        self._unlabelled = _unlabelled_batches(
            data.unlabelled, self._order, lengths, np.random.default_rng([*self._seed, 2])
        )

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, number: int) -> Batch:
        chosen = self._order[number]
        ids, lengths = pad([self._documents[index] for index in chosen])
        unlabelled: Sequence[NDArray[Any]] = ()
        spliced: Sequence[NDArray[Any]] = ()
        spans: Sequence[NDArray[Any]] = ()
        if self._unlabelled:
            unlabelled = pad([self._data.unlabelled[index] for index in self._unlabelled[number]])
        if self._data.splicer is not None:
            spliced = self._data.splicer.draw(np.random.default_rng([*self._seed, 3, number]))
        if self._data.sampler is not None:
            spans = self._data.sampler.draw(np.random.default_rng([*self._seed, 4, number])).arrays()
        return Batch(ids, lengths, self._data.dataset.labels[chosen], unlabelled, spliced, spans)


def _unlabelled_batches(
    unlabelled: Sequence[Ids],
    order: Sequence[NDArray[np.intp]],
    lengths: NDArray[np.int32],
    generator: np.random.Generator,
) -> list[NDArray[np.intp]]:
    """Draw for each labelled batch as many unlabelled reviews of about the same length; [] if there are none."""
    if not unlabelled:
        return []
    count = sum(len(batch) for batch in order)
    drawn = generator.choice(len(unlabelled), count, replace=count > len(unlabelled))
    drawn = drawn[np.argsort([len(unlabelled[index]) for index in drawn], kind="stable")]
    batches: list[NDArray[np.intp]] = [drawn[:0]] * len(order)
    start = 0
    for number in np.argsort([lengths[batch].mean() for batch in order], kind="stable"):
        batches[number] = drawn[start : start + len(order[number])]
        start += len(order[number])
    return batches
