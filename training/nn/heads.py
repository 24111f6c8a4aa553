"""From recurrent states to a verdict: one layer a way of reading, each with its exact split over timesteps.

Shapes: B reviews, T timesteps (right-padded), D state width. Every head offers `logit` for training and `read`,
which gives the whole graph contract: the logit, the model's own reading at every timestep, and the contribution of
every timestep, with logit = bias + Σ_t contribution_t. A head whose last step is linear also offers `scale`.
"""

from __future__ import annotations

from typing import Any, TypedDict

import keras
from keras import ops

from training.config.presets import FitConfig
from training.nn.backend import matmul

Tensor = Any
"""A Keras tensor; Keras ships no type for it."""

_MASKED = -1e9


class HeadOutput(TypedDict):
    """What a head reads from one batch.

    `contributions` is None where the verdict has no additive form.
    """

    logit: Tensor  # [B]
    bias: Tensor  # [B]
    scores: Tensor  # [B, T] probabilities, 0 on padding
    contributions: Tensor | None  # [B, T] 0 on padding


def time_mask(states: Tensor, lengths: Tensor) -> Tensor:
    """1.0 where a timestep belongs to the review, 0.0 on padding; [B, T]."""
    steps = ops.expand_dims(ops.arange(ops.shape(states)[1]), 0)  # indexing with None would export two nodes
    return ops.cast(steps < ops.expand_dims(lengths, 1), states.dtype)


