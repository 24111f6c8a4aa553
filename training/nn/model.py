"""The sentiment model as Keras layers: word vectors, recurrent layers, head.

Shapes: B reviews, T timesteps (right-padded with id 0), E word vector width, D state width.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sentiline.tokenizer import UNKNOWN_ID
from training.config.presets import FitConfig
from training.nn.backend import recur, reverse_within
from training.nn.heads import HeadOutput, Tensor, make_head
from training.supervised.warm_start import Fitted, Start, check_layers, gives_layers

WORD_VECTOR_STDDEV = 0.5
"""Standard deviation of the initial word vectors."""


class Recurrent(keras.layers.Layer):
    """One recurrent layer over right-padded reviews, in which padding never touches a state.

    The backward direction reads each review reversed *within its own length*, and its states are put back in reading
    order, so that timestep t of both directions has seen token t. Neither direction needs a mask.

    Attributes:
        directions: the Keras recurrent layers, forward first.
    """

    def __init__(self, config: FitConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = config.cell
        self.bidirectional = config.direction == "bidirectional"
        names = ("forward", "backward") if self.bidirectional else ("forward",)
        self.directions = [_keras_layer(config, name) for name in names]

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        """Make the weights; Keras calls it with the shape of the inputs."""
        for layer in self.directions:
            layer.build(inputs_shape)

    def call(self, inputs: Tensor, lengths: Tensor, training: bool = False) -> Tensor:
        """States at every timestep, [B, T, D]; D is twice the units where bidirectional.

        Args:
            inputs: [B, T, E].
            lengths: int32 [B].
            training: whether for gradients: by `backend.recur` then, which keeps more in memory than the Keras layer.
        """
        forward, *backward = self.directions
        read: Callable[..., Tensor] = recur if training else operator.call
        states = ops.cast(read(forward, inputs), inputs.dtype)
        if not backward:
            return states
        reverse = reverse_within(read(backward[0], reverse_within(inputs, lengths)), lengths)
        return ops.concatenate([states, ops.cast(reverse, inputs.dtype)], axis=-1)


def _keras_layer(config: FitConfig, name: str) -> keras.layers.Layer:
    options: dict[str, Any] = {"activation": config.activation, "return_sequences": True, "name": name}
    if config.cell == "gru":
        options["reset_after"] = config.reset_after
    if config.compute == "bfloat16":
        options["dtype"] = "mixed_bfloat16"
    kind = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[config.cell]
    return kind(config.units, **options)


class Masks(NamedTuple):
    """Dropout of one training step; every mask is already scaled by 1 / (1 − rate)."""

    ids: Tensor  # int32 [B, T] with dropped tokens read as unknown
    vectors: Tensor  # [B, 1 or T, E] for the word vectors
    between: list[Tensor]  # each [B, 1, D], between recurrent layers
    pooled: tuple[Tensor, Tensor]  # each [B, D], before the linear layer


class SentimentModel(keras.Model):
    """Word vectors → recurrent layers → head.

    `call` is the whole graph contract; training uses `embedding`, `states` and `head.logit`, which a perturbation of
    the word vectors can come between.
    """

    def __init__(self, config: FitConfig, vocabulary_size: int, head: keras.layers.Layer | None = None) -> None:
        super().__init__(name=config.name.replace("-", "_"))
        self.config = config
        self.random = keras.random.SeedGenerator(config.seed, name="random")
        self.embedding = keras.layers.Embedding(vocabulary_size, config.embedding, name="embedding")
        self.recurrent = [Recurrent(config, name=f"recurrent_{index}") for index in range(config.layers)]
        self.head = make_head(config) if head is None else head

    def build(self, ids_shape: Any = None) -> None:
        """Make the weights; Keras calls it with the shape of the inputs."""
        self.embedding.build((None, None))
        width, sides = self.config.embedding, 2 if self.config.direction == "bidirectional" else 1
        for layer in self.recurrent:
            layer.build((None, None, width))
            width = sides * self.config.units
        self.head.build((None, None, width))
        self.built = True

    @property
    def state_width(self) -> int:
        """D, the width of the last layer's states."""
        return self.config.units * (2 if self.config.direction == "bidirectional" else 1)

    def draw_masks(self, ids: Tensor) -> Masks:
        """Draw the dropout of one step, so that a clean and a perturbed pass see the same network.

        Args:
            ids: int32 [B, T].
        """
        config, (batch, time) = self.config, ops.shape(ids)
        if config.token_dropout:
            dropped = keras.random.uniform(ops.shape(ids), seed=self.random) < config.token_dropout
            ids = ops.where(dropped, UNKNOWN_ID, ids)
        return Masks(
            ids=ids,
            vectors=self._keep((batch, 1 if config.variational else time, config.embedding), config.embedding_dropout),
            between=[self._keep((batch, 1, self.state_width), config.state_dropout) for _ in self.recurrent[:-1]],
            pooled=(
                self._keep((batch, self.state_width), config.state_dropout),
                self._keep((batch, self.state_width), config.state_dropout),
            ),
        )

    def _keep(self, shape: tuple[Any, ...], rate: float) -> Tensor:
        return keras.random.dropout(ops.ones(shape), rate, seed=self.random)

    def states(self, vectors: Tensor, lengths: Tensor, masks: Masks | None = None) -> Tensor:
        """States of the last recurrent layer, [B, T, D].

        Args:
            vectors: [B, T, E].
            lengths: int32 [B].
            masks: of a training step; None where no gradient will be asked for.
        """
        states = vectors
        for index, layer in enumerate(self.recurrent):
            if index and masks is not None:
                states = states * masks.between[index - 1]
            states = layer(states, lengths, training=masks is not None)
        return states

    def call(self, ids: Tensor, lengths: Tensor) -> HeadOutput:
        """Read a batch; see `training.nn.heads.HeadOutput`.

        Args:
            ids: int32 [B, T], padded with 0.
            lengths: int32 [B], at least 1.
        """
        reading: HeadOutput = self.head.read(self.states(self.embedding(ids), lengths), lengths)
        return reading


def build_model(
    config: FitConfig,
    vocabulary_size: int,
    vectors: NDArray[np.float32] | None = None,
    start: Start | None = None,
    head: keras.layers.Layer | None = None,
) -> SentimentModel:
    """Make a model with its initial weights, the same ones for the same config on every machine.

    Args:
        config: the recipe.
        vocabulary_size: rows of the embedding.
        vectors: float32 [vocabulary_size, E] initial word vectors with standard deviation 1, or None to draw them.
        start: where all weights come from instead, if it is a fit; word vectors and, if it has as many units, the first
            recurrent layer, if it is an encoder.
        head: another than the recipe's, for comparisons; such a model can be fitted, not exported.

    Raises:
        ConfigError: the encoder's word vectors have another width, or the fit has other layers.
    """
    keras.utils.set_random_seed(config.seed)
    model = SentimentModel(config, vocabulary_size, head)
    model.build()
    if start is not None:
        check_layers(start, config)
    if isinstance(start, Fitted):
        start.assign({variable.path: variable for variable in model.trainable_variables})
    elif start is not None:
        model.embedding.embeddings.assign(start.vectors)
        if gives_layers(start, config):
            for layer, weights in zip(model.recurrent[0].directions, start.directions, strict=False):
                layer.set_weights(weights)
    elif vectors is not None:
        model.embedding.embeddings.assign(vectors * WORD_VECTOR_STDDEV)
    return model
