"""One epoch of a fit: training on its batches, then evaluating, logging and writing the checkpoint."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from training.config.fit import FitConfig
from training.data.dataset import Dataset
from training.errors import TrainingError
from training.run import checkpoint
from training.run.progress import FitProgress
from training.supervised.batches import EpochBatches, TrainingData
from training.supervised.run_folder import Run
from training.supervised.trainer import Trainer


@dataclass(frozen=True)
class TrainingState:
    """The position of a fit, which a checkpoint stores next to the arrays of the trainer.

    Attributes:
        epoch: The number of complete epochs.
        batch: The number of batches seen of the epoch after them.
        loss: The sum of the losses of the reviews in these batches.
        right: The number of these reviews that were classified correctly.
        seconds: The time spent on these batches.
        history: One dict per complete epoch, as `fit` returns them.
    """

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    right: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class FitPlan:
    """Everything that stays the same throughout a fit.

    Attributes:
        config: The configuration.
        training: The encoded training data.
        validation: The encoded validation reviews.
        run: The run folder.
        checkpoint_seconds: The maximum time between two checkpoints.
        progress: Where to show progress.
    """

    config: FitConfig
    training: TrainingData
    validation: Dataset
    run: Run
    checkpoint_seconds: float
    progress: FitProgress


def train_epoch(plan: FitPlan, trainer: Trainer, state: TrainingState) -> TrainingState:
    """Train on the batches of the epoch that are left."""
    config, progress = plan.config, plan.progress
    batches = EpochBatches(config, plan.training, state.epoch)
    progress.epoch(state.epoch + 1, config.epochs, batches.reviews, done=state.batch * config.batch_size)
    saved = time.monotonic()
    started = saved - state.seconds
    for number in range(state.batch, len(batches)):
        batch = batches[number]
        loss, accuracy = trainer.step(batch.ids, batch.lengths, batch.labels, batch.unlabelled, batch.spliced, batch.spans)
        size = len(batch.ids)
        state = dataclasses.replace(
            state, batch=number + 1, loss=state.loss + loss * size, right=state.right + accuracy * size
        )
        seen = min(state.batch * config.batch_size, batches.reviews)
        progress.advance(size, loss=state.loss / seen, accuracy=state.right / seen)
        if time.monotonic() - saved > plan.checkpoint_seconds:
            saved = time.monotonic()
            stored = dataclasses.replace(state, seconds=saved - started)
            checkpoint.save(plan.run.checkpoint, trainer.state(), dataclasses.asdict(stored))
    return dataclasses.replace(state, seconds=time.monotonic() - started)


def end_epoch(plan: FitPlan, trainer: Trainer, state: TrainingState) -> TrainingState:
    """Evaluate the averaged weights, keep them if they are the best, and write log and checkpoint."""
    epoch, reviews = state.epoch + 1, len(plan.training.dataset.ids)
    validation_loss, validation_accuracy = trainer.evaluate(plan.validation)
    if not math.isfinite(state.loss + validation_loss):
        raise TrainingError(
            f"the loss of epoch {epoch} is not finite; lower learning_rate or set clip_norm", field="learning_rate"
        )
    metrics = {
        "epoch": epoch,
        "loss": state.loss / reviews,
        "accuracy": state.right / reviews,
        "validation_loss": validation_loss,
        "validation_accuracy": validation_accuracy,
        "seconds": round(state.seconds, 2),
    }
    history = [*state.history, metrics]
    plan.progress.epoch_end(metrics)
    if best_epoch(history) == epoch:
        checkpoint.save(plan.run.best, trainer.averaged_weights(), {"epoch": epoch})
    # The log comes before the checkpoint: after a kill between the two, the resumed fit only writes the same lines.
    plan.run.write_log(history)
    state = TrainingState(epoch=epoch, history=history)
    checkpoint.save(plan.run.checkpoint, trainer.state(), dataclasses.asdict(state))
    return state


def best_epoch(history: Sequence[dict[str, Any]]) -> int:
    """The number (from 1) of the first epoch with the lowest validation loss."""
    return 1 + min(range(len(history)), key=lambda index: history[index]["validation_loss"])


def is_out_of_patience(history: Sequence[dict[str, Any]], patience: int) -> bool:
    """Whether the validation loss has not improved for `patience` epochs; never if `patience` is 0."""
    return bool(patience and history) and len(history) - best_epoch(history) >= patience