class PoolingHead(keras.layers.Layer):
    """Mean and attention pooling, one linear layer: the flagship's head.

    With states h_t, length n, attention a_t = softmax_t(u·h_t):

        logit = b + w_mean · (Σ_t h_t) / n + w_att · Σ_t a_t h_t
              = b + Σ_t (w_mean · h_t / n + a_t w_att · h_t)

    Each term of the sum is timestep t's contribution. Read at t alone (pooling over one state), the same layer gives
    `scores_t = σ(b + (w_mean + w_att) · h_t)`.

    A forward model pools the prefix instead, so that what it says at t depends on nothing after t: with z_t the logit
    of the first t tokens, `scores_t = σ(z_t)`, contribution_t = z_t − z_{t−1} and z_0 = b.
    """

    def __init__(self, *, prefix: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prefix = prefix

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        """Make the weights; Keras calls it with the shape of the inputs."""
        width = states_shape[-1]
        self.attention = self.add_weight(shape=(width,), initializer="zeros", name="attention")
        self.w_mean = self.add_weight(shape=(width,), initializer=_small_normal(), name="w_mean")
        self.w_attention = self.add_weight(shape=(width,), initializer=_small_normal(), name="w_attention")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def scale(self, temperature: float, shift: float) -> None:
        """Divide logit, bias and contributions by a temperature, then shift logit and bias; exact."""
        for weight in (self.w_mean, self.w_attention, self.bias):
            weight.assign(weight / temperature)
        self.bias.assign(self.bias + shift)

    def _attend(self, states: Tensor, mask: Tensor) -> Tensor:
        return ops.softmax(ops.matmul(states, self.attention) + (1 - mask) * _MASKED, axis=-1)  # [B, T]

    def logit(self, states: Tensor, lengths: Tensor, keep: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Logit of each review, [B].

        Args:
            states: [B, T, D].
            lengths: int [B].
            keep: dropout masks of the two pooled vectors, each [B, D]; None for none.
        """
        mask = time_mask(states, lengths)
        mean = ops.sum(states * mask[..., None], axis=1) / ops.cast(lengths, states.dtype)[:, None]  # [B, D]
        attended = ops.einsum("bt,btd->bd", self._attend(states, mask), states)  # [B, D]
        if keep is not None:
            mean, attended = mean * keep[0], attended * keep[1]
        return self.bias + ops.matmul(mean, self.w_mean) + ops.matmul(attended, self.w_attention)

    def timestep_logits(self, states: Tensor) -> Tensor:
        """What a bidirectional model reads at each state alone, before the sigmoid; [B, T]."""
        return self.bias + ops.matmul(states, self.w_mean + self.w_attention)

    def read(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """See `HeadOutput`."""
        mask, length = time_mask(states, lengths), ops.cast(lengths, states.dtype)
        columns = ops.stack([self.w_mean, self.w_attention, self.attention], axis=1)  # [D, 3]
        # one product instead of three, and not by Keras, whose reshapes would stay in the exported graph
        products = ops.split(matmul(states, columns), 3, axis=-1)
        mean, attended, energy = (ops.squeeze(product, -1) for product in products)  # each [B, T]
        mean, energy = mean * mask, energy + (1 - mask) * _MASKED
        if self.prefix:
            return self._read_prefix(mask, mean, attended, energy)
        contributions = mean / ops.expand_dims(length, 1) + ops.softmax(energy, axis=-1) * attended
        bias = self.bias + 0 * length
        return HeadOutput(
            logit=bias + ops.sum(contributions, axis=1),
            bias=bias,
            scores=ops.sigmoid(self.bias + mean + attended) * mask,
            contributions=contributions,
        )

    def _read_prefix(self, mask: Tensor, mean: Tensor, attended: Tensor, energy: Tensor) -> HeadOutput:
        weight = ops.exp(energy - ops.max(energy, axis=1, keepdims=True))  # [B, T]
        steps = ops.cast(ops.arange(ops.shape(mask)[1]) + 1, mask.dtype)  # [T] 1, 2, …
        total = ops.maximum(ops.cumsum(weight, axis=1), 1e-30)
        logits = self.bias + ops.cumsum(mean, axis=1) / steps + ops.cumsum(weight * attended, axis=1) / total
        return read_prefix_logits(logits, mask, self.bias)


class LastHead(keras.layers.Layer):
    """A dense layer on the last state, optionally behind a ReLU layer.

        z_t = w · φ(h_t) + b,   logit = z_n

    Read at t it is the verdict of the first t tokens; contribution_t = z_t − z_{t−1}, z_0 = the reading of the
    zero state.
    """

    def __init__(self, *, hidden: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(hidden, activation="relu", name="hidden") if hidden else None
        self.output_layer = keras.layers.Dense(1, name="output")

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        """Make the weights; Keras calls it with the shape of the inputs."""
        shape = states_shape
        if self.hidden is not None:
            self.hidden.build(shape)
            shape = self.hidden.compute_output_shape(shape)
        self.output_layer.build(shape)

    def scale(self, temperature: float, shift: float) -> None:
        """Divide logit, bias and contributions by a temperature, then shift logit and bias; exact."""
        for weight in (self.output_layer.kernel, self.output_layer.bias):
            weight.assign(weight / temperature)
        self.output_layer.bias.assign(self.output_layer.bias + shift)

    def _dense(self, states: Tensor) -> Tensor:
        hidden = states if self.hidden is None else self.hidden(states)
        return self.output_layer(hidden)[..., 0]

    def logit(self, states: Tensor, lengths: Tensor, keep: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Logit of each review, [B]; arguments as in `PoolingHead.logit`."""
        last = ops.take_along_axis(states, (lengths - 1)[:, None, None], axis=1)[:, 0]  # [B, D]
        return self._dense(last if keep is None else last * keep[0])

    def read(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """See `HeadOutput`."""
        logits = self._dense(states)  # [B, T]
        start = self._dense(ops.zeros_like(states[:1, 0]))[0]
        return read_prefix_logits(logits, time_mask(states, lengths), start)


class UnitHead(keras.layers.Layer):
    """The state itself is the probability: one recurrent unit with a sigmoid.

        z_t = log(h_t / (1 − h_t)),   logit = z_n

    contribution_t = z_t − z_{t−1}, where z_0 = 0: before the first token the model says nothing.
    """

    def logit(self, states: Tensor, lengths: Tensor, keep: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Logit of each review, [B]; arguments as in `PoolingHead.logit`, without dropout."""
        last = ops.take_along_axis(states, (lengths - 1)[:, None, None], axis=1)[:, 0, 0]
        return log_odds(last)

    def read(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """See `HeadOutput`."""
        return read_prefix_logits(log_odds(states[..., 0]), time_mask(states, lengths), 0.0)


class TimestepsHead(keras.layers.Layer):
    """A dense layer with a sigmoid at every timestep; the verdict is their mean, which has no additive logit.

    p_t = σ(w · h_t + b),   probability = (Σ_t p_t) / n,   logit = log(probability / (1 − probability))
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_layer = keras.layers.Dense(1, activation="sigmoid", name="output")

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        """Make the weights; Keras calls it with the shape of the inputs."""
        self.output_layer.build(states_shape)

    def probabilities(self, states: Tensor) -> Tensor:
        """Probability at every timestep, padding included, [B, T]."""
        return self.output_layer(states)[..., 0]

    def logit(self, states: Tensor, lengths: Tensor, keep: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Logit of each review, [B]; arguments as in `PoolingHead.logit`, without dropout."""
        return self.read(states, lengths)["logit"]

    def read(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """See `HeadOutput`."""
        scores = self.probabilities(states) * time_mask(states, lengths)
        logit = log_odds(ops.sum(scores, axis=1) / ops.cast(lengths, states.dtype))
        return HeadOutput(logit=logit, bias=0 * logit, scores=scores, contributions=None)


def read_prefix_logits(logits: Tensor, mask: Tensor, start: Tensor) -> HeadOutput:
    """The reading of a model whose logit at t judges the first t tokens.

    Args:
        logits: [B, T] z_t.
        mask: [B, T] 1.0 within each review.
        start: scalar z_0.
    """
    bias = start + 0 * logits[:, 0]  # [B]
    steps = (logits - ops.concatenate([bias[:, None], logits[:, :-1]], axis=1)) * mask
    return HeadOutput(
        logit=bias + ops.sum(steps, axis=1), bias=bias, scores=ops.sigmoid(logits) * mask, contributions=steps
    )


def log_odds(probability: Tensor) -> Tensor:
    """log(p / (1 − p)), with p held within [1e-7, 1 − 1e-7]."""
    p = ops.clip(probability, 1e-7, 1 - 1e-7)
    return ops.log(p) - ops.log(1 - p)


def make_head(config: FitConfig) -> keras.layers.Layer:
    """The head that a config names."""
    if config.head == "pooling":
        return PoolingHead(prefix=config.direction == "forward", name="head")
    if config.head == "last":
        return LastHead(hidden=config.hidden, name="head")
    return UnitHead(name="head") if config.head == "unit" else TimestepsHead(name="head")


def _small_normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.1)
