"""Fitting one model on labelled reviews, from raw text to the best weights in a run folder."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.atomic_write import write_atomically
from sentiline.tokenizer import Tokenizer
from training.config.presets import FitConfig
from training.data.crops import with_crops
from training.data.dataset import Dataset, bucketed_batches, build_vocabulary, encode, graded, pad
from training.data.review import Review
from training.data.splices import Splicer
from training.errors import DataError, TrainingError
from training.nn.model import SentimentModel, build_model
from training.nn.word_vectors import ppmi_svd
from training.run import checkpoint
from training.run.progress import FitProgress
from training.supervised.fit_data import FitData
from training.supervised.run_folder import Run
from training.supervised.trainer import Trainer
from training.supervised.warm_start import check_layers


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

    Interrupted at any moment, a call with `resume` goes on from the last checkpoint and ends where an uninterrupted
    call ends: batch order, dropout, optimizer and averages are all part of the checkpoint or derived from seeds.

    Args:
        config: the recipe.
        data: the reviews.
        run: where everything goes.
        resume: go on with an interrupted fit; starts one if there is none.
        overwrite: throw away what the folder holds.
        checkpoint_seconds: longest time between two checkpoints.
        progress: where to show progress; None for nowhere.

    Returns:
        One dict an epoch: its number, loss and accuracy in training and validation, seconds.

    Raises:
        TrainingError, ConfigError: see `Run.start`.
        CheckpointError: the checkpoint to resume from is damaged.
        DataError: no usable review, or only one class.
    """
    with run.locked():
        return _fit(config, data, run, resume, overwrite, checkpoint_seconds, progress or FitProgress(quiet=True))


def _fit(
    config: FitConfig,
    data: FitData,
    run: Run,
    resume: bool,
    overwrite: bool,
    checkpoint_seconds: float,
    shown: FitProgress,
) -> list[dict[str, Any]]:
    _check(config, data)
    resuming = run.start(config, data.description, resume=resume, overwrite=overwrite)
    tokenizer = _tokenizer(config, data, run, shown)
    with shown.stage("encoding reviews"):
        cut = Tokenizer(tokenizer.vocabulary, max_tokens=config.max_tokens, truncation=config.truncation)
        train = data.targets.dataset() if data.targets is not None else encode(data.train, cut)
        if config.stars:
            train = graded(train, data.train, data.top)
        validation = encode(data.validation, tokenizer)
        unlabelled = encode([Review(text, 0) for text in data.unlabelled], cut).ids if _uses_unlabelled(config) else ()
    for part, name in ((train, "train"), (validation, "validation")):
        shown.note(
            f"{name}: {len(part.ids):,} reviews"
            + (f", {len(part.skipped)} without a token left out" if part.skipped else "")
        )
        _require_both_classes(part, name)
    skipped = set(train.skipped)
    texts = [review.text for index, review in enumerate(data.train) if index not in skipped]
    vectors = None if data.start is not None else _vectors(config, data, tokenizer, run, shown)
    model = build_model(config, len(tokenizer.vocabulary), vectors, data.start)
    return _train(config, model, train, validation, unlabelled, texts, cut, run, resuming, checkpoint_seconds, shown)


def _check(config: FitConfig, data: FitData) -> None:
    """Refuse, before anything is written, what cannot be fitted on the data."""
    if data.targets is not None:
        for field, what in (("crops", "cut from"), ("stars", "those of")):
            if getattr(config, field):
                raise DataError(f"{field} are {what} labelled reviews, not targets: leave --{field} out", field=field)
    if _uses_unlabelled(config) and not data.unlabelled:
        raise DataError(
            "virtual and entropy need unlabelled reviews, and there are none: set both to 0", field="virtual"
        )
    if data.start is not None:
        check_layers(data.start, config)


def _uses_unlabelled(config: FitConfig) -> bool:
    return bool(config.virtual or config.entropy)


def _require_both_classes(part: Dataset, name: str) -> None:
    counts = np.bincount(part.labels > 0.5, minlength=2)
    if not counts.all():
        raise DataError(
            f"the {name} part has {counts[0]} negative and {counts[1]} positive reviews; it needs both", field=name
        )


def _tokenizer(config: FitConfig, data: FitData, run: Run, shown: FitProgress) -> Tokenizer:
    if run.tokenizer.exists():
        return run.read_tokenizer()
    with shown.stage("building the vocabulary"):
        given = data.targets or data.start
        tokenizer = Tokenizer(
            given.tokenizer.vocabulary if given else build_vocabulary(_texts(data), config.vocabulary),
            max_tokens=config.served_tokens,
            truncation=config.truncation,
        )
    write_atomically(run.tokenizer, tokenizer.to_json().encode())
    return tokenizer


def _texts(data: FitData) -> list[str]:
    return [*(review.text for review in data.train), *data.unlabelled]


