"""The heads, which turn recurrent states into a logit and split it exactly over the timesteps.

Shapes: B reviews, T timesteps (right-padded), D state width. Every head has `logit` for training and `outputs` for the
whole graph contract: the logit, the model's prediction at every timestep, and the contribution of every timestep, with
logit = bias + Σ_t contribution_t. A head whose last step is linear also has `scale` for calibration.
"""

from __future__ import annotations

from typing import Any, TypedDict

import keras
from keras import ops

from training.config.fit import FitConfig
from training.nn.backend import matmul

# A Keras tensor; Keras provides no type for it.
Tensor = Any

_MASKED = -1e9


class HeadOutput(TypedDict):
    """The outputs of a head for one batch.

    `contributions` is None for a head whose logit is not a sum over timesteps.
    """

    logit: Tensor  # [B]
    bias: Tensor  # [B]
    scores: Tensor  # [B, T] probabilities, 0 on padding
    contributions: Tensor | None  # [B, T] 0 on padding


def time_mask(states: Tensor, lengths: Tensor) -> Tensor:
    """Return a [B, T] mask that is 1.0 within each review and 0.0 on padding."""
    steps = ops.expand_dims(ops.arange(ops.shape(states)[1]), 0)  # indexing with None would export two nodes
    return ops.cast(steps < ops.expand_dims(lengths, 1), states.dtype)


