"""One direction of an LSTM over a batch, forward and backward, optimized for training with TensorFlow on a CPU.

Keras multiplies the inputs by their weights, and accumulates the gradients of the weights, inside its loop over
timesteps. None of that depends on another timestep. Here one large product before the loop serves all inputs and three
products after the backward loop give all gradients, which leaves one product per timestep inside each loop.

Shapes: B texts, T timesteps, E inputs, H units; gates in Keras' order i, f, g, o.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensor = Any


def _lstm(
    inputs: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor, hidden: Tensor, cell: Tensor
) -> tuple[tuple[Tensor, Tensor], Callable[..., Any]]:
    """Return `(states, last cell state)` and the function that computes the gradients.

        a_t = x_t W + h_{t-1} R + b,  i, f, o = σ(a_t),  g = tanh(a_t)
        c_t = f ⊙ c_{t-1} + i ⊙ g,    h_t = o ⊙ tanh(c_t)          (Hochreiter & Schmidhuber 1997; Gers et al. 2000)

    The columns of g are doubled throughout, so that one σ computes all four gates: tanh(a) = 2 σ(2a) − 1.
    """
    batch, time, width, units = tf.shape(inputs)[0], tf.shape(inputs)[1], inputs.shape[2], recurrent.shape[0]
    scale = tf.repeat(tf.constant([1.0, 1.0, 2.0, 1.0]), units)
    kernel, recurrent, bias = kernel * scale, recurrent * scale, bias * scale
    rows = tf.reshape(tf.transpose(inputs, [1, 0, 2]), [-1, width])  # time-major, [T·B, E]
    projected = _array(time, 4 * units).unstack(
        tf.reshape(tf.nn.bias_add(tf.matmul(rows, kernel), bias), [time, batch, 4 * units])
    )

    def forward(step: Tensor, hidden: Tensor, cell: Tensor, *kept: Any) -> tuple[Any, ...]:
        hiddens, cells, gates = kept
        gate = tf.sigmoid(projected.read(step) + tf.matmul(hidden, recurrent))
        i, f, g, o = tf.split(gate, 4, axis=1)
        cell = f * cell + i * (g + g - 1.0)
        hidden = o * tf.tanh(cell)
        return (
            step + 1,
            hidden,
            cell,
            hiddens.write(step + 1, hidden),
            cells.write(step + 1, cell),
            gates.write(step, gate),
        )

    hiddens, cells = (_array(time + 1, units).write(0, first) for first in (hidden, cell))
    _, _, last, hiddens, cells, gates = tf.while_loop(
        lambda step, *_: step < time, forward, [0, hidden, cell, hiddens, cells, _array(time, 4 * units)]
    )
    states = hiddens.stack()  # [T + 1, B, H], the initial one first

    def gradients(by_states: Tensor, by_last: Tensor) -> tuple[Tensor, ...]:
        given = _array(time, units).unstack(tf.transpose(by_states, [1, 0, 2]))
        transposed = tf.transpose(recurrent)

        def backward(step: Tensor, by_hidden: Tensor, by_cell: Tensor, cell: Tensor, found: Any) -> tuple[Any, ...]:
            gate, before, squashed = gates.read(step), cells.read(step), tf.tanh(cell)
            i, f, g, o = tf.split(gate, 4, axis=1)
            by_hidden = by_hidden + given.read(step)
            by_cell = by_cell + by_hidden * o * (1.0 - squashed * squashed)
            by_gate = tf.concat(
                [by_cell * (g + g - 1.0), by_cell * before, (by_cell + by_cell) * i, by_hidden * squashed], axis=1
            )
            by_sum = by_gate * (gate - gate * gate)
            return step - 1, tf.matmul(by_sum, transposed), by_cell * f, before, found.write(step, by_sum)

        none = tf.zeros([batch, units])
        _, by_hidden, by_cell, _, found = tf.while_loop(
            lambda step, *_: step >= 0, backward, [time - 1, none, by_last, last, _array(time, 4 * units)]
        )
        by_sums = tf.reshape(found.stack(), [-1, 4 * units])
        by_inputs = tf.reshape(tf.matmul(by_sums, kernel, transpose_b=True), [time, batch, width])
        return (
            tf.transpose(by_inputs, [1, 0, 2]),
            tf.matmul(rows, by_sums, transpose_a=True) * scale,
            tf.matmul(tf.reshape(states[:-1], [-1, units]), by_sums, transpose_a=True) * scale,
            tf.reduce_sum(by_sums, axis=0) * scale,
            by_hidden,
            by_cell,
        )

    return (tf.transpose(states[1:], [1, 0, 2]), last), gradients


def _array(size: Tensor, width: int) -> Any:
    """Create an array that holds one [B, width] tensor per timestep."""
    return tf.TensorArray(tf.float32, size=size, element_shape=[None, width], clear_after_read=False)


# lstm(inputs, kernel, recurrent, bias, hidden, cell) takes float32 tensors of shapes [B, T, E], [E, 4·H], [H, 4·H],
# [4·H], [B, H] and [B, H]; the last two are the initial state. It returns the states at every timestep [B, T, H] and
# the last cell state [B, H], and is differentiable once.
lstm: Callable[..., tuple[Tensor, Tensor]] = tf.autograph.experimental.do_not_convert(tf.custom_gradient(_lstm))
