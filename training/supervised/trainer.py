"""The training step, the moving average of the weights, evaluation, and the state to resume from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.config.fit import FitConfig
from training.data.dataset import Dataset, pad, sorted_batches
from training.nn.backend import compile_function, differentiate, to_numpy
from training.nn.heads import Tensor, TimestepsHead, time_mask
from training.nn.losses import (
    adversarial_noise,
    cross_entropy,
    span_gradients,
    splice_gradients,
    unlabelled_gradients,
)
from training.nn.model import Masks, SentimentModel
from training.run import checkpoint

# The types and shapes of ids, lengths, labels and timestep targets, for `compiled`.
BATCH = (("int32", [None, None]), ("int32", [None]))
_LABELS = ("float32", [None])
_SPANS = ("int32", [None, None])
_TARGETS = ("float32", [None, None])


class Trainer:
    """Trains a model step by step. `state()` holds everything that is needed to continue after a kill.

    Attributes:
        model: The model, with the weights of the last step.
        optimizer: Adam.
        averages: The moving averages of the trainable weights; empty if the configuration asks for none.
    """

    def __init__(self, config: FitConfig, model: SentimentModel, steps: int) -> None:
        """Prepare the optimizer and compile the training step.

        Args:
            config: The configuration.
            model: The built model, with its initial weights.
            steps: The number of planned steps, over which the learning rate decays.
        """
        self.config = config
        self.model = model
        rate: Any = config.learning_rate
        if config.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps, alpha=0.1)
        self.optimizer = keras.optimizers.Adam(
            rate, beta_2=config.beta_2, global_clipnorm=config.clip_norm or None, name="adam"
        )
        self.optimizer.build(model.trainable_variables)
        weights = [to_numpy(variable) for variable in model.trainable_variables]
        self.averages = [keras.Variable(weight, trainable=False) for weight in weights] if config.ema else []
        unlabelled = BATCH if config.virtual or config.entropy else ()
        spliced = (*BATCH, _TARGETS) if config.splices else ()
        spans = (*BATCH, _SPANS, _SPANS, _TARGETS, _TARGETS) if config.spans else ()
        self._step = compile_function(self._train, *BATCH, _LABELS, *unlabelled, *spliced, *spans)
        self._logits = compile_function(self._evaluate, *BATCH)

    def step(
        self,
        ids: NDArray[np.int32],
        lengths: NDArray[np.int32],
        labels: NDArray[Any],
        unlabelled: Sequence[NDArray[Any]] = (),
        spliced: Sequence[NDArray[Any]] = (),
        spans: Sequence[NDArray[Any]] = (),
    ) -> tuple[float, float]:
        """Train on one batch.

        Args:
            ids: Token ids, int32 [B, T], right-padded with 0.
            lengths: Numbers of tokens, int32 [B].
            labels: Labels (0 or 1) or probabilities, [B].
            unlabelled: Ids and lengths of unlabelled reviews, which `virtual` and `entropy` need.
            spliced: Ids, lengths and the targets of every timestep, float32 [S, T], which `splices` needs.
            spans: The arrays of a `training.data.spans.SpanBatch`, which `spans` needs.

        Returns:
            `(loss, accuracy)` of the unperturbed pass with dropout, before the update.
        """
        loss, accuracy = self._step(ids, lengths, labels, *unlabelled, *spliced, *spans)
        return float(loss), float(accuracy)

    def _train(self, ids: Tensor, lengths: Tensor, labels: Tensor, *further: Tensor) -> tuple[Tensor, Tensor]:
        model, variables = self.model, self.model.trainable_variables
        masks = model.draw_masks(ids)

        def loss_at(noise: Tensor) -> tuple[Tensor, Tensor]:
            return self._loss(model.embedding(masks.ids) * masks.vectors + noise, lengths, labels, masks)

        none = ops.zeros((*ops.shape(ids), self.config.embedding))
        (loss, logits), by_vectors, gradients = differentiate(loss_at, [none], variables)
        if self.config.adversarial:
            noise = adversarial_noise(by_vectors[0], self.config.adversarial)
            _, _, worst = differentiate(lambda: loss_at(noise), [], variables)
            gradients = [clean + other for clean, other in zip(gradients, worst, strict=True)]
        for added in self._further_gradients(further):
            gradients = [clean + other for clean, other in zip(gradients, added, strict=True)]
        self.optimizer.apply(gradients, variables)
        self._update_averages()
        right = ops.equal(logits >= 0, labels > 0.5)
        return loss, ops.mean(ops.cast(right, "float32"))

    def _further_gradients(self, further: Sequence[Tensor]) -> Iterator[list[Tensor]]:
        """Yield the gradients of the losses on unlabelled reviews, on splices and on spans."""
        left = iter(further)
        if self.config.virtual or self.config.entropy:
            yield unlabelled_gradients(self.model, *islice(left, 2))
        if self.config.splices:
            yield splice_gradients(self.model, *islice(left, 3))
        if self.config.spans:
            yield span_gradients(self.model, *left)

    def _loss(self, vectors: Tensor, lengths: Tensor, labels: Tensor, masks: Masks) -> tuple[Tensor, Tensor]:
        states = self.model.states(vectors, lengths, masks)
        head = self.model.head
        logits = head.logit(states, lengths, masks.pooled if self.config.state_dropout else None)
        if self.config.loss == "mse" and isinstance(head, TimestepsHead):
            mask = time_mask(states, lengths)
            squares = ops.square(head.probabilities(states) - labels[:, None]) * mask
            return ops.sum(squares) / ops.sum(mask), logits
        return ops.mean(cross_entropy(labels, logits)), logits

    def _update_averages(self) -> None:
        step = ops.cast(self.optimizer.iterations, "float32")
        decay = ops.minimum(self.config.ema, (1 + step) / (10 + step))  # forgets the initial weights quickly
        for average, variable in zip(self.averages, self.model.trainable_variables, strict=False):
            average.assign(decay * average + (1 - decay) * variable)

    def _evaluate(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return model_logits(self.model, ids, lengths)

    def evaluate(self, data: Dataset, batch_size: int = 128) -> tuple[float, float]:
        """Compute binary cross-entropy (in nats) and accuracy of the averaged weights on encoded reviews."""
        with self.averaged():
            logits = predict_logits(self._logits, data.ids, batch_size)
        positive = data.labels > 0.5
        margins = np.where(positive, logits, -logits)
        return float(np.logaddexp(0, -margins).mean()), float(((logits >= 0) == positive).mean())

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the model the averaged weights, if there are any, within a `with` block."""
        if not self.averages:
            yield
            return
        variables = self.model.trainable_variables
        current = [to_numpy(variable).copy() for variable in variables]
        for variable, average in zip(variables, self.averages, strict=True):
            variable.assign(to_numpy(average))
        try:
            yield
        finally:
            for variable, weight in zip(variables, current, strict=True):
                variable.assign(weight)

    def _variables(self) -> dict[str, Any]:
        named = {f"model/{variable.path}": variable for variable in self.model.variables if _changes(variable.path)}
        named |= {f"adam/{variable.path}": variable for variable in self.optimizer.variables}
        trainable = self.model.trainable_variables
        return named | {
            f"average/{variable.path}": average for variable, average in zip(trainable, self.averages, strict=False)
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """The values of all variables of model, optimizer, dropout generator and averages, by name."""
        return {name: to_numpy(variable) for name, variable in self._variables().items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a `state()`.

        Raises:
            CheckpointError: The state belongs to another model.
        """
        checkpoint.assign(
            self._variables(),
            {name: array for name, array in state.items() if _changes(name.removeprefix("model/"))},
        )

    def averaged_weights(self) -> dict[str, NDArray[np.float32]]:
        """The weights that are evaluated and exported, by variable path."""
        with self.averaged():
            return model_weights(self.model)


def _changes(path: str) -> bool:
    """Whether a variable changes during a fit, as the unused random generators of recurrent cells do not."""
    # The names of these generators depend on what else the process has built.
    return not path.startswith("seed_generator")


def model_logits(model: SentimentModel, ids: Tensor, lengths: Tensor) -> Tensor:
    """Compute the logits of a padded batch without dropout, [B]."""
    return model.head.logit(model.states(model.embedding(ids), lengths), lengths)


def predict_logits(
    read: Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[Any]],
    documents: Sequence[NDArray[np.int32]],
    batch_size: int = 128,
    advance: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float64]:
    """Compute the logits of reviews in batches of similar length.

    Args:
        read: A function from ids, int32 [B, T], and lengths, int32 [B], to logits, [B].
        documents: The token ids of each review, int32 [n_i].
        batch_size: The number of reviews per batch.
        advance: A function that is called with the number of reviews of each finished batch.

    Returns:
        Logits in the order of the reviews, float64 [n].
    """
    logits = np.empty(len(documents), np.float64)
    for batch in sorted_batches(np.array([len(document) for document in documents], np.int32), batch_size):
        ids, lengths = pad([documents[index] for index in batch])
        logits[batch] = read(ids, lengths)
        advance(len(batch))
    return logits


def model_weights(model: SentimentModel) -> dict[str, NDArray[np.float32]]:
    """Copy the trainable weights, by variable path."""
    return {variable.path: to_numpy(variable).copy() for variable in model.trainable_variables}


def assign_weights(model: SentimentModel, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Assign weights that `model_weights` returned to a built model."""
    for variable in model.trainable_variables:
        variable.assign(weights[variable.path])