class PoolingHead(keras.layers.Layer):
    """Mean pooling and attention pooling followed by one linear layer: the head of the flagship.

    With states h_t, length n and attention a_t = softmax_t(u·h_t):

        logit = b + w_mean · (Σ_t h_t) / n + w_att · Σ_t a_t h_t
              = b + Σ_t (w_mean · h_t / n + a_t w_att · h_t)

    Each term of the sum is the contribution of timestep t. Applied to the state at t alone (pooling over one state),
    the same layer gives `scores_t = σ(b + (w_mean + w_att) · h_t)`.

    A forward model pools each prefix instead, so that its prediction at t depends on nothing after t: with z_t the
    logit of the first t tokens, `scores_t = σ(z_t)`, contribution_t = z_t − z_{t−1} and z_0 = b.
    """

    def __init__(self, *, prefix: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prefix = prefix

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        """Create the weights; Keras calls this with the shape of the inputs."""
        width = states_shape[-1]
        self.attention = self.add_weight(shape=(width,), initializer="zeros", name="attention")
        self.w_mean = self.add_weight(shape=(width,), initializer=_small_normal(), name="w_mean")
        self.w_attention = self.add_weight(shape=(width,), initializer=_small_normal(), name="w_attention")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def scale(self, temperature: float, shift: float) -> None:
        """Divide logit, bias and contributions by the temperature, then add the shift to logit and bias."""
        for weight in (self.w_mean, self.w_attention, self.bias):
            weight.assign(weight / temperature)
        self.bias.assign(self.bias + shift)

    def gain(self) -> float:
        """Return the largest change of a timestep's probability if every component of its state changes by one."""
        return float(ops.sum(ops.abs(self.w_mean + self.w_attention))) / 4  # the derivative of σ is at most 1/4

    def _attend(self, states: Tensor, mask: Tensor) -> Tensor:
        return ops.softmax(ops.matmul(states, self.attention) + (1 - mask) * _MASKED, axis=-1)  # [B, T]

    def logit(self, states: Tensor, lengths: Tensor, dropout_masks: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the logit of each review, [B].

        Args:
            states: [B, T, D].
            lengths: int [B].
            dropout_masks: The dropout masks of the two pooled vectors, each [B, D]; None for no dropout.
        """
        mask = time_mask(states, lengths)
        mean = ops.sum(states * mask[..., None], axis=1) / ops.cast(lengths, states.dtype)[:, None]  # [B, D]
        attended = ops.einsum("bt,btd->bd", self._attend(states, mask), states)  # [B, D]
        if dropout_masks is not None:
            mean, attended = mean * dropout_masks[0], attended * dropout_masks[1]
        return self.bias + ops.matmul(mean, self.w_mean) + ops.matmul(attended, self.w_attention)

    def timestep_logits(self, states: Tensor) -> Tensor:
        """Return the logits of a bidirectional model for each state alone, [B, T]."""
        return self.bias + ops.matmul(states, self.w_mean + self.w_attention)

    def outputs(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """Return all outputs of the graph contract; see `HeadOutput`."""
        mask, length = time_mask(states, lengths), ops.cast(lengths, states.dtype)
        columns = ops.stack([self.w_mean, self.w_attention, self.attention], axis=1)  # [D, 3]
        # One product instead of three; Keras' own `matmul` would leave reshapes in the exported graph.
        products = ops.split(matmul(states, columns), 3, axis=-1)
        mean, attended, energy = (ops.squeeze(product, -1) for product in products)  # each [B, T]
        mean, energy = mean * mask, energy + (1 - mask) * _MASKED
        if self.prefix:
            return self._prefix_output(mask, mean, attended, energy)
        contributions = mean / ops.expand_dims(length, 1) + ops.softmax(energy, axis=-1) * attended
        bias = self.bias + 0 * length
        return HeadOutput(
            logit=bias + ops.sum(contributions, axis=1),
            bias=bias,
            scores=ops.sigmoid(self.bias + mean + attended) * mask,
            contributions=contributions,
        )

    def _prefix_output(self, mask: Tensor, mean: Tensor, attended: Tensor, energy: Tensor) -> HeadOutput:
        weight = ops.exp(energy - ops.max(energy, axis=1, keepdims=True))  # [B, T]
        steps = ops.cast(ops.arange(ops.shape(mask)[1]) + 1, mask.dtype)  # [T] 1, 2, …
        total = ops.maximum(ops.cumsum(weight, axis=1), 1e-30)
        logits = self.bias + ops.cumsum(mean, axis=1) / steps + ops.cumsum(weight * attended, axis=1) / total
        return prefix_output(logits, mask, self.bias)


class LastHead(keras.layers.Layer):
    """A dense layer on the last state, optionally preceded by a ReLU layer φ.

        z_t = w · φ(h_t) + b,   logit = z_n

    z_t is the logit of the first t tokens; contribution_t = z_t − z_{t−1}, and z_0 is the logit of the zero state.
    """

    def __init__(self, *, hidden: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(hidden, activation="relu", name="hidden") if hidden else None
        self.output_layer = keras.layers.Dense(1, name="output")

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        """Create the weights; Keras calls this with the shape of the inputs."""
        shape = states_shape
        if self.hidden is not None:
            self.hidden.build(shape)
            shape = self.hidden.compute_output_shape(shape)
        self.output_layer.build(shape)

    def scale(self, temperature: float, shift: float) -> None:
        """Divide logit, bias and contributions by the temperature, then add the shift to logit and bias."""
        for weight in (self.output_layer.kernel, self.output_layer.bias):
            weight.assign(weight / temperature)
        self.output_layer.bias.assign(self.output_layer.bias + shift)

    def _dense(self, states: Tensor) -> Tensor:
        hidden = states if self.hidden is None else self.hidden(states)
        return self.output_layer(hidden)[..., 0]

    def logit(self, states: Tensor, lengths: Tensor, dropout_masks: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the logit of each review, [B]; the arguments are those of `PoolingHead.logit`."""
        last = ops.take_along_axis(states, (lengths - 1)[:, None, None], axis=1)[:, 0]  # [B, D]
        return self._dense(last if dropout_masks is None else last * dropout_masks[0])

    def outputs(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """Return all outputs of the graph contract; see `HeadOutput`."""
        logits = self._dense(states)  # [B, T]
        start = self._dense(ops.zeros_like(states[:1, 0]))[0]
        return prefix_output(logits, time_mask(states, lengths), start)


class UnitHead(keras.layers.Layer):
    """The state itself is the probability: one recurrent unit with a sigmoid activation.

        z_t = log(h_t / (1 − h_t)),   logit = z_n

    contribution_t = z_t − z_{t−1}, where z_0 = 0, a probability of one half before the first token.
    """

    def logit(self, states: Tensor, lengths: Tensor, dropout_masks: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the logit of each review, [B]; arguments as in `PoolingHead.logit`, without dropout."""
        last = ops.take_along_axis(states, (lengths - 1)[:, None, None], axis=1)[:, 0, 0]
        return log_odds(last)

    def outputs(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """Return all outputs of the graph contract; see `HeadOutput`."""
        return prefix_output(log_odds(states[..., 0]), time_mask(states, lengths), 0.0)


class TimestepsHead(keras.layers.Layer):
    """A dense layer with a sigmoid at every timestep; the prediction is their mean, whose logit is not additive.

    p_t = σ(w · h_t + b),   probability = (Σ_t p_t) / n,   logit = log(probability / (1 − probability))
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_layer = keras.layers.Dense(1, activation="sigmoid", name="output")

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        """Create the weights; Keras calls this with the shape of the inputs."""
        self.output_layer.build(states_shape)

    def probabilities(self, states: Tensor) -> Tensor:
        """Return the probability at every timestep, padding included, [B, T]."""
        return self.output_layer(states)[..., 0]

    def logit(self, states: Tensor, lengths: Tensor, dropout_masks: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the logit of each review, [B]; arguments as in `PoolingHead.logit`, without dropout."""
        return self.outputs(states, lengths)["logit"]

    def outputs(self, states: Tensor, lengths: Tensor) -> HeadOutput:
        """Return all outputs of the graph contract; see `HeadOutput`."""
        scores = self.probabilities(states) * time_mask(states, lengths)
        logit = log_odds(ops.sum(scores, axis=1) / ops.cast(lengths, states.dtype))
        return HeadOutput(logit=logit, bias=0 * logit, scores=scores, contributions=None)


def prefix_output(logits: Tensor, mask: Tensor, start: Tensor) -> HeadOutput:
    """Return the outputs of a model whose logit at t is its prediction for the first t tokens.

    Args:
        logits: [B, T], z_t.
        mask: [B, T], 1.0 within each review.
        start: The scalar z_0.
    """
    bias = start + 0 * logits[:, 0]  # [B]
    steps = (logits - ops.concatenate([bias[:, None], logits[:, :-1]], axis=1)) * mask
    return HeadOutput(
        logit=bias + ops.sum(steps, axis=1), bias=bias, scores=ops.sigmoid(logits) * mask, contributions=steps
    )


def log_odds(probability: Tensor) -> Tensor:
    """Return log(p / (1 − p)) with p clipped to [1e-7, 1 − 1e-7]."""
    p = ops.clip(probability, 1e-7, 1 - 1e-7)
    return ops.log(p) - ops.log(1 - p)


def make_head(config: FitConfig) -> keras.layers.Layer:
    """Create the head that a config names."""
    if config.head == "pooling":
        return PoolingHead(prefix=config.direction == "forward", name="head")
    if config.head == "last":
        return LastHead(hidden=config.hidden, name="head")
    return UnitHead(name="head") if config.head == "unit" else TimestepsHead(name="head")


def _small_normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.1)
