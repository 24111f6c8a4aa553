"""Pre-training both directions of a language model on unlabelled texts, resumable, into an encoder."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training import checkpoint
from training.dataset import build_vocabulary, encode, pad
from training.encoder import Encoder, from_language_model
from training.errors import CheckpointError, TrainingError
from training.language_model import LanguageModel, build_language_model
from training.pretrain_presets import PretrainConfig
from training.progress import FitProgress
from training.review import Review
from training.run import PretrainRun
from training.streams import Candidates, streams, window, windows
from training.vectors import ppmi_svd

_VALIDATION_TEXTS = 256
_VALIDATION_TOKENS = 400
_LONGEST = 100_000


class Trapezoid(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises over the first 200 steps, stays for half of all steps, and falls linearly to a tenth."""

    def __init__(self, highest: float, steps: int) -> None:
        """Make a schedule.

        Args:
            highest: the rate in between.
            steps: planned steps.
        """
        self.highest, self.steps = highest, steps

    def __call__(self, step: Any) -> Any:
        """The rate at a step, counted from 0."""
        step = keras.ops.cast(step, "float32")
        rising = (step + 1) / min(200.0, max(1.0, self.steps / 20))
        falling = 1 - 0.9 * (step - self.steps / 2) / max(1.0, self.steps / 2)
        return self.highest * keras.ops.maximum(0.1, keras.ops.minimum(1.0, keras.ops.minimum(rising, falling)))

    def get_config(self) -> dict[str, Any]:
        """The arguments, as Keras stores them."""
        return {"highest": self.highest, "steps": self.steps}


