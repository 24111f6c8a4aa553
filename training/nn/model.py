"""The sentiment model in Keras: word vectors, recurrent layers, head.

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
from training.config.fit import FitConfig
from training.nn.backend import reverse_sequences, run_recurrent
from training.nn.heads import HeadOutput, Tensor, make_head
from training.nn.initial_weights import FinishedFit, InitialWeights, check_layers, provides_recurrent_layers

# The standard deviation of the initial word vectors.
WORD_VECTOR_STDDEV = 0.5


class Recurrent(keras.layers.Layer):
    """One recurrent layer over right-padded reviews whose states are independent of the padding.

    The backward direction reads each review reversed *within its own length*, and its states are put back in reading
    order, so that timestep t of both directions has seen token t. Neither direction needs a mask.

    Attributes:
        directions: The Keras recurrent layers, forward first.
    """

    def __init__(self, config: FitConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = config.cell
        self.bidirectional = config.direction == "bidirectional"
        names = ("forward", "backward") if self.bidirectional else ("forward",)
        self.directions = [_keras_layer(config, name) for name in names]

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        """Create the weights; Keras calls this with the shape of the inputs."""
        for layer in self.directions:
            layer.build(inputs_shape)

    def call(self, inputs: Tensor, lengths: Tensor, training: bool = False) -> Tensor:
        """Return the states at every timestep, [B, T, D]; D is twice the number of units if the layer is bidirectional.

        Args:
            inputs: [B, T, E].
            lengths: int32 [B].
            training: Whether gradients will be computed. `backend.run_recurrent` then replaces the Keras layer: it is
                faster but keeps more in memory.
        """
        forward, *backward = self.directions
        run: Callable[..., Tensor] = run_recurrent if training else operator.call
        states = ops.cast(run(forward, inputs), inputs.dtype)
        if not backward:
            return states
        reverse = reverse_sequences(run(backward[0], reverse_sequences(inputs, lengths)), lengths)
        return ops.concatenate([states, ops.cast(reverse, inputs.dtype)], axis=-1)


def _keras_layer(config: FitConfig, name: str) -> keras.layers.Layer:
    options: dict[str, Any] = {"activation": config.activation, "return_sequences": True, "name": name}
    if config.cell == "gru":
        options["reset_after"] = config.reset_after
    if config.compute == "bfloat16":
        options["dtype"] = "mixed_bfloat16"
    layer = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[config.cell]
    return layer(config.units, **options)


class Masks(NamedTuple):
    """The dropout masks of one training step, each already scaled by 1 / (1 − rate)."""

    ids: Tensor  # int32 [B, T], with dropped tokens replaced by the unknown id
    vectors: Tensor  # [B, 1 or T, E] for the word vectors
    between: list[Tensor]  # each [B, 1, D], between recurrent layers
    pooled: tuple[Tensor, Tensor]  # each [B, D], before the linear layer


class SentimentModel(keras.Model):
    """Word vectors → recurrent layers → head.

    `call` implements the whole graph contract. Training calls `embedding`, `states` and `head.logit` instead, so that
    it can perturb the word vectors in between.
    """

    def __init__(self, config: FitConfig, vocabulary_size: int, head: keras.layers.Layer | None = None) -> None:
        super().__init__(name=config.name.replace("-", "_"))
        self.config = config
        self.random = keras.random.SeedGenerator(config.seed, name="random")
        self.embedding = keras.layers.Embedding(vocabulary_size, config.embedding, name="embedding")
        self.recurrent = [Recurrent(config, name=f"recurrent_{index}") for index in range(config.layers)]
        self.head = make_head(config) if head is None else head

    def build(self, ids_shape: Any = None) -> None:
        """Create the weights; Keras calls this with the shape of the inputs."""
        self.embedding.build((None, None))
        width, sides = self.config.embedding, 2 if self.config.direction == "bidirectional" else 1
        for layer in self.recurrent:
            layer.build((None, None, width))
            width = sides * self.config.units
        self.head.build((None, None, width))
        self.built = True

    @property
    def state_width(self) -> int:
        """The width D of the last layer's states."""
        return self.config.units * (2 if self.config.direction == "bidirectional" else 1)

    def draw_masks(self, ids: Tensor) -> Masks:
        """Draw the dropout masks of one step, which its clean and its perturbed pass share.

        Args:
            ids: int32 [B, T].
        """
        config, (batch, time) = self.config, ops.shape(ids)
        if config.token_dropout:
            dropped = keras.random.uniform(ops.shape(ids), seed=self.random) < config.token_dropout
            ids = ops.where(dropped, UNKNOWN_ID, ids)
        return Masks(
            ids=ids,
            vectors=self._dropout_mask(
                (batch, 1 if config.variational else time, config.embedding), config.embedding_dropout
            ),
            between=[
                self._dropout_mask((batch, 1, self.state_width), config.state_dropout) for _ in self.recurrent[:-1]
            ],
            pooled=(
                self._dropout_mask((batch, self.state_width), config.state_dropout),
                self._dropout_mask((batch, self.state_width), config.state_dropout),
            ),
        )

    def _dropout_mask(self, shape: tuple[Any, ...], rate: float) -> Tensor:
        return keras.random.dropout(ops.ones(shape), rate, seed=self.random)

    def states(self, vectors: Tensor, lengths: Tensor, masks: Masks | None = None) -> Tensor:
        """Return the states of the last recurrent layer, [B, T, D].

        Args:
            vectors: [B, T, E].
            lengths: int32 [B].
            masks: The dropout masks of a training step; None for inference without gradients.
        """
        states = vectors
        for index, layer in enumerate(self.recurrent):
            if index and masks is not None:
                states = states * masks.between[index - 1]
            states = layer(states, lengths, training=masks is not None)
        return states

    def call(self, ids: Tensor, lengths: Tensor) -> HeadOutput:
        """Return all outputs of the graph contract; see `training.nn.heads.HeadOutput`.

        Args:
            ids: int32 [B, T], padded with 0.
            lengths: int32 [B], at least 1.
        """
        output: HeadOutput = self.head.outputs(self.states(self.embedding(ids), lengths), lengths)
        return output


def build_model(
    config: FitConfig,
    vocabulary_size: int,
    vectors: NDArray[np.float32] | None = None,
    start: InitialWeights | None = None,
    head: keras.layers.Layer | None = None,
) -> SentimentModel:
    """Create a model with its initial weights, which depend on the config alone.

    Args:
        config: The recipe.
        vocabulary_size: The number of rows of the embedding.
        vectors: Initial word vectors, float32 [vocabulary_size, E] with standard deviation 1; None to draw them.
        start: Weights to start from. A finished fit provides all of them; an encoder provides the word vectors and,
            if the number of units matches, the first recurrent layer.
        head: A head that replaces the recipe's, for comparisons; such a model can be trained but not exported.

    Raises:
        ConfigError: The encoder's word vectors have another width, or the fit has other layers.
    """
    keras.utils.set_random_seed(config.seed)
    model = SentimentModel(config, vocabulary_size, head)
    model.build()
    if start is not None:
        check_layers(start, config)
    if isinstance(start, FinishedFit):
        start.assign({variable.path: variable for variable in model.trainable_variables})
    elif start is not None:
        model.embedding.embeddings.assign(start.vectors)
        if provides_recurrent_layers(start, config):
            for layer, weights in zip(model.recurrent[0].directions, start.directions, strict=False):
                layer.set_weights(weights)
    elif vectors is not None:
        model.embedding.embeddings.assign(vectors * WORD_VECTOR_STDDEV)
    return model
