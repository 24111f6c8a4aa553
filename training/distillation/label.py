"""A teacher reads IMDB's training and unlabelled reviews, and pieces of them, into targets for a student."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.bundle import Bundle
from sentiline.reference.activations import sigmoid
from sentiline.tokenizer import Tokenizer
from training.data import imdb
from training.data.crops import encode_crop
from training.data.dataset import Dataset, encode
from training.data.review import Review
from training.data.targets import Targets
from training.distillation.ensemble import (
    BundleMember,
    Documents,
    Member,
    NgramMember,
    RecurrentMember,
    blend,
    fit_ensemble,
)
from training.distillation.logit_cache import Readings
from training.distillation.ngram_teacher import NgramRun, NgramTeacher
from training.distillation.teacher_logits import ReadSettings, Verdicts
from training.errors import ConfigError
from training.run.progress import FitProgress
from training.supervised.run_folder import Run


@dataclass(frozen=True, eq=False)
class Texts:
    """What a teacher reads.

    Attributes:
        reviews: number of training reviews.
        labelled: those that have a token.
        unlabelled: token ids of the unlabelled reviews.
        pieces: token ids of the pieces of all training reviews, then of all unlabelled ones.
        held_out: the validation part, cut no shorter than it is served.
        reading: how they were read.
        tokenizer: the one that made the ids.
    """

    reviews: int
    labelled: Dataset
    unlabelled: Documents
    pieces: Documents
    held_out: Dataset
    reading: ReadSettings
    tokenizer: Tokenizer


def read_texts(tokenizer: Tokenizer, reading: ReadSettings, archive: Path | None, progress: FitProgress) -> Texts:
    """Encode IMDB's training and unlabelled reviews and cut pieces out of them.

    Args:
        tokenizer: its vocabulary and its way to cut are used.
        reading: how to read.
        archive: the IMDB archive; None finds it.
        progress: where to show progress.
    """
    found = imdb.load(archive)
    train, validation = imdb.split(found.train, fraction=reading.validation, seed=reading.split_seed)
    cut = Tokenizer(tokenizer.vocabulary, max_tokens=reading.max_tokens, truncation=tokenizer.truncation)
    with progress.stage("encoding reviews"):
        labelled = encode(train, cut)
        unlabelled = encode([Review(text, 0) for text in found.unsup], cut).ids
        held_out = encode(validation, tokenizer)
    with progress.stage("cutting pieces"):
        pieces = _pieces([*(review.text for review in train), *found.unsup], reading.crops, cut, reading.seed)
    return Texts(len(train), labelled, unlabelled, pieces, held_out, reading, tokenizer)


def judge_imdb(
    runs: Sequence[Run],
    bundles: Sequence[Bundle],
    ngrams: Path,
    archive: Path | None,
    *,
    crops: int,
    max_tokens: int,
    seed: int,
    readings: Path,
    progress: FitProgress,
) -> tuple[Texts, Verdicts]:
    """Let a teacher judge all texts.

    Args:
        runs: finished fits, all with one tokenizer and one validation part.
        bundles: finished models with the same tokenizer and validation part.
        ngrams: run folder of the n-gram classifier, with its out-of-fold logits.
        archive: the IMDB archive; None finds it.
        crops: pieces of each review.
        max_tokens: longer reviews are cut to so many.
        seed: of the choice of pieces.
        readings: folder of what the members said before an interruption; see `training.distillation.logit_cache`.
        progress: where to show progress.

    Returns:
        What it read, and what it says.

    Raises:
        ConfigError: there is no member beside the n-grams, or members have different tokenizers or validation parts.
        CheckpointError: a run is not finished.
    """
    tokenizer, recipe = _agreement(runs, bundles)
    reading = ReadSettings(crops, seed, max_tokens, recipe["validation"], recipe["split_seed"])
    grams = NgramMember(NgramRun(ngrams))
    texts = read_texts(tokenizer, reading, archive, progress)
    _check_ngrams(grams.teacher, ngrams, tokenizer, texts.reviews)
    members: list[Member] = [grams, *(RecurrentMember(run) for run in runs)]
    members += [BundleMember(bundle) for bundle in bundles]
    with progress.stage("reading validation reviews"):
        held = _logits(members, texts.held_out.ids, Readings(readings).logits)
    ensemble = fit_ensemble([member.name for member in members], held, texts.held_out.labels)
    teacher = ensemble.as_dict()
    for name, member in teacher["members"].items():
        progress.note(f"{name}: weight {member['weight']}, validation accuracy {member['validation_accuracy']} %")
    progress.note(f"teacher, all together: validation accuracy {teacher['validation_accuracy']} %")
    read = [*texts.unlabelled, *texts.pieces]
    with progress.count("reading", len(read) * len(members), "texts") as advance:
        logits = _logits(members, read, Readings(readings, advance).logits)
    # The n-gram classifier knows the training reviews by heart: their pieces are read out of fold.
    seen, begin = texts.reviews * crops, len(texts.unlabelled)
    origins = np.repeat(np.arange(texts.reviews), crops)
    with progress.stage("reading out of fold"):
        logits[0, begin : begin + seen] = grams.teacher.train_logits(texts.pieces[:seen], origins)
        positions = np.delete(np.arange(texts.reviews), list(texts.labelled.skipped))
        out_of_fold = grams.teacher.train_logits(texts.labelled.ids, positions)
    said = ensemble.combine(logits).astype(np.float16)
    return texts, Verdicts(
        labelled=out_of_fold.astype(np.float16),
        unlabelled=said[:begin],
        pieces=said[begin:],
        reading=reading,
        tokenizer=tokenizer,
        teacher=teacher,
    )


def make_targets(texts: Texts, verdicts: Verdicts, *, trust: float, crops: int | None = None) -> Targets:
    """What a student learns from.

    Args:
        texts: read as the verdicts were.
        verdicts: of a teacher.
        trust: share of the label in a training review's target.
        crops: how many pieces of each review to take; None for all.

    Raises:
        ConfigError: the teacher judged fewer pieces, or other texts.
    """
    judged = verdicts.reading.crops
    crops = judged if crops is None else crops
    if crops > judged:
        raise ConfigError(f"crops is {crops}; the teacher judged {judged} pieces of each review", field="crops")
    for name, one, other in (
        ("training reviews", texts.labelled.ids, verdicts.labelled),
        ("unlabelled reviews", texts.unlabelled, verdicts.unlabelled),
        ("pieces", texts.pieces, verdicts.pieces),
    ):
        if len(one) != len(other):
            raise ConfigError(
                f"the verdicts are of {len(other):,} {name}, and the archive gives {len(one):,}", field="verdicts"
            )
    chosen = [index for index in range(len(texts.pieces)) if index % judged < crops] if crops else []
    soft = sigmoid(np.concatenate([verdicts.unlabelled, verdicts.pieces[chosen]]).astype(np.float64))
    hard = blend(texts.labelled.labels, verdicts.labelled.astype(np.float64), trust)
    return Targets(
        ids=(*texts.labelled.ids, *texts.unlabelled, *(texts.pieces[index] for index in chosen)),
        probabilities=np.concatenate([hard, soft.astype(np.float32)]),
        tokenizer=texts.tokenizer,
        provenance={
            **verdicts.teacher,
            "trust": trust,
            "labelled": len(texts.labelled.ids),
            "unlabelled": len(texts.unlabelled),
            "pieces": len(chosen),
        },
    )


def _agreement(runs: Sequence[Run], bundles: Sequence[Bundle]) -> tuple[Tokenizer, dict[str, Any]]:
    """Tokenizer and recipe of the first member, whose vocabulary and validation part all others must have."""
    given: list[tuple[Path, Tokenizer, dict[str, Any]]] = [
        (run.folder, run.read_tokenizer(), run.read_config()[0].as_dict()) for run in runs
    ]
    given += [
        (bundle.path, bundle.tokenizer(), bundle.manifest.document.get("training", {}).get("config", {}))
        for bundle in bundles
    ]
    if not given:
        raise ConfigError("a teacher needs a run folder, or a model with --bundle, beside the n-grams", field="runs")
    first, tokenizer, recipe = given[0]
    for place, other, its in given:
        split = [its.get(field) for field in ("validation", "split_seed")]
        if None in split:
            raise ConfigError(f"{place} does not say which reviews it held out; it cannot be a member", field="bundle")
        if other.vocabulary != tokenizer.vocabulary or split != [recipe["validation"], recipe["split_seed"]]:
            raise ConfigError(
                f"{place} has another vocabulary or validation part than {first}: a teacher's members must have "
                f"one vocabulary and hold out the same reviews",
                field="runs",
            )
    return tokenizer, recipe


def _check_ngrams(teacher: NgramTeacher, folder: Path, tokenizer: Tokenizer, reviews: int) -> None:
    if teacher.tokenizer.vocabulary != tokenizer.vocabulary or len(teacher.train_folds) != reviews:
        raise ConfigError(
            f"{folder} has another vocabulary than the other members, or {len(teacher.train_folds):,} training "
            f"reviews instead of {reviews:,}; make it anew with `ngrams --tokenizer` and their tokenizer.json",
            field="ngrams",
        )


def _pieces(texts: Sequence[str], each: int, tokenizer: Tokenizer, seed: int) -> list[NDArray[np.int32]]:
    generator = np.random.default_rng(seed)
    return [encode_crop(text, tokenizer, generator) for text in texts for _ in range(each)]


def _logits(
    members: Sequence[Member], documents: Documents, read: Callable[[Member, Documents], NDArray[np.float64]]
) -> NDArray[np.float64]:
    return np.stack([read(member, documents) for member in members])
