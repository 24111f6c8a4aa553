"""What a fit learns from: IMDB, or a labelled file of the user's own, split and described; no TensorFlow."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from training.config.presets import FitConfig
from training.data import imdb, labelled_file
from training.data.review import Review
from training.data.targets import Targets
from training.errors import DataError
from training.supervised.warm_start import Fitted, Start, check_held_out


@dataclass(frozen=True)
class FitData:
    """What a fit learns from.

    Attributes:
        train: labelled reviews to train on.
        validation: labelled reviews to choose by; they share nothing with `train`.
        unlabelled: further texts for vocabulary and word vectors.
        description: JSON-ready provenance (name, counts, digests); a resumed fit must find it unchanged.
        start: weights to begin with; their tokenizer is the model's.
        targets: token ids with a teacher's verdicts, to learn from instead of `train`.
        top: the best rating on the scale of the reviews' stars.
    """

    train: Sequence[Review]
    validation: Sequence[Review]
    unlabelled: Sequence[str] = ()
    description: dict[str, Any] = field(default_factory=dict)
    start: Start | None = None
    targets: Targets | None = None
    top: int = 10


class Split(Protocol):
    """What a recipe says of the validation part."""

    @property
    def validation(self) -> float:
        """Share of the labelled reviews."""

    @property
    def split_seed(self) -> int:
        """Decides which films are held out."""


def from_imdb(recipe: Split, archive: Path | None = None, *, unsupervised: bool = True) -> FitData:
    """IMDB's train and unsup; the validation part shares no film with the training part.

    Args:
        recipe: how to split.
        archive: the archive; None finds it.
        unsupervised: whether unsup is of use.

    Raises:
        ArchiveError, DownloadError: see `training.data.imdb.load`.
    """
    found = imdb.load(archive)
    train, validation = imdb.split(found.train, fraction=recipe.validation, seed=recipe.split_seed)
    unlabelled = found.unsup if unsupervised else ()
    description = {
        "name": "imdb (Large Movie Review Dataset v1.0)",
        "training_reviews": len(train),
        "validation_reviews": len(validation),
        "unlabelled_reviews": len(unlabelled),
        "split": f"film-disjoint, seed {recipe.split_seed}",
        "sha256": dict(found.digests),
    }
    return FitData(train, validation, unlabelled, description)


def with_start(data: FitData, start: Start | None, targets: Targets | None) -> FitData:
    """The data with what a fit begins from and learns from, and with their digests in its description.

    Raises:
        DataError: weights and targets have different vocabularies, or as
            `training.supervised.warm_start.check_held_out` says.
    """
    if start is not None and targets is not None and start.tokenizer.vocabulary != targets.tokenizer.vocabulary:
        raise DataError(
            "the weights to begin with and the targets have different vocabularies; make both from one pre-training",
            field="targets",
        )
    if isinstance(start, Fitted):
        check_held_out(start, data.description)
    added: dict[str, Any] = {}
    if start is not None:
        added["fitted" if isinstance(start, Fitted) else "encoder"] = start.digest()
    if targets is not None:
        added |= {"targets": targets.digest(), "target_texts": len(targets.ids), "teacher": dict(targets.provenance)}
    return dataclasses.replace(data, start=start, targets=targets, description=data.description | added)


def from_labelled_file(config: FitConfig, path: Path, options: Mapping[str, Any], console: Console) -> FitData:
    """A labelled file of the user's own; rows that cannot be used are listed on `console`.

    Args:
        config: the recipe, for the split.
        path: CSV, TSV, JSON Lines or Parquet.
        options: of `training.data.labelled_file.load`.
        console: where the summary of the rows goes.

    Raises:
        DataError: see `training.data.labelled_file.load`.
    """
    found = labelled_file.load(path, **options)
    console.print(found.summary(), highlight=False, markup=False)
    train, validation = labelled_file.split(found.reviews, fraction=config.validation, seed=config.split_seed)
    description = {
        "name": path.name,
        "labels": found.scheme,
        "options": {name: value for name, value in sorted(options.items()) if value is not None},
        "training_reviews": len(train),
        "validation_reviews": len(validation),
        "skipped_rows": len(found.problems),
        "split": f"seed {config.split_seed}",
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest()},
    }
    return FitData(train, validation, (), description, top=5 if found.scheme == "stars5" else 10)
