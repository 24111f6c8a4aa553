"""The data of a fit: IMDB or labelled files of the user's own, split, described, with initial weights and targets."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Protocol

from rich.console import Console

from sentiline.scoring.io.source import Source
from training.config.fit import FitConfig
from training.data import imdb, labelled_file
from training.data.review import NEUTRAL, Review
from training.data.targets import Targets
from training.errors import DataError
from training.nn.initial_weights import FinishedFit, InitialWeights
from training.supervised.warm_start import check_held_out


@dataclass(frozen=True)
class FitData:
    """The data that a fit learns from.

    Attributes:
        train: The labelled reviews to train on.
        validation: The labelled reviews that choose the epoch; they share nothing with `train`.
        unlabelled: Further texts for the vocabulary and the word vectors.
        description: JSON-ready provenance (name, counts, digests). A fit is resumed only if it is unchanged.
        initial_weights: The weights that the fit starts from; their tokenizer becomes the model's.
        targets: Token ids with a teacher's probabilities, which replace `train`.
        max_stars: The best rating on the scale of the reviews' stars.
        neutral: Neutral reviews to train on, with the target 0.5.
        neutral_validation: Neutral reviews held out with `validation`, on which cut points are fitted.
    """

    train: Sequence[Review]
    validation: Sequence[Review]
    unlabelled: Sequence[str] = ()
    description: dict[str, Any] = field(default_factory=dict)
    initial_weights: InitialWeights | None = None
    targets: Targets | None = None
    max_stars: int = 10
    neutral: Sequence[Review] = ()
    neutral_validation: Sequence[Review] = ()

    @property
    def training_texts(self) -> int:
        """The number of texts that are trained on."""
        return len((*self.train, *self.neutral) if self.targets is None else self.targets.ids)


class SplitConfig(Protocol):
    """The part of a configuration that says how to split the reviews."""

    @property
    def validation(self) -> float:
        """The share of the labelled reviews that is held out."""

    @property
    def split_seed(self) -> int:
        """The seed that decides which films are held out."""


def from_imdb(config: SplitConfig, archive: Path | None = None, *, unsupervised: bool = True) -> FitData:
    """Read IMDB's training and unlabelled reviews; the validation part shares no film with the training part.

    Args:
        config: How to split.
        archive: The path of the archive; None looks for it, see `training.data.download.locate`.
        unsupervised: Whether to return the unlabelled reviews.

    Raises:
        ArchiveError, DownloadError: As `training.data.imdb.load` raises them.
    """
    found = imdb.load(archive)
    train, validation = imdb.split(found.train, fraction=config.validation, seed=config.split_seed)
    unlabelled = found.unsup if unsupervised else ()
    description = {
        "name": "imdb (Large Movie Review Dataset v1.0)",
        "training_reviews": len(train),
        "validation_reviews": len(validation),
        "unlabelled_reviews": len(unlabelled),
        "split": f"film-disjoint, seed {config.split_seed}",
        "sha256": dict(found.digests),
    }
    return FitData(train, validation, unlabelled, description)


def with_initial_weights(data: FitData, weights: InitialWeights | None, targets: Targets | None) -> FitData:
    """Add initial weights and targets to the data, and their digests to its description.

    Raises:
        DataError: Weights and targets have different vocabularies, or as
            `training.supervised.warm_start.check_held_out` raises it.
    """
    if weights is not None and targets is not None and weights.tokenizer.vocabulary != targets.tokenizer.vocabulary:
        raise DataError(
            "the initial weights and the targets have different vocabularies; make both from the same pre-training",
            field="targets",
        )
    if isinstance(weights, FinishedFit):
        check_held_out(weights, data.description)
    added: dict[str, Any] = {}
    if weights is not None:
        added["fitted" if isinstance(weights, FinishedFit) else "encoder"] = weights.digest()
    if targets is not None:
        added |= {"targets": targets.digest(), "target_texts": len(targets.ids), "teacher": dict(targets.provenance)}
    return dataclasses.replace(data, initial_weights=weights, targets=targets, description=data.description | added)


def from_labelled_file(config: FitConfig, path: str, options: Mapping[str, Any], console: Console) -> FitData:
    """Read labelled files of the user's own, and list the rows that cannot be used on `console`.

    Args:
        config: The configuration, which says how to split.
        path: A file, a folder, a glob or a URL.
        options: Keyword arguments of `training.data.labelled_file.load`.
        console: Where the summary of the rows goes.

    Raises:
        DataError: The file can be read only once, or as `training.data.labelled_file.load` raises it.
    """
    found = labelled_file.load(path, **options)
    for source in found.sources:
        if source.once:  # to resume or export, the data is read again
            raise DataError(f"{source.name} can be read only once, and a fit needs its data again; save it to a file")
    console.print(found.summary(), highlight=False, markup=False)
    parts = labelled_file.split((*found.reviews, *found.neutral), fraction=config.validation, seed=config.split_seed)
    train, validation = ([review for review in part if review.label != NEUTRAL] for part in parts)
    neutral, neutral_validation = ([review for review in part if review.label == NEUTRAL] for part in parts)
    description = {
        "name": PurePath(path).name or path,
        "labels": found.scheme,
        "options": {name: value for name, value in sorted(options.items()) if value not in (None, False, 0)},
        "training_reviews": len(train),
        "validation_reviews": len(validation),
        **({"neutral_reviews": [len(neutral), len(neutral_validation)]} if found.neutral else {}),
        "skipped_rows": len(found.problems),
        "split": f"seed {config.split_seed}, near-duplicates together",
        "sha256": _digests(found.sources),
    }
    return FitData(
        train,
        validation,
        (),
        description,
        max_stars=5 if found.scheme == "stars5" else 10,
        neutral=neutral,
        neutral_validation=neutral_validation,
    )


def _digests(sources: Sequence[Source]) -> dict[str, str]:
    """SHA-256 of each file, by its path below the folder that all of them are in."""
    folder = os.path.commonpath([os.path.dirname(source.name) for source in sources])  # noqa: PTH120, URLs too
    digests = {}
    for source in sources:
        assert source.location is not None
        with source.location.open() as file:
            digests[os.path.relpath(source.name, folder or None)] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return digests
