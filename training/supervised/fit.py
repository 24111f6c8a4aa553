"""Fit one model on labelled reviews, from raw text to the best weights in a run folder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.atomic_write import write_atomically
from sentiline.tokenizer import TOKENIZERS, UNKNOWN_ID, Tokenizer
from training.config.fit import FitConfig
from training.data.dataset import Dataset, encode, graded
from training.data.review import NEUTRAL, Review
from training.data.spans import SpanSampler
from training.data.splices import Splicer
from training.data.vocabulary import build_vocabulary
from training.errors import DataError
from training.evaluation.majority import describe_majority
from training.nn.encoder import Encoder
from training.nn.initial_weights import check_layers, provides_recurrent_layers
from training.nn.model import build_model
from training.nn.word_vectors import ppmi_svd
from training.run import checkpoint
from training.run.progress import FitProgress
from training.supervised.batches import TrainingData
from training.supervised.epoch import FitPlan, TrainingState, end_epoch, is_out_of_patience, train_epoch
from training.supervised.fit_data import FitData
from training.supervised.run_folder import Run
from training.supervised.trainer import Trainer

# The share of unknown tokens above which a fit warns of its initial weights. For the shipped ones it is 2 % on
# reviews of films, and more than 60 % on texts in another language.
MAX_UNKNOWN = 0.3


def fit(
    config: FitConfig,
    data: FitData,
    run: Run,
    *,
    resume: bool = False,
    overwrite: bool = False,
    checkpoint_seconds: float = 120.0,
    progress: FitProgress | None = None,
) -> list[dict[str, Any]]:
    """Fit a model and leave its best weights, tokenizer, log and checkpoints in a run folder.

    After an interruption at any moment, a call with `resume` continues from the last checkpoint and ends where an
    uninterrupted call ends: batch order, dropout, optimizer and averages are stored in the checkpoint or follow from
    the seeds.

    Args:
        config: The configuration.
        data: The reviews, and what the fit starts from.
        run: The run folder.
        resume: Whether to continue an interrupted fit; without one, a fit is started.
        overwrite: Whether to delete the run that the folder holds.
        checkpoint_seconds: The maximum time between two checkpoints.
        progress: Where to show progress; None shows nothing.

    Returns:
        One dict per epoch: its number, loss and accuracy in training and validation, and seconds.

    Raises:
        TrainingError, ConfigError: The folder cannot be used, see `Run.start`; or the loss is not finite.
        CheckpointError: The checkpoint to resume from is damaged.
        DataError: The data has no usable review or only one class, or does not fit the configuration.
    """
    progress = progress or FitProgress(quiet=True)
    with run.locked():
        _check(config, data)
        resuming = run.start(config, data.description, resume=resume, overwrite=overwrite)
        tokenizer = _load_or_build_tokenizer(config, data, run, progress)
        training, validation = _encode(config, data, tokenizer, progress)
        _describe_initial_weights(config, data, training.dataset, progress)
        plan = FitPlan(config, training, validation, run, checkpoint_seconds, progress)
        # Initial weights bring their own word vectors, and a checkpoint holds the trained ones.
        needed = data.initial_weights is None and not run.checkpoint.exists()
        vectors = _word_vectors(config, data, tokenizer, progress) if needed else None
        model = build_model(config, len(tokenizer.vocabulary), vectors, data.initial_weights)
        trainer = Trainer(config, model, config.epochs * math.ceil(len(training.dataset.ids) / config.batch_size))
        state = TrainingState()
        if resuming:
            arrays, stored = checkpoint.load(run.checkpoint)
            trainer.restore(arrays)
            state = TrainingState(**stored)
        while state.epoch < config.epochs and not is_out_of_patience(state.history, config.patience):
            state = end_epoch(plan, trainer, train_epoch(plan, trainer, state))
        return state.history


def _check(config: FitConfig, data: FitData) -> None:
    """Refuse data that the configuration cannot be fitted on, before anything is written."""
    if data.targets is not None:
        if data.neutral:
            raise DataError(
                "neutral rows are labelled reviews, and targets replace all labels: leave --neutral out, and fit cut "
                "points afterwards with `python -m training thresholds --neutral`",
                field="neutral",
            )
        for name, source in (("crops", "cut from"), ("stars", "ratings of")):
            if getattr(config, name):
                raise DataError(f"{name} are {source} labelled reviews, not targets: leave --{name} out", field=name)
    if config.spans and (data.targets is None or data.targets.spans is None):
        raise DataError("spans need targets that know the sentiment of parts of texts: set spans to 0", field="spans")
    if _uses_unlabelled(config) and not data.unlabelled:
        raise DataError(
            "virtual and entropy need unlabelled reviews, and there are none: set both to 0", field="virtual"
        )
    if data.initial_weights is not None:
        check_layers(data.initial_weights, config)


def _uses_unlabelled(config: FitConfig) -> bool:
    return bool(config.virtual or config.entropy)


def _load_or_build_tokenizer(config: FitConfig, data: FitData, run: Run, progress: FitProgress) -> Tokenizer:
    if run.tokenizer.exists():
        return run.read_tokenizer()
    with progress.stage("building the vocabulary"):
        given = data.targets or data.initial_weights
        if given:
            tokenizer = given.tokenizer.with_limit(config.served_tokens, config.truncation)
        else:
            vocabulary = build_vocabulary(_texts(data), config.vocabulary, config.scheme)
            make = TOKENIZERS[config.scheme]
            tokenizer = make(vocabulary, max_tokens=config.served_tokens, truncation=config.truncation)
    write_atomically(run.tokenizer, tokenizer.to_json().encode())
    return tokenizer


def _texts(data: FitData) -> list[str]:
    return [*(review.text for review in (*data.train, *data.neutral)), *data.unlabelled]


def _encode(
    config: FitConfig, data: FitData, tokenizer: Tokenizer, progress: FitProgress
) -> tuple[TrainingData, Dataset]:
    """Encode the training and the validation reviews."""
    with progress.stage("encoding reviews"):
        cut = tokenizer.with_limit(config.max_tokens, config.truncation)
        reviews = (*data.train, *data.neutral)
        train = data.targets.dataset() if data.targets is not None else encode(reviews, cut)
        if config.stars:
            train = graded(train, reviews, data.max_stars)
        validation = encode(data.validation, tokenizer)
        unlabelled = encode([Review(text, 0) for text in data.unlabelled], cut).ids if _uses_unlabelled(config) else ()
    for part, name in ((train, "train"), (validation, "validation")):
        skipped = f", {len(part.skipped)} without a token left out" if part.skipped else ""
        labels = part.labels[part.labels != NEUTRAL] if data.neutral else part.labels
        neutral = f", {len(part.labels) - len(labels):,} of them neutral" if len(labels) < len(part.labels) else ""
        balance = describe_majority(int((labels > 0.5).sum()), len(labels)) if len(labels) else "no other"
        progress.note(f"{name}: {len(part.ids):,} reviews{skipped}{neutral}: {balance}")
        _require_both_classes(labels, name)
    without_token = set(train.skipped)
    texts = [review.text for index, review in enumerate(reviews) if index not in without_token]
    splicer = Splicer(train, max(1, config.batch_size // 4)) if config.splices else None
    spans = data.targets.spans if data.targets is not None and config.spans else None
    sampler = None if spans is None else SpanSampler(spans, max(1, config.batch_size // 4))
    return TrainingData(train, texts, cut, unlabelled, splicer, sampler), validation


def _describe_initial_weights(config: FitConfig, data: FitData, train: Dataset, progress: FitProgress) -> None:
    """Say what a fit takes from its initial weights, and how much of the texts they know."""
    weights = data.initial_weights
    if weights is None:
        return
    if isinstance(weights, Encoder) and not provides_recurrent_layers(weights, config):
        progress.warn(
            f"only the encoder's word vectors are taken over: its LSTM has {weights.units} units, and this model's "
            f"{config.cell.upper()} has {config.units}; leave --cell and --units out to take over its LSTM too"
        )
    tokens = int(train.lengths.sum())
    unknown = sum(int(np.count_nonzero(ids == UNKNOWN_ID)) for ids in train.ids) / tokens
    known = f"the initial weights know {100 * (1 - unknown):.1f} % of the tokens of the training texts"
    if unknown > MAX_UNKNOWN:
        progress.warn(
            f"{known}: {100 * unknown:.1f} % are unknown to them, so that they can do little for these texts; leave "
            "--init out, which makes a vocabulary of the texts themselves"
        )
    else:
        progress.note(known)


def _require_both_classes(labels: NDArray[Any], name: str) -> None:
    counts = np.bincount(labels > 0.5, minlength=2)
    if not counts.all():
        raise DataError(
            f"the {name} part has {counts[0]} negative and {counts[1]} positive reviews; it needs both", field=name
        )


def _word_vectors(
    config: FitConfig, data: FitData, tokenizer: Tokenizer, progress: FitProgress
) -> NDArray[np.float32] | None:
    if config.vectors == "random":
        return None
    with progress.stage("fitting word vectors"):
        whole = tokenizer.with_limit(100_000, "head")
        documents = encode([Review(text, 0) for text in _texts(data)], whole).ids
        return ppmi_svd(documents, len(tokenizer.vocabulary), config.embedding, seed=config.seed)
