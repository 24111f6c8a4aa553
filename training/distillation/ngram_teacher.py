"""The n-gram teacher: one classifier of all training reviews and one a fold, with the folder that holds them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.atomic_write import write_atomically
from sentiline.tokenizer import Tokenizer, words
from training.config.ngrams import NgramConfig
from training.data.dataset import build_vocabulary
from training.data.review import Review
from training.data.split import film_folds
from training.distillation.ngrams import Documents, NgramClassifier, cross_entropy
from training.errors import CheckpointError, DataError
from training.run.arrays_file import write_array
from training.run.folder import RunFolder
from training.run.progress import FitProgress


class NgramRun(RunFolder[NgramConfig]):
    """Paths of the folder of an n-gram teacher."""

    kind = "fit of n-grams"
    pictures = ()
    _recipe = NgramConfig

    @property
    def model(self) -> Path:
        """The classifier of all training reviews; for texts that are none of them."""
        return self.folder / "model.npz"

    def fold(self, number: int) -> Path:
        """The classifier that saw no training review of that fold."""
        return self.folder / "folds" / f"{number}.npz"

    @property
    def train_folds(self) -> Path:
        """int8 [n], the fold of each training review, in the order of the training part."""
        return self.folder / "train_folds.npy"

    def logits(self, part: str) -> Path:
        """float64 [n] logits of "train" (out of fold), "validation" or "unsup", in the order of that part."""
        return self.folder / f"{part}_logits.npy"

    @property
    def report(self) -> Path:
        """Accuracy, cross-entropy and times, as JSON."""
        return self.folder / "report.json"

    @property
    def results(self) -> tuple[Path, ...]:
        """The classifiers, the report and the logits."""
        folds = sorted((self.folder / "folds").glob("*.npz"))
        parts = (self.logits(part) for part in ("train", "validation", "unsup"))
        return (*folds, self.model, self.report, self.train_folds, *parts)


@dataclass(frozen=True, eq=False)
class NgramTeacher:
    """Scores texts, those it was fitted on by the classifier that did not see them.

    Attributes:
        tokenizer: of the ids it reads.
        model: fitted on the whole training part.
        folds: `folds[k]` did not see fold k.
        train_folds: int8 [n], the fold of each training review.
    """

    tokenizer: Tokenizer
    model: NgramClassifier
    folds: tuple[NgramClassifier, ...]
    train_folds: NDArray[np.int8]

    @classmethod
    def load(cls, run: NgramRun) -> NgramTeacher:
        """Read a finished run.

        Raises:
            TrainingError: the folder is not a run.
            CheckpointError: the run is not finished.
        """
        folds = tuple(NgramClassifier.load(run.fold(number)) for number in range(run.read_config()[0].folds))
        try:
            train_folds = np.load(run.train_folds, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{run.train_folds} cannot be read ({error}); go on with the run by --resume"
            ) from error
        return cls(run.read_tokenizer(), NgramClassifier.load(run.model), folds, train_folds)

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """Score texts that are no training reviews, or parts of such; see `NgramClassifier.logits`."""
        return self.model.logits(documents)

    def train_logits(self, documents: Documents, positions: NDArray[Any]) -> NDArray[np.float64]:
        """Score training reviews or parts of them, out of fold.

        Args:
            documents: token ids, int32 [n_i].
            positions: int [n], which training review each comes from.

        Returns:
            float64 [n].

        Raises:
            DataError: there are not as many positions as texts, or a position is of no training review.
        """
        places = np.asarray(positions)
        if places.shape != (len(documents),):
            raise DataError(f"{len(documents)} texts have positions of shape {places.shape}; give one a text")
        if len(places) and not 0 <= places.min() <= places.max() < len(self.train_folds):
            raise DataError(
                f"positions lie in {places.min()}…{places.max()}; there are {len(self.train_folds)} training reviews",
                field="positions",
            )
        found = np.zeros(len(documents))
        folds = self.train_folds[places]
        for number, classifier in enumerate(self.folds):
            of_fold = np.flatnonzero(folds == number)
            found[of_fold] = classifier.logits([documents[index] for index in of_fold.tolist()])
        return found


def encode_texts(texts: Sequence[str], tokenizer: Tokenizer) -> list[NDArray[np.int32]]:
    """Token ids of whole texts, never cut, int32 [n_i]; a text without a token has none."""
    return [tokenizer.ids(words(text)) for text in texts]


def fit_teacher(
    config: NgramConfig,
    train: Sequence[Review],
    validation: Sequence[Review],
    unsup: Sequence[str],
    description: Mapping[str, Any],
    run: NgramRun,
    *,
    tokenizer: Tokenizer | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: FitProgress | None = None,
) -> dict[str, Any]:
    """Fit the classifiers that a run folder lacks, score all three parts and write the report.

    Args:
        config: the recipe.
        train: training reviews, all with a film.
        validation: reviews of other films, for temperature and figures; no classifier is fitted on them.
        unsup: unlabelled texts, to be scored, and to build the vocabulary from.
        description: JSON-ready provenance; a resumed run must find it unchanged.
        run: where everything goes.
        tokenizer: whose ids the n-grams are made of; None builds a vocabulary from train and unsup.
        resume: go on with an interrupted run, of which at most one classifier is lost; starts one if there is none.
        overwrite: throw away what the folder holds.
        progress: where to show progress; None for nowhere.

    Returns:
        The report, as written.

    Raises:
        TrainingError, ConfigError: see `RunFolder.start`; also where the run to resume has another tokenizer.
        DataError: the reviews are too few, or have no films.
    """
    shown = progress or FitProgress(quiet=True)
    given = None if tokenizer is None else hashlib.sha256("\n".join(tokenizer.vocabulary).encode()).hexdigest()
    with run.locked():
        run.start(config, {**description, "vocabulary_sha256": given}, resume=resume, overwrite=overwrite)
        if not run.tokenizer.exists():
            if tokenizer is None:
                with shown.stage("building the vocabulary"):
                    tokenizer = Tokenizer(
                        build_vocabulary([*(review.text for review in train), *unsup], config.vocabulary)
                    )
            write_atomically(run.tokenizer, tokenizer.to_json().encode())
        words = run.read_tokenizer()
        with shown.stage("encoding reviews"):
            documents = encode_texts([review.text for review in train], words)
            held_out = encode_texts([review.text for review in validation], words)
        labels = np.array([review.label for review in train], np.float64)
        wanted = np.array([review.label for review in validation], np.float64)
        folds = film_folds(train, config.folds, seed=config.split_seed)
        write_array(run.train_folds, folds)
        run.fold(0).parent.mkdir(exist_ok=True)
        seconds: dict[str, float] = {}
        for number in [*range(config.folds), None]:
            path, name = (run.model, "all") if number is None else (run.fold(number), f"fold {number}")
            if not path.exists():
                started = time.monotonic()
                with shown.stage(f"fitting {name}"):
                    seen = np.flatnonzero(folds != (-1 if number is None else number))
                    classifier = NgramClassifier.fit(
                        [documents[index] for index in seen.tolist()], labels[seen], len(words.vocabulary), config
                    )
                    classifier.calibrated(held_out, wanted).save(path)
                seconds[name] = round(time.monotonic() - started, 1)
        teacher = NgramTeacher.load(run)
        with shown.stage("scoring"):
            out_of_fold = teacher.train_logits(documents, np.arange(len(documents)))
            held = teacher.logits(held_out)
            unlabelled = teacher.logits(encode_texts(unsup, words))
        for part, logits in (("train", out_of_fold), ("validation", held), ("unsup", unlabelled)):
            write_array(run.logits(part), logits)
        report = {
            "ngrams": len(teacher.model.keys),
            "temperature": teacher.model.temperature,
            "validation": figures(held, wanted),
            "train_out_of_fold": figures(out_of_fold, labels),
            "seconds": seconds,  # of what this call fitted
        }
        write_atomically(run.report, (json.dumps(report, indent=2) + "\n").encode())
        return report


def figures(logits: NDArray[np.float64], labels: NDArray[Any]) -> dict[str, Any]:
    """Number, accuracy and cross-entropy (nats) of logits [n] against labels [n]."""
    return {
        "reviews": len(labels),
        "accuracy": float(np.mean((logits > 0) == (labels > 0.5))),
        "cross_entropy": cross_entropy(logits, labels),
    }
