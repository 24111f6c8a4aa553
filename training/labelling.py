"""A teacher reads IMDB's training and unlabelled reviews, and pieces of them, into targets for a student."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
from training.review import Review
from training.run import Run
from training.targets import Targets
from training.teacher import BundleMember, Member, RecurrentMember, blend, fit_ensemble


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
        progress: where to show progress.

    Raises:
        ConfigError: runs and bundles have different tokenizers or validation parts.
        CheckpointError: a run is not finished.
    """
    config, _ = runs[0].read_config()
    split = (config.validation, config.split_seed)
    tokenizer = runs[0].read_tokenizer()
    for run in runs[1:]:
        other, _ = run.read_config()
        if run.read_tokenizer().vocabulary != tokenizer.vocabulary or (other.validation, other.split_seed) != split:
            raise ConfigError(
                f"{run.folder} has another vocabulary or validation part than {runs[0].folder}: a teacher's members "
                f"must begin from one encoder and hold out the same reviews",
                field="runs",
            )
    for bundle in bundles:
        recipe = bundle.manifest.document.get("training", {}).get("config", {})
        if bundle.tokenizer().vocabulary != tokenizer.vocabulary or (
            (recipe.get("validation"), recipe.get("split_seed")) != split
        ):
            raise ConfigError(
                f"{bundle.path} has another vocabulary or validation part than {runs[0].folder}: it cannot be a member",
                field="bundle",
            )
    classifier = NgramTeacher.load(NgramRun(ngrams))
    found = imdb.load(archive)
    train, validation = imdb.split(found.train, fraction=config.validation, seed=config.split_seed)
    cut = Tokenizer(tokenizer.vocabulary, max_tokens=max_tokens, truncation=config.truncation)
    with progress.stage("encoding reviews"):
        labelled = encode(train, cut)
        unlabelled = encode([Review(text, 0) for text in found.unsup], cut).ids
        held_out = encode(validation, tokenizer)
    if classifier.tokenizer.vocabulary != tokenizer.vocabulary or len(classifier.train_folds) != len(train):
        raise ConfigError(
            f"{ngrams} has another vocabulary than {runs[0].folder}, or {len(classifier.train_folds):,} training "
            f"reviews instead of {len(train):,}; make it anew with `ngrams --tokenizer {runs[0].tokenizer}`",
            field="ngrams",
        )
    positions = np.delete(np.arange(len(train)), list(labelled.skipped))
    with progress.stage("cutting pieces"):
        texts = [*(review.text for review in train), *found.unsup]
        pieces = _pieces(texts, crops, cut, seed)
    members: list[Member] = [classifier, *(RecurrentMember(run) for run in runs)]
    members += [BundleMember(bundle) for bundle in bundles]
    names = ["ngrams", *(run.folder.name for run in runs), *(bundle.path.name for bundle in bundles)]
    with progress.stage("reading validation reviews"):
        ensemble = fit_ensemble(names, _logits(members, held_out.ids), held_out.labels)
    progress.note(f"teacher: {ensemble.as_dict()}")
    with progress.stage("reading unlabelled reviews and pieces"):
        logits = _logits(members, [*unlabelled, *pieces])
        # The n-gram classifier knows the training reviews by heart: their pieces are read out of fold.
        seen, begin = len(train) * crops, len(unlabelled)
        origins = np.repeat(np.arange(len(train)), crops)
        logits[0, begin : begin + seen] = classifier.train_logits(pieces[:seen], origins)
        soft = sigmoid(ensemble.combine(logits)).astype(np.float32)
    out_of_fold = classifier.train_logits(labelled.ids, positions)
    return Targets(
        ids=(*labelled.ids, *unlabelled, *pieces),
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


def _pieces(texts: Sequence[str], each: int, tokenizer: Tokenizer, seed: int) -> list[NDArray[np.int32]]:
    generator = np.random.default_rng(seed)
    return [encode_crop(text, tokenizer, generator) for text in texts for _ in range(each)]


def _logits(members: Sequence[Member], documents: Sequence[NDArray[np.int32]]) -> NDArray[np.float64]:
    return np.stack([member.logits(documents) for member in members])
