"""The training step, the evaluation and the resumable state of a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.config.pretraining import PretrainConfig
from training.data.dataset import pad
from training.nn.backend import compile_function, differentiate, to_numpy
from training.nn.heads import Tensor
from training.pretraining.language_model import LanguageModel
from training.run import checkpoint


class TrapezoidalSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly, stays at its peak until half of all steps, and falls linearly to a tenth.

    It rises over the first 200 steps, or over the first twentieth of fewer than 4,000 steps.
    """

    def __init__(self, peak: float, steps: int) -> None:
        """Create a schedule.

        Args:
            peak: The highest rate.
            steps: The planned number of steps.
        """
        self.peak, self.steps = peak, steps

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, counted from 0."""
        step = keras.ops.cast(step, "float32")
        rising = (step + 1) / min(200.0, max(1.0, self.steps / 20))
        falling = 1 - 0.9 * (step - self.steps / 2) / max(1.0, self.steps / 2)
        return self.peak * keras.ops.maximum(0.1, keras.ops.minimum(1.0, keras.ops.minimum(rising, falling)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as Keras stores them."""
        return {"peak": self.peak, "steps": self.steps}


class Pretrainer:
    """Trains a language model step by step; `state()` holds everything needed to resume.

    Attributes:
        model: The model with the weights of the last step.
        optimizer: Adam.
        carried: float32 [2, 2, B, H], the hidden and the cell state of each direction at the end of the last window.
    """

    def __init__(self, config: PretrainConfig, model: LanguageModel, steps: int) -> None:
        """Create a trainer.

        Args:
            config: The recipe.
            model: The built model with its initial weights.
            steps: The planned number of steps, which determines the learning rate schedule.
        """
        self.config = config
        self.model = model
        rate = TrapezoidalSchedule(config.learning_rate, steps)
        self.optimizer = keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=config.clip_norm, name="adam")
        self.optimizer.build(model.trainable_variables)
        shape = (2, 2, config.streams, config.units)  # direction; hidden, cell
        self.carried = keras.Variable(np.zeros(shape, np.float32), trainable=False)
        window = ("int32", [2, config.streams, config.window + 1])
        self._step = compile_function(self._train, window, ("int32", [None]), ("float32", [None]))
        self._full_loss = compile_function(model.full_vocabulary_loss, ("int32", [None, None]), ("int32", [None]))

    def step(self, ids: NDArray[np.int32], candidates: NDArray[np.int32], correction: NDArray[np.float32]) -> float:
        """Train on one window of both directions, continuing from the states at the end of the previous window.

        Args:
            ids: int32 [2, B, window + 1], as returned by `training.pretraining.batches.window_at`.
            candidates: int32 [S].
            correction: float32 [S]; see `LanguageModel.sampled_loss`.

        Returns:
            The loss before the update, in nats.
        """
        return float(self._step(ids, candidates, correction))

    def _train(self, ids: Tensor, candidates: Tensor, correction: Tensor) -> Tensor:
        variables = self.model.trainable_variables
        carried = [(self.carried[side, 0], self.carried[side, 1]) for side in (0, 1)]

        def loss_and_states() -> tuple[Tensor, ...]:
            loss, ended = self.model.sampled_loss(ids, carried, candidates, correction)
            return loss, ops.stack([ops.stack(state) for state in ended])

        (loss, ended), _, gradients = differentiate(loss_and_states, [], variables)
        self.optimizer.apply(gradients, variables)
        self.carried.assign(ended)
        return loss

    def reset_states(self) -> None:
        """Reset the carried states to zero for the start of new streams."""
        self.carried.assign(np.zeros(self.carried.shape, np.float32))

    def evaluate(self, documents: Sequence[NDArray[np.int32]], batch_size: int = 8) -> tuple[float, float]:
        """Return the whole-vocabulary cross-entropy of the forward and the backward direction, in nats per word.

        Args:
            documents: The token ids of each text, int32 [n_i]; every text starts from a zero state.
            batch_size: The number of texts per batch.
        """
        total, words = np.zeros(2), 0
        ordered = sorted(documents, key=len)
        for start in range(0, len(ordered), batch_size):
            ids, lengths = pad(ordered[start : start + batch_size])
            total += self._full_loss(ids, lengths)
            words += int((lengths - 1).sum())
        forward, backward = total / max(words, 1)
        return float(forward), float(backward)

    def _variables(self) -> dict[str, Any]:
        named = {f"model/{variable.path}": variable for variable in self.model.trainable_variables}
        named["model/random"] = self.model.random.state
        named["carried"] = self.carried
        return named | {f"adam/{variable.path}": variable for variable in self.optimizer.variables}

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all variables of model, optimizer and dropout generator, and the carried states, by name."""
        return {name: to_numpy(variable) for name, variable in self._variables().items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Load a state returned by `state`.

        Raises:
            CheckpointError: The state belongs to another model.
        """
        checkpoint.assign(self._variables(), state)
