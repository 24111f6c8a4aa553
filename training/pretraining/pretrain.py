"""Resumable pre-training of a bidirectional language model on unlabelled texts."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.atomic_write import write_atomically
from sentiline.tokenizer import Tokenizer
from training.config.pretraining import PretrainConfig
from training.data.vocabulary import build_vocabulary
from training.errors import DataError, TrainingError
from training.nn.encoder import Encoder
from training.nn.word_vectors import ppmi_svd
from training.pretraining.batches import CandidateSampler, join_into_streams, window_at, windows_per_epoch
from training.pretraining.corpus import Corpus, encode_corpus
from training.pretraining.export_encoder import export_encoder
from training.pretraining.language_model import build_language_model
from training.pretraining.report import write_report
from training.pretraining.run_folder import PretrainRun
from training.pretraining.trainer import Pretrainer
from training.run import checkpoint
from training.run.progress import FitProgress


@dataclass
class Position:
    """The position of a pre-training, stored in its checkpoints.

    Attributes:
        epoch: The number of completed epochs.
        window: The number of windows completed in the current epoch.
        loss: The sum of the losses of these windows, in nats.
        seconds: The time spent on the current epoch.
        history: The log entries of the completed epochs.
    """

    epoch: int = 0
    window: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


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
    """Pre-train a language model and write its encoder, tokenizer, log, report and checkpoints into a run folder.

    A call with `resume` continues an interrupted run from its last checkpoint and ends with the same results as an
    uninterrupted run: text order, candidates, dropout, carried states and optimizer are stored in the checkpoint or
    derived from seeds.

    Args:
        config: The recipe.
        texts: The raw training texts, which must not include validation or test texts.
        validation: Raw texts for the loss reported after each epoch, none of which is in `texts`.
        description: JSON-ready provenance of the data; it must be unchanged when a run is resumed.
        run: The run folder.
        resume: Continue an interrupted run, or start one if there is none.
        overwrite: Discard the results of an earlier run in the folder.
        checkpoint_seconds: The longest time between two checkpoints.
        progress: The progress display; None for none.

    Returns:
        The encoder, before rounding to the float16 of its file.

    Raises:
        TrainingError, ConfigError: See `PretrainRun.start`; also if the loss is not finite.
        CheckpointError: The checkpoint to resume from is damaged.
        DataError: There are too few texts.
    """
    shown = progress or FitProgress(quiet=True)
    with run.locked():
        resuming = run.start(config, description, resume=resume, overwrite=overwrite)
        tokenizer = _tokenizer(config, texts, run, shown)
        with shown.stage("encoding texts"):
            corpus = encode_corpus(texts, validation, tokenizer)
        steps = _steps(config, corpus)
        vectors = None
        if not resuming:  # a checkpoint contains the trained ones
            with shown.stage("fitting word vectors"):
                vectors = ppmi_svd(corpus.documents, len(corpus.counts), config.embedding, seed=config.seed)
        model = build_language_model(config, corpus.counts, vectors)
        _train(
            config, Pretrainer(config, model, steps * config.epochs), corpus, run, resuming, checkpoint_seconds, shown
        )
        encoder = export_encoder(model, tokenizer, corpus.counts, provenance=run.provenance())
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
    return join_into_streams(corpus.documents, config.streams, np.random.default_rng([config.seed, epoch]))


def _steps(config: PretrainConfig, corpus: Corpus) -> int:
    """Return the number of windows per epoch."""
    tokens = int(corpus.counts.sum())
    steps = windows_per_epoch(tokens, config.streams, config.window)
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
    candidates = CandidateSampler(corpus.counts, min(config.candidates, len(corpus.counts)))
    position = Position()
    if resuming:
        arrays, stored = checkpoint.load(run.checkpoint)
        position = Position(**stored)
        trainer.restore(arrays)
    for epoch in range(position.epoch, config.epochs):
        stream = _stream(config, corpus, epoch)
        saved = started = time.monotonic()
        shown.epoch(epoch + 1, config.epochs, steps * per_window, done=position.window * per_window, unit="tokens")
        if not position.window:
            trainer.reset_states()
        for number in range(position.window, steps):
            drawn = candidates.sample(np.random.default_rng([config.seed, epoch, number]))
            position.loss += trainer.step(window_at(stream, number, config.window), *drawn)
            position.window = number + 1
            shown.advance(per_window, loss=position.loss / position.window)
            if time.monotonic() - saved > checkpoint_seconds:
                saved = time.monotonic()
                reached = replace(position, seconds=position.seconds + saved - started)
                checkpoint.save(run.checkpoint, trainer.state(), asdict(reached))
        seconds = position.seconds + time.monotonic() - started
        figures = _figures(epoch + 1, position.loss / steps, trainer.evaluate(corpus.validation), seconds)
        shown.note(
            f"epoch {epoch + 1}/{config.epochs}  sampled {figures['sampled_loss']:.4f}  validation forward "
            f"{figures['validation_forward']:.4f}, backward {figures['validation_backward']:.4f}  {seconds:.0f} s"
        )
        history = [*position.history, figures]
        run.write_log(history)  # before the checkpoint: after a kill in between, the same lines are written again
        position = Position(epoch + 1, history=history)
        checkpoint.save(run.checkpoint, trainer.state(), asdict(position))


def _figures(epoch: int, sampled: float, validation: tuple[float, float], seconds: float) -> dict[str, Any]:
    """Return the log entry of an epoch."""
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
