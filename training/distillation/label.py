"""Soft targets for a student: a teacher labels IMDB's training and unlabelled reviews and crops of them."""

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
    blend_targets,
    fit_ensemble,
)
from training.distillation.logit_cache import LogitCache
from training.distillation.ngram_teacher import NgramRun, NgramTeacher
from training.distillation.teacher_logits import ReadSettings, TeacherLogits
from training.errors import ConfigError
from training.run.progress import FitProgress
from training.supervised.run_folder import Run


@dataclass(frozen=True, eq=False)
class TeacherTexts:
    """The texts that a teacher labels.

    Attributes:
        reviews: The number of training reviews.
        labelled: The training reviews that have a token.
        unlabelled: The token ids of the unlabelled reviews.
        crops: The token ids of the crops of all training reviews, then of all unlabelled reviews.
        held_out: The validation part, truncated to the length limit of the served model.
        settings: The settings that the texts were made with.
        tokenizer: The tokenizer of the ids.
    """

    reviews: int
    labelled: Dataset
    unlabelled: Documents
    crops: Documents
    held_out: Dataset
    settings: ReadSettings
    tokenizer: Tokenizer


def load_texts(
    tokenizer: Tokenizer, settings: ReadSettings, archive: Path | None, progress: FitProgress
) -> TeacherTexts:
    """Encode IMDB's training and unlabelled reviews and crops of them.

    Args:
        tokenizer: The tokenizer whose vocabulary and truncation mode are used.
        settings: The crops, the length limit and the split.
        archive: The IMDB archive; None to find it.
        progress: The progress display.
    """
    found = imdb.load(archive)
    train, validation = imdb.split(found.train, fraction=settings.validation, seed=settings.split_seed)
    cut = tokenizer.with_limit(settings.max_tokens)
    with progress.stage("encoding reviews"):
        labelled = encode(train, cut)
        unlabelled = encode([Review(text, 0) for text in found.unsup], cut).ids
        held_out = encode(validation, tokenizer)
    with progress.stage("cropping reviews"):
        crops = _crop([*(review.text for review in train), *found.unsup], settings.crops, cut, settings.seed)
    return TeacherTexts(len(train), labelled, unlabelled, crops, held_out, settings, tokenizer)


def compute_teacher_logits(
    runs: Sequence[Run],
    bundles: Sequence[Bundle],
    ngrams: Path,
    archive: Path | None,
    *,
    crops: int,
    max_tokens: int,
    seed: int,
    cache_folder: Path,
    progress: FitProgress,
) -> tuple[TeacherTexts, TeacherLogits]:
    """Build a teacher and compute its logits of all texts.

    Args:
        runs: Run folders of finished fits, all with the same vocabulary and validation part.
        bundles: Finished models with that vocabulary and validation part.
        ngrams: The run folder of the n-gram classifier, with its out-of-fold logits.
        archive: The IMDB archive; None to find it.
        crops: The number of crops per review.
        max_tokens: The number of tokens to which longer reviews are truncated.
        seed: The seed that selects the crops.
        cache_folder: The folder of the logits computed before an interruption; see `LogitCache`.
        progress: The progress display.

    Returns:
        The texts and their logits.

    Raises:
        ConfigError: There is no member besides the n-grams, or the members differ in vocabulary or validation part.
        CheckpointError: A run is not finished.
    """
    tokenizer, recipe = _shared_tokenizer(runs, bundles)
    settings = ReadSettings(crops, seed, max_tokens, recipe["validation"], recipe["split_seed"])
    ngram_member = NgramMember(NgramRun(ngrams))
    texts = load_texts(tokenizer, settings, archive, progress)
    _check_ngrams(ngram_member.teacher, ngrams, tokenizer, texts.reviews)
    members: list[Member] = [ngram_member, *(RecurrentMember(run) for run in runs)]
    members += [BundleMember(bundle) for bundle in bundles]
    with progress.stage("scoring validation reviews"):
        held = _logits(members, texts.held_out.ids, LogitCache(cache_folder).logits)
    ensemble = fit_ensemble([member.name for member in members], held, texts.held_out.labels)
    teacher = ensemble.as_dict()
    for name, member in teacher["members"].items():
        progress.note(f"{name}: weight {member['weight']}, validation accuracy {member['validation_accuracy']} %")
    progress.note(f"teacher, all together: validation accuracy {teacher['validation_accuracy']} %")
    documents = [*texts.unlabelled, *texts.crops]
    with progress.count("scoring", len(documents) * len(members), "texts") as advance:
        logits = _logits(members, documents, LogitCache(cache_folder, advance).logits)
    # The n-gram classifier was trained on the training reviews, so their crops are scored out of fold.
    seen, begin = texts.reviews * crops, len(texts.unlabelled)
    origins = np.repeat(np.arange(texts.reviews), crops)
    with progress.stage("scoring out of fold"):
        logits[0, begin : begin + seen] = ngram_member.teacher.train_logits(texts.crops[:seen], origins)
        positions = np.delete(np.arange(texts.reviews), list(texts.labelled.skipped))
        out_of_fold = ngram_member.teacher.train_logits(texts.labelled.ids, positions)
    combined = ensemble.combine(logits).astype(np.float16)
    return texts, TeacherLogits(
        labelled=out_of_fold.astype(np.float16),
        unlabelled=combined[:begin],
        crops=combined[begin:],
        settings=settings,
        tokenizer=tokenizer,
        teacher=teacher,
    )


