"""Pre-training both directions of a language model on unlabelled texts, resumable, into an encoder."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.atomic_write import write_atomically
from sentiline.tokenizer import Tokenizer
from training.config.pretraining import PretrainConfig
from training.data.dataset import build_vocabulary
from training.errors import DataError, TrainingError
from training.nn.encoder import Encoder, from_language_model
from training.nn.word_vectors import ppmi_svd
from training.pretraining.batches import Candidates, streams, window, windows
from training.pretraining.corpus import Corpus, encode_corpus
from training.pretraining.language_model import build_language_model
from training.pretraining.report import write_report
from training.pretraining.run_folder import PretrainRun
from training.pretraining.trainer import Pretrainer
from training.run import checkpoint
from training.run.progress import FitProgress


def pretrain(
    config: PretrainConfig,
    texts: Sequence[str],
    validation: Sequence[str],
    description: Mapping[str, Any],
    run: PretrainRun,
    *,
    resume: bool = False,
    overwrite: bool = False,
    checkpoint_seconds: float = 120.0,
    progress: FitProgress | None = None,
) -> Encoder:
    """Pre-train a language model and leave its encoder, tokenizer, log, report and checkpoints in a run folder.

    Interrupted at any moment, a call with `resume` goes on from the last checkpoint and ends where an uninterrupted
    call ends: order, candidates, dropout, carried states and optimizer are all part of the checkpoint or derived from
    seeds.

    Args:
        config: the recipe.
        texts: raw texts to learn from; never validation or test.
        validation: raw texts, none of `texts`, for the figure after each epoch.
        description: JSON-ready provenance; a resumed run must find it unchanged.
        run: where everything goes.
        resume: go on with an interrupted run; starts one if there is none.
        overwrite: throw away what the folder holds.
        checkpoint_seconds: longest time between two checkpoints.
        progress: where to show progress; None for nowhere.

    Returns:
        The encoder, as it was before the file rounded it to float16.

    Raises:
        TrainingError, ConfigError: see `PretrainRun.start`; or the loss is not finite.
        CheckpointError: the checkpoint to resume from is damaged.
        DataError: the texts are too few.
    """
    shown = progress or FitProgress(quiet=True)
    with run.locked():
        resuming = run.start(config, description, resume=resume, overwrite=overwrite)
        tokenizer = _tokenizer(config, texts, run, shown)
        with shown.stage("encoding texts"):
            corpus = encode_corpus(texts, validation, tokenizer)
        steps = _steps(config, corpus)
        vectors = None
        if not resuming:  # a checkpoint holds the trained ones
            with shown.stage("fitting word vectors"):
                vectors = ppmi_svd(corpus.documents, len(corpus.counts), config.embedding, seed=config.seed)
        model = build_language_model(config, corpus.counts, vectors)
        _train(
            config, Pretrainer(config, model, steps * config.epochs), corpus, run, resuming, checkpoint_seconds, shown
        )
        encoder = from_language_model(model, tokenizer, corpus.counts, provenance=run.provenance())
        encoder.save(run.encoder)
        write_report(run, corpus)
        return encoder


def _tokenizer(config: PretrainConfig, texts: Sequence[str], run: PretrainRun, shown: FitProgress) -> Tokenizer:
    if run.tokenizer.exists():
        return run.read_tokenizer()
    with shown.stage("building the vocabulary"):
        tokenizer = Tokenizer(build_vocabulary(texts, config.vocabulary))
    write_atomically(run.tokenizer, tokenizer.to_json().encode())
    return tokenizer


def _stream(config: PretrainConfig, corpus: Corpus, epoch: int) -> NDArray[np.int32]:
    return streams(corpus.documents, config.streams, np.random.default_rng([config.seed, epoch]))


def _steps(config: PretrainConfig, corpus: Corpus) -> int:
    """Windows an epoch."""
    tokens = int(corpus.counts.sum())
    steps = windows(tokens, config.streams, config.window)
    if not steps:
        raise DataError(
            f"{tokens:,} tokens fill no window of {config.window} tokens in {config.streams} streams; lower streams or "
            f"window",
            field="streams",
        )
    return steps


def _train(
    config: PretrainConfig,
    trainer: Pretrainer,
    corpus: Corpus,
    run: PretrainRun,
    resuming: bool,
    checkpoint_seconds: float,
    shown: FitProgress,
) -> None:
    steps, per_window = _steps(config, corpus), config.streams * config.window
    candidates = Candidates(corpus.counts, min(config.candidates, len(corpus.counts)))
    position: dict[str, Any] = {"epoch": 0, "window": 0, "loss": 0.0, "seconds": 0.0, "history": []}
    if resuming:
        arrays, position = checkpoint.load(run.checkpoint)
        trainer.restore(arrays)
    while position["epoch"] < config.epochs:
        epoch = position["epoch"]
        stream = _stream(config, corpus, epoch)
        saved = started = time.monotonic()
        shown.epoch(epoch + 1, config.epochs, steps * per_window, done=position["window"] * per_window, unit="tokens")
        if not position["window"]:
            trainer.forget()
        for number in range(position["window"], steps):
            drawn = candidates.draw(np.random.default_rng([config.seed, epoch, number]))
            position["loss"] += trainer.step(window(stream, number, config.window), *drawn)
            position["window"] = number + 1
            shown.advance(per_window, loss=position["loss"] / (number + 1))
            if time.monotonic() - saved > checkpoint_seconds:
                saved = time.monotonic()
                checkpoint.save(
                    run.checkpoint, trainer.state(), position | {"seconds": position["seconds"] + saved - started}
                )
        seconds = position["seconds"] + time.monotonic() - started
        figures = _figures(epoch + 1, position["loss"] / steps, trainer.evaluate(corpus.validation), seconds)
        shown.note(
            f"epoch {epoch + 1}/{config.epochs}  sampled {figures['sampled_loss']:.4f}  validation forward "
            f"{figures['validation_forward']:.4f}, backward {figures['validation_backward']:.4f}  {seconds:.0f} s"
        )
        history = [*position["history"], figures]
        run.write_log(history)  # before the checkpoint: a kill between the two only writes the same lines again
        position = {"epoch": epoch + 1, "window": 0, "loss": 0.0, "seconds": 0.0, "history": history}
        checkpoint.save(run.checkpoint, trainer.state(), position)


def _figures(epoch: int, sampled: float, validation: tuple[float, float], seconds: float) -> dict[str, Any]:
    """The line of the log of an epoch."""
    forward, backward = validation
    if not math.isfinite(sampled + forward + backward):
        raise TrainingError(f"the loss of epoch {epoch} is not finite; lower learning_rate", field="learning_rate")
    return {
        "epoch": epoch,
        "sampled_loss": sampled,
        "validation_forward": forward,
        "validation_backward": backward,
        "seconds": round(seconds, 2),
    }
