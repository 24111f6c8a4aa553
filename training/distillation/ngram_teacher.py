"""The n-gram teacher: one classifier trained on all training reviews and one per fold, in a run folder."""

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
from sentiline.tokenizer import Tokenizer
from training.config.ngrams import NgramConfig
from training.data.review import Review
from training.data.split import film_folds
from training.data.vocabulary import build_vocabulary
from training.distillation.ngrams import Documents, NgramClassifier, cross_entropy
from training.errors import CheckpointError, DataError
from training.run.arrays_file import write_array
from training.run.folder import RunFolder
from training.run.progress import FitProgress


class NgramRun(RunFolder[NgramConfig]):
    """Paths in the folder of an n-gram teacher."""

    kind = "fit of n-grams"
    pictures = ()
    _recipe = NgramConfig

    @property
    def model(self) -> Path:
        """The classifier trained on all training reviews, for all other texts."""
        return self.folder / "model.npz"

    def fold(self, number: int) -> Path:
        """Return the path of the classifier that was trained without the reviews of that fold."""
        return self.folder / "folds" / f"{number}.npz"

    @property
    def train_folds(self) -> Path:
        """int8 [n], the fold of each training review, in the order of the training part."""
        return self.folder / "train_folds.npy"

    def logits(self, part: str) -> Path:
        """Return the path of the float64 [n] logits of "train" (out of fold), "validation" or "unsup"."""
        return self.folder / f"{part}_logits.npy"

    @property
    def report(self) -> Path:
        """Accuracy, cross-entropy and durations, as JSON."""
        return self.folder / "report.json"

    @property
    def results(self) -> tuple[Path, ...]:
        """The classifiers, the report and the logits."""
        folds = sorted((self.folder / "folds").glob("*.npz"))
        parts = (self.logits(part) for part in ("train", "validation", "unsup"))
        return (*folds, self.model, self.report, self.train_folds, *parts)


@dataclass(frozen=True, eq=False)
class NgramTeacher:
    """Scores texts; a training review is scored by the classifier that was trained without its fold.

    Attributes:
        tokenizer: The tokenizer of the ids.
        model: The classifier trained on the whole training part.
        folds: The classifiers by the fold that they were trained without.
        train_folds: int8 [n], the fold of each training review.
    """

    tokenizer: Tokenizer
    model: NgramClassifier
    folds: tuple[NgramClassifier, ...]
    train_folds: NDArray[np.int8]

    @classmethod
    def load(cls, run: NgramRun) -> NgramTeacher:
        """Load a finished run.

        Raises:
            TrainingError: The folder is not a run.
            CheckpointError: The run is not finished.
        """
        folds = tuple(NgramClassifier.load(run.fold(number)) for number in range(run.read_config()[0].folds))
        try:
            train_folds = np.load(run.train_folds, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{run.train_folds} cannot be read ({error}); continue the run with --resume"
            ) from error
        return cls(run.read_tokenizer(), NgramClassifier.load(run.model), folds, train_folds)

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """Score texts that are not training reviews or crops of them; see `NgramClassifier.logits`."""
        return self.model.logits(documents)

    def train_logits(self, documents: Documents, positions: NDArray[Any]) -> NDArray[np.float64]:
        """Score training reviews or crops of them, out of fold.

        Args:
            documents: The token ids of each text, int32 [n_i].
            positions: int [n], the index of the training review that each text is from.

        Returns:
            float64 [n].

        Raises:
            DataError: The number of positions differs from the number of texts, or a position is out of range.
        """
        places = np.asarray(positions)
        if places.shape != (len(documents),):
            raise DataError(f"{len(documents)} texts have positions of shape {places.shape}; give one per text")
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
    """Return the token ids of untruncated texts, int32 [n_i]."""
    return [tokenizer.ids(tokenizer.words(text)) for text in texts]


def fit_ngram_teacher(
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
    """Train the classifiers that are missing in a run folder, score all three parts and write the report.

    Args:
        config: The recipe.
        train: The training reviews, all with a film.
        validation: Reviews of other films, used for the temperature and the figures only.
        unsup: Unlabelled texts to score, and to build the vocabulary from.
        description: JSON-ready provenance of the data; it must be unchanged when a run is resumed.
        run: The run folder.
        tokenizer: The tokenizer of the n-grams; None to build a vocabulary from `train` and `unsup`.
        resume: Continue an interrupted run, which lost at most one classifier, or start one if there is none.
        overwrite: Discard the results of an earlier run in the folder.
        progress: The progress display; None for none.

    Returns:
        The report, as written.

    Raises:
        TrainingError, ConfigError: See `RunFolder.start`; also if the run to resume has another tokenizer.
        DataError: There are too few reviews, or they have no films.
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
            "validation": evaluate_logits(held, wanted),
            "train_out_of_fold": evaluate_logits(out_of_fold, labels),
            "seconds": seconds,  # of the classifiers trained by this call
        }
        write_atomically(run.report, (json.dumps(report, indent=2) + "\n").encode())
        return report


def evaluate_logits(logits: NDArray[np.float64], labels: NDArray[Any]) -> dict[str, Any]:
    """Return number, accuracy and cross-entropy (nats) of logits [n] and labels [n]."""
    return {
        "reviews": len(labels),
        "accuracy": float(np.mean((logits > 0) == (labels > 0.5))),
        "cross_entropy": cross_entropy(logits, labels),
    }