def make_targets(
    texts: TeacherTexts, teacher_logits: TeacherLogits, *, trust: float, crops: int | None = None
) -> Targets:
    """Compute the targets of a student.

    Args:
        texts: Texts made with the settings of `teacher_logits`.
        teacher_logits: The logits of a teacher.
        trust: The weight of the label in the target of a training review.
        crops: The number of crops used per review; None for all.

    Raises:
        ConfigError: The logits are of fewer crops or of other texts.
    """
    available = teacher_logits.settings.crops
    crops = available if crops is None else crops
    if crops > available:
        raise ConfigError(f"crops is {crops}; the teacher labelled {available} crops of each review", field="crops")
    for name, one, other in (
        ("training reviews", texts.labelled.ids, teacher_logits.labelled),
        ("unlabelled reviews", texts.unlabelled, teacher_logits.unlabelled),
        ("crops", texts.crops, teacher_logits.crops),
    ):
        if len(one) != len(other):
            raise ConfigError(
                f"the teacher's logits cover {len(other):,} {name}, but the archive has {len(one):,}", field="verdicts"
            )
    chosen = [index for index in range(len(texts.crops)) if index % available < crops] if crops else []
    soft = sigmoid(np.concatenate([teacher_logits.unlabelled, teacher_logits.crops[chosen]]).astype(np.float64))
    hard = blend_targets(texts.labelled.labels, teacher_logits.labelled.astype(np.float64), trust)
    return Targets(
        ids=(*texts.labelled.ids, *texts.unlabelled, *(texts.crops[index] for index in chosen)),
        probabilities=np.concatenate([hard, soft.astype(np.float32)]),
        tokenizer=texts.tokenizer,
        provenance={
            **teacher_logits.teacher,
            "trust": trust,
            "labelled": len(texts.labelled.ids),
            "unlabelled": len(texts.unlabelled),
            "pieces": len(chosen),
        },
    )


def _shared_tokenizer(runs: Sequence[Run], bundles: Sequence[Bundle]) -> tuple[Tokenizer, dict[str, Any]]:
    """Return tokenizer and recipe of the first member after checking that the others agree with it."""
    given: list[tuple[Path, Tokenizer, dict[str, Any]]] = [
        (run.folder, run.read_tokenizer(), run.read_config()[0].as_dict()) for run in runs
    ]
    given += [
        (bundle.path, bundle.tokenizer(), bundle.manifest.document.get("training", {}).get("config", {}))
        for bundle in bundles
    ]
    if not given:
        raise ConfigError("a teacher needs a run folder, or a model with --bundle, besides the n-grams", field="runs")
    first, tokenizer, recipe = given[0]
    for path, other, config in given:
        split = [config.get(field) for field in ("validation", "split_seed")]
        if None in split:
            raise ConfigError(
                f"{path} does not record which reviews it held out, so it cannot be a member", field="bundle"
            )
        if other.vocabulary != tokenizer.vocabulary or split != [recipe["validation"], recipe["split_seed"]]:
            raise ConfigError(
                f"{path} has another vocabulary or validation part than {first}: a teacher's members must have "
                f"one vocabulary and hold out the same reviews",
                field="runs",
            )
    return tokenizer, recipe


def _check_ngrams(teacher: NgramTeacher, folder: Path, tokenizer: Tokenizer, reviews: int) -> None:
    if teacher.tokenizer.vocabulary != tokenizer.vocabulary or len(teacher.train_folds) != reviews:
        raise ConfigError(
            f"{folder} has another vocabulary than the other members, or {len(teacher.train_folds):,} training "
            f"reviews instead of {reviews:,}; train it again with `ngrams --tokenizer` and their tokenizer.json",
            field="ngrams",
        )


def _crop(texts: Sequence[str], each: int, tokenizer: Tokenizer, seed: int) -> list[NDArray[np.int32]]:
    generator = np.random.default_rng(seed)
    return [encode_crop(text, tokenizer, generator) for text in texts for _ in range(each)]


def _logits(
    members: Sequence[Member], documents: Documents, read: Callable[[Member, Documents], NDArray[np.float64]]
) -> NDArray[np.float64]:
    return np.stack([read(member, documents) for member in members])