def _vectors(
    config: FitConfig, data: FitData, tokenizer: Tokenizer, run: Run, shown: FitProgress
) -> NDArray[np.float32] | None:
    if config.vectors == "random" or run.checkpoint.exists():  # a checkpoint holds the trained ones
        return None
    with shown.stage("fitting word vectors"):
        whole = Tokenizer(tokenizer.vocabulary, max_tokens=100_000, truncation="head")
        documents = encode([Review(text, 0) for text in _texts(data)], whole).ids
        return ppmi_svd(documents, len(tokenizer.vocabulary), config.embedding, seed=config.seed)


def _train(
    config: FitConfig,
    model: SentimentModel,
    train: Dataset,
    validation: Dataset,
    unlabelled: Sequence[NDArray[np.int32]],
    texts: Sequence[str],
    cut: Tokenizer,
    run: Run,
    resuming: bool,
    checkpoint_seconds: float,
    shown: FitProgress,
) -> list[dict[str, Any]]:
    splicer = Splicer(train, max(1, config.batch_size // 4)) if config.splices else None
    steps = -(-len(train.ids) // config.batch_size)
    trainer = Trainer(config, model, steps * config.epochs)
    position: dict[str, Any] = {"epoch": 0, "batch": 0, "loss": 0.0, "right": 0.0, "seconds": 0.0, "history": []}
    if resuming:
        arrays, position = checkpoint.load(run.checkpoint)
        trainer.restore(arrays)
    history: list[dict[str, Any]] = position["history"]
    while position["epoch"] < config.epochs and not _finished(history, config.patience):
        epoch = position["epoch"]
        documents: Sequence[NDArray[np.int32]] = train.ids
        if config.crops:
            documents = with_crops(train.ids, texts, config.crops, cut, np.random.default_rng([config.seed, epoch, 1]))
        lengths = np.array([len(document) for document in documents], np.int32)
        order = bucketed_batches(lengths, config.batch_size, np.random.default_rng([config.seed, epoch]))
        further = _unlabelled_batches(unlabelled, order, lengths, np.random.default_rng([config.seed, epoch, 2]))
        shown.epoch(epoch + 1, config.epochs, len(lengths), done=position["batch"] * config.batch_size)
        saved = started = time.monotonic()
        for number in range(position["batch"], steps):
            batch = order[number]
            extra = pad([unlabelled[index] for index in further[number]]) if further else ()
            spliced = splicer.draw(np.random.default_rng([config.seed, epoch, 3, number])) if splicer else ()
            loss, right = trainer.step(*pad([documents[index] for index in batch]), train.labels[batch], extra, spliced)
            position["batch"] = number + 1
            position["loss"] += loss * len(batch)
            position["right"] += right * len(batch)
            seen = min((number + 1) * config.batch_size, len(lengths))
            shown.advance(len(batch), loss=position["loss"] / seen, accuracy=position["right"] / seen)
            if time.monotonic() - saved > checkpoint_seconds:
                saved = time.monotonic()
                checkpoint.save(
                    run.checkpoint, trainer.state(), position | {"seconds": position["seconds"] + saved - started}
                )
        seconds = position["seconds"] + time.monotonic() - started
        validation_loss, validation_accuracy = trainer.evaluate(validation)
        if not math.isfinite(position["loss"] + validation_loss):
            raise TrainingError(
                f"the loss of epoch {epoch + 1} is not finite; lower learning_rate or set clip_norm",
                field="learning_rate",
            )
        history.append(
            {
                "epoch": epoch + 1,
                "loss": position["loss"] / len(lengths),
                "accuracy": position["right"] / len(lengths),
                "validation_loss": validation_loss,
                "validation_accuracy": validation_accuracy,
                "seconds": round(seconds, 2),
            }
        )
        shown.epoch_end(history[-1])
        if best_epoch(history) == len(history):
            checkpoint.save(run.best, trainer.averaged_weights(), {"epoch": epoch + 1})
        run.write_log(history)  # before the checkpoint: a kill between the two only writes the same lines again
        position = {"epoch": epoch + 1, "batch": 0, "loss": 0.0, "right": 0.0, "seconds": 0.0, "history": history}
        checkpoint.save(run.checkpoint, trainer.state(), position)
    return history


def _unlabelled_batches(
    unlabelled: Sequence[NDArray[np.int32]],
    order: Sequence[NDArray[np.intp]],
    lengths: NDArray[np.int32],
    generator: np.random.Generator,
) -> list[NDArray[np.intp]]:
    """For each labelled batch an unlabelled one of as many reviews of about the same length; none if there are none."""
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


def best_epoch(history: Sequence[dict[str, Any]]) -> int:
    """Number (from 1) of the epoch with the lowest validation loss, the first of equals."""
    return 1 + min(range(len(history)), key=lambda index: history[index]["validation_loss"])


def _finished(history: Sequence[dict[str, Any]], patience: int) -> bool:
    return bool(patience and history) and len(history) - best_epoch(history) >= patience
