"""A teacher reads IMDB's training and unlabelled reviews, and pieces of them, into targets for a student."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.bundle import Bundle
from sentiline.reference.activations import sigmoid
from sentiline.tokenizer import Tokenizer
from training import imdb
from training.crops import encode_crop
from training.dataset import encode
from training.errors import ConfigError
from training.ngram_teacher import NgramRun, NgramTeacher
from training.progress import FitProgress
from training.readings import Readings
from training.review import Review
from training.run import Run
from training.targets import Targets
from training.teacher import BundleMember, Documents, Member, NgramMember, RecurrentMember, blend, fit_ensemble


def label_imdb(
    runs: Sequence[Run],
    bundles: Sequence[Bundle],
    ngrams: Path,
    archive: Path | None,
    *,
    trust: float,
    crops: int,
    max_tokens: int,
    seed: int,
    readings: Path,
    progress: FitProgress,
) -> Targets:
    """Make the targets.

    Args:
        runs: finished fits, all with one tokenizer and one validation part.
        bundles: finished models with the same tokenizer and validation part.
        ngrams: run folder of the n-gram classifier, with its out-of-fold logits.
        archive: the IMDB archive; None finds it.
        trust: share of the label in a training review's target.
        crops: pieces of each review.
        max_tokens: longer reviews are cut to so many.
        seed: of the choice of pieces.
        readings: folder of what the members said before an interruption; see `training.readings`.
        progress: where to show progress.

    Raises:
        ConfigError: there is no member beside the n-grams, or members have different tokenizers or validation parts.
        CheckpointError: a run is not finished.
    """
    tokenizer, recipe = _agreement(runs, bundles)
    found = imdb.load(archive)
    train, validation = imdb.split(found.train, fraction=recipe["validation"], seed=recipe["split_seed"])
    cut = Tokenizer(tokenizer.vocabulary, max_tokens=max_tokens, truncation=tokenizer.truncation)
    grams = NgramMember(NgramRun(ngrams))
    _check_ngrams(grams.teacher, ngrams, tokenizer, len(train))
    with progress.stage("encoding reviews"):
        labelled = encode(train, cut)
        unlabelled = encode([Review(text, 0) for text in found.unsup], cut).ids
        held_out = encode(validation, tokenizer)
    with progress.stage("cutting pieces"):
        pieces = _pieces([*(review.text for review in train), *found.unsup], crops, cut, seed)
    members: list[Member] = [grams, *(RecurrentMember(run) for run in runs)]
    members += [BundleMember(bundle) for bundle in bundles]
    with progress.stage("reading validation reviews"):
        held = _logits(members, held_out.ids, Readings(readings).logits)
    ensemble = fit_ensemble([member.name for member in members], held, held_out.labels)
    progress.note(f"teacher: {ensemble.as_dict()}")
    texts = [*unlabelled, *pieces]
    with progress.count("reading", len(texts) * len(members), "texts") as advance:
        logits = _logits(members, texts, Readings(readings, advance).logits)
    # The n-gram classifier knows the training reviews by heart: their pieces are read out of fold.
    seen, begin = len(train) * crops, len(unlabelled)
    origins = np.repeat(np.arange(len(train)), crops)
    with progress.stage("reading out of fold"):
        logits[0, begin : begin + seen] = grams.teacher.train_logits(pieces[:seen], origins)
        positions = np.delete(np.arange(len(train)), list(labelled.skipped))
        out_of_fold = grams.teacher.train_logits(labelled.ids, positions)
    soft = sigmoid(ensemble.combine(logits)).astype(np.float32)
    return Targets(
        ids=(*labelled.ids, *texts),
        probabilities=np.concatenate([blend(labelled.labels, out_of_fold, trust), soft]),
        tokenizer=tokenizer,
        provenance={
            **ensemble.as_dict(),
            "trust": trust,
            "labelled": len(labelled.ids),
            "unlabelled": len(unlabelled),
            "pieces": len(pieces),
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
                f"{place} has another vocabulary or validation part than {first}: a teacher's members must begin from "
                f"one encoder and hold out the same reviews",
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
