"""The bidirectional language model that pre-trains the encoder on unlabelled reviews.

One model reads a stream of reviews forward and predicts the next word; the other, which shares its word vectors, reads
it backward and predicts the previous word. Their recurrent layers become the two directions of a bidirectional layer
(Dai & Le 2015, "Semi-supervised Sequence Learning"; Miyato et al. 2017).

Shapes: B streams, T timesteps of a window, E word vector width, H units, S candidates, V words.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.config.pretraining import PretrainConfig
from training.nn.backend import jit_compile, reverse_sequences, run_recurrent
from training.nn.heads import Tensor, time_mask

_MASKED = -1e9

# The hidden and the cell state of an LSTM, each float32 [B, H].
State = tuple[Tensor, Tensor]


class LanguageModel(keras.Model):
    """One LSTM and one projection per direction; input, output and both directions share the word vectors."""

    def __init__(self, config: PretrainConfig, vocabulary_size: int) -> None:
        super().__init__(name="language_model")
        self.config = config
        self.random = keras.random.SeedGenerator(config.seed, name="random")
        self.embedding = keras.layers.Embedding(vocabulary_size, config.embedding, name="embedding")
        policy = "mixed_bfloat16" if config.precision == "bfloat16" else "float32"
        self.directions = [
            keras.layers.LSTM(config.units, return_sequences=True, return_state=True, dtype=policy, name=name)
            for name in ("forward", "backward")
        ]
        self.projections = [
            keras.layers.Dense(config.embedding, use_bias=False, dtype=policy, name=f"{name}_projection")
            for name in ("forward", "backward")
        ]

    def build(self, ids_shape: Any = None) -> None:
        """Create the weights; Keras calls this with the shape of the inputs."""
        self.embedding.build((None, None))
        for lstm, projection in zip(self.directions, self.projections, strict=True):
            lstm.build((None, None, self.config.embedding))
            projection.build((None, None, self.config.units))
        self.word_bias = self.add_weight(shape=(self.embedding.input_dim,), initializer="zeros", name="word_bias")
        self.built = True

    def predict_next(self, vectors: Tensor, direction: int, state: State, *, training: bool) -> tuple[Tensor, State]:
        """Predict the next timestep of one direction as a vector to compare with word vectors.

        Args:
            vectors: [B, T, E], the vectors of the words read.
            direction: 0 for forward, 1 for backward (whose words come in reversed order).
            state: The state at the end of the previous window.
            training: Whether to apply dropout.

        Returns:
            `([B, T, E], state at the end of the window)`.
        """
        rate = self.config.dropout if training else 0.0
        batch = ops.shape(vectors)[0]
        dropped = vectors * self._dropout_mask((batch, 1, self.config.embedding), rate)
        layer = self.directions[direction]
        if training:
            states, hidden, cell = run_recurrent(layer, dropped, list(state))
        else:
            states, hidden, cell = layer(dropped, initial_state=list(state))
        kept = states * ops.cast(self._dropout_mask((batch, 1, self.config.units), rate), states.dtype)
        return self.projections[direction](kept), (ops.cast(hidden, "float32"), ops.cast(cell, "float32"))

    def _dropout_mask(self, shape: tuple[Any, ...], rate: float) -> Tensor:
        return keras.random.dropout(ops.ones(shape), rate, seed=self.random) if rate else ops.ones(shape)

    def sampled_loss(
        self, ids: Tensor, states: list[State], candidates: Tensor, correction: Tensor
    ) -> tuple[Tensor, list[State]]:
        """Return the mean cross-entropy of the next word against sampled candidates (Jean et al. 2015) in nats.

            loss = −log( e^{s_w} / (e^{s_w} + Σ_{c ≠ w} e^{s_c − log Q(c)}) ),   s_c = guess · vector_c / √E + bias_c

        Args:
            ids: int32 [2, B, T + 1], the window of each direction in its reading order.
            states: The initial states of both directions.
            candidates: int32 [S].
            correction: float32 [S], the logarithm of the expected count Q of each candidate.

        Returns:
            `(loss, states at the end of the window)`.
        """
        read, next_ids = ids[:, :, :-1], ops.reshape(ids[:, :, 1:], (-1,))
        width, shape = self.config.embedding, ops.shape(read)
        count = shape[0] * shape[1] * shape[2]
        # A single lookup serves all uses, so that the table's gradient is accumulated only once.
        looked_up = self.embedding(ops.concatenate([ops.reshape(read, (-1,)), next_ids, candidates], axis=0))
        vectors = ops.reshape(looked_up[:count], (*shape, width))
        targets, table = looked_up[count : 2 * count], looked_up[2 * count :]
        found = [self.predict_next(vectors[side], side, states[side], training=True) for side in (0, 1)]
        guess = ops.reshape(ops.stack([vectors for vectors, _ in found]), (-1, width))
        scale = width**-0.5
        correct = ops.sum(ops.cast(guess, "float32") * targets, axis=-1) * scale
        correct = correct + ops.take(self.word_bias, next_ids, axis=0)
        products = ops.matmul(guess, ops.transpose(ops.cast(table * scale, guess.dtype)))  # [2·B·T, S]
        shift = ops.take(self.word_bias, candidates, axis=0) - correction
        loss = _fused_cross_entropy(products, correct, shift, next_ids, candidates)
        return loss, [state for _, state in found]

    def full_vocabulary_loss(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the summed cross-entropy of each direction over the whole vocabulary, in nats; [2].

        Args:
            ids: int32 [B, T], texts right-padded with 0.
            lengths: int32 [B].
        """
        sums = []
        mask = time_mask(ops.cast(ids[:, 1:], "float32"), lengths - 1)
        for side, sequence in enumerate((ids, reverse_sequences(ids, lengths))):
            zero = ops.zeros((ops.shape(ids)[0], self.config.units))
            vectors = self.embedding(sequence[:, :-1])
            guess, _ = self.predict_next(vectors, side, (zero, zero), training=False)
            logits = ops.matmul(ops.cast(guess, "float32"), ops.transpose(self.embedding.embeddings))
            logits = logits * self.config.embedding**-0.5 + self.word_bias
            losses = ops.sparse_categorical_crossentropy(sequence[:, 1:], logits, from_logits=True)
            sums.append(ops.sum(losses * mask))
        return ops.stack(sums)