class Pretrainer:
    """Steps a language model along; everything it needs to go on after a kill is in `state()`."""

    def __init__(self, config: PretrainConfig, model: LanguageModel, steps: int) -> None:
        """Make a pre-trainer.

        Args:
            config: the recipe.
            model: built, with its initial weights.
            steps: planned steps, which the learning rate's schedule spans.
        """
        self.config, self.model = config, model
        rate = Trapezoid(config.learning_rate, steps)
        self.optimizer = keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=config.clip_norm, name="adam")
        self.optimizer.build(model.trainable_variables)
        shape = (2, 2, config.streams, config.units)  # direction; hidden, cell
        self.carried = tf.Variable(np.zeros(shape, np.float32), trainable=False)
        self._step = tf.function(
            self._train,
            input_signature=[
                tf.TensorSpec([2, config.streams, config.window + 1], tf.int32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.float32),
            ],
        )
        self._whole = tf.function(
            model.whole_loss, input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
        )

    def step(self, ids: NDArray[np.int32], candidates: NDArray[np.int32], correction: NDArray[np.float32]) -> float:
        """Train on one window of both directions; see `LanguageModel.sampled_loss`."""
        return float(self._step(tf.constant(ids), tf.constant(candidates), tf.constant(correction)))

    def _train(self, ids: Any, candidates: Any, correction: Any) -> Any:
        variables = [variable.value for variable in self.model.trainable_variables]
        carried = [(self.carried[side, 0], self.carried[side, 1]) for side in (0, 1)]
        with tf.GradientTape() as tape:
            loss, ended = self.model.sampled_loss(ids, carried, candidates, correction)
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        self.optimizer.apply(gradients, self.model.trainable_variables)
        self.carried.assign(tf.stack([tf.stack(state) for state in ended]))
        return loss

    def forget(self) -> None:
        """Begin every stream anew."""
        self.carried.assign(tf.zeros_like(self.carried))

    def evaluate(self, documents: Sequence[NDArray[np.int32]], batch_size: int = 8) -> tuple[float, float]:
        """Cross-entropy a word of the forward and the backward direction, nats, whole vocabulary."""
        total, words = np.zeros(2), 0
        ordered = sorted(documents, key=len)
        for start in range(0, len(ordered), batch_size):
            ids, lengths = pad(ordered[start : start + batch_size])
            total += self._whole(tf.constant(ids), tf.constant(lengths)).numpy()
            words += int((lengths - 1).sum())
        forward, backward = total / max(words, 1)
        return float(forward), float(backward)

    def _variables(self) -> dict[str, Any]:
        named = {f"model/{variable.path}": variable for variable in self.model.trainable_variables}
        named["model/random"] = self.model.random.state
        named["carried"] = self.carried
        return named | {f"adam/{variable.path}": variable for variable in self.optimizer.variables}

    def state(self) -> dict[str, NDArray[Any]]:
        """Every variable of model, optimizer and dropout generator, and the carried states, by name."""
        return {name: np.asarray(variable) for name, variable in self._variables().items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a `state()`.

        Raises:
            CheckpointError: it belongs to another model.
        """
        variables = self._variables()
        for name in sorted(variables.keys() | state.keys()):
            if name not in variables or name not in state or tuple(variables[name].shape) != state[name].shape:
                raise CheckpointError(f"the checkpoint is of another model: {name} differs")
            variables[name].assign(state[name])


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
    """Pre-train a language model and leave its encoder, tokenizer, log and checkpoints in a run folder.

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
        The encoder, as written.

    Raises:
        TrainingError, ConfigError: see `PretrainRun.start`.
        CheckpointError: the checkpoint to resume from is damaged.
    """
    shown = progress or FitProgress(quiet=True)
    with run.locked():
        resuming = run.start(config, dict(description), resume=resume, overwrite=overwrite)
        if run.tokenizer.exists():
            tokenizer = run.read_tokenizer()
        else:
            with shown.stage("building the vocabulary"):
                tokenizer = Tokenizer(build_vocabulary(texts, config.vocabulary))
            checkpoint.write_atomically(run.tokenizer, tokenizer.to_json().encode())
        with shown.stage("encoding texts"):
            documents = _encode(texts, tokenizer, _LONGEST)
            held_out = _encode(
                validation[:: max(1, len(validation) // _VALIDATION_TEXTS)], tokenizer, _VALIDATION_TOKENS
            )
        counts = np.bincount(np.concatenate(documents), minlength=len(tokenizer.vocabulary))
        counts[0] = len(documents)  # boundaries
        vectors = None
        if not resuming:
            with shown.stage("fitting word vectors"):
                vectors = ppmi_svd(documents, len(counts), config.embedding, seed=config.seed)
        model = build_language_model(config, counts, vectors)
        _train(config, model, documents, held_out, counts, run, resuming, checkpoint_seconds, shown)
        encoder = from_language_model(model, tokenizer, counts, provenance=run.provenance())
        encoder.save(run.encoder)
        return encoder


def _encode(texts: Sequence[str], tokenizer: Tokenizer, longest: int) -> list[NDArray[np.int32]]:
    whole = Tokenizer(tokenizer.vocabulary, max_tokens=longest, truncation="head")
    return list(encode([Review(text, 0) for text in texts], whole).ids)


def _train(
    config: PretrainConfig,
    model: LanguageModel,
    documents: list[NDArray[np.int32]],
    held_out: list[NDArray[np.int32]],
    counts: NDArray[np.int64],
    run: PretrainRun,
    resuming: bool,
    checkpoint_seconds: float,
    shown: FitProgress,
) -> None:
    def stream_of(epoch: int) -> NDArray[np.int32]:
        return streams(documents, config.streams, np.random.default_rng([config.seed, epoch]))

    steps = windows(stream_of(0), config.window)
    if not steps:
        raise TrainingError(
            f"the texts fill no window of {config.window} tokens in {config.streams} streams; lower streams or window",
            field="streams",
        )
    trainer = Pretrainer(config, model, steps * config.epochs)
    candidates = Candidates(counts, min(config.candidates, len(counts)))
    position: dict[str, Any] = {"epoch": 0, "window": 0, "loss": 0.0, "seconds": 0.0, "history": []}
    if resuming:
        arrays, position = checkpoint.load(run.checkpoint)
        trainer.restore(arrays)
    while position["epoch"] < config.epochs:
        epoch = position["epoch"]
        stream = stream_of(epoch)
        saved = started = time.monotonic()
        per_window = config.streams * config.window
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
        forward, backward = trainer.evaluate(held_out)
        if not math.isfinite(position["loss"] + forward + backward):
            raise TrainingError(
                f"the loss of epoch {epoch + 1} is not finite; lower learning_rate", field="learning_rate"
            )
        history = [
            *position["history"],
            {
                "epoch": epoch + 1,
                "sampled_loss": position["loss"] / steps,
                "validation_forward": forward,
                "validation_backward": backward,
                "seconds": round(seconds, 2),
            },
        ]
        shown.note(
            f"epoch {epoch + 1}/{config.epochs}  sampled loss {position['loss'] / steps:.4f}  validation forward "
            f"{forward:.4f}, backward {backward:.4f} nats a word  {seconds:.0f} s"
        )
        run.write_log(history)
        position = {"epoch": epoch + 1, "window": 0, "loss": 0.0, "seconds": 0.0, "history": history}
        checkpoint.save(run.checkpoint, trainer.state(), position)


def read_history(run: PretrainRun) -> list[dict[str, Any]]:
    """One dict an epoch, as `pretrain` logged it."""
    return [json.loads(line) for line in run.log.read_text("utf-8").splitlines()]