def _sampled_cross_entropy(
    products: Tensor, correct: Tensor, shift: Tensor, next_ids: Tensor, candidates: Tensor
) -> Tensor:
    """Return the mean of the loss defined in `LanguageModel.sampled_loss` over N = 2·B·T predictions.

    Args:
        products: [N, S], the product of each prediction with each candidate.
        correct: float32 [N], the score of the correct word.
        shift: float32 [S], the bias minus the correction of each candidate.
        next_ids: int32 [N], the correct words.
        candidates: int32 [S].
    """
    others = ops.cast(products, "float32") + shift[None, :]
    others = ops.where(next_ids[:, None] == candidates[None, :], _MASKED, others)
    largest = ops.stop_gradient(ops.maximum(ops.max(others, axis=1), correct))
    total = ops.sum(ops.exp(others - largest[:, None]), axis=1) + ops.exp(correct - largest)
    return ops.mean(ops.log(total) + largest - correct)


# One fused pass over [N, S] instead of ten separate ones.
_fused_cross_entropy = jit_compile(_sampled_cross_entropy)


def build_language_model(
    config: PretrainConfig, counts: NDArray[np.int64], vectors: NDArray[np.float32] | None
) -> LanguageModel:
    """Create a language model with its initial weights, which depend on the config and the data alone.

    Args:
        config: The recipe.
        counts: [V], the number of occurrences of each word in the texts; the logarithm of its share is the initial
            bias.
        vectors: Initial word vectors, float32 [V, E] with standard deviation 1; None to draw them.
    """
    keras.utils.set_random_seed(config.seed)
    model = LanguageModel(config, len(counts))
    model.build()
    if vectors is not None:
        model.embedding.embeddings.assign(vectors)
    shares = np.maximum(counts, 1) / max(counts.sum(), 1)
    model.word_bias.assign(np.log(shares).astype(np.float32))
    return model
