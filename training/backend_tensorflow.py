"""Gradients and compiled functions by TensorFlow; see `training.backend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sentiline.cpus import available_cpus
from training.lstm_tensorflow import lstm

Tensor = Any


def configure(threads: int | None = None) -> None:
    """Make ops deterministic, so that equal configs give equal weights, and set the threads; before the first op.

    The two directions of a layer do not wait for each other: two ops run side by side, each on half of the threads.
    Products of a timestep are too small for all threads to be worth their waiting (docs/training.md has the figures).

    Args:
        threads: of both ops together; None for the CPUs this process may use.
    """
    tf.config.experimental.enable_op_determinism()
    threads = available_cpus() if threads is None else threads
    tf.config.threading.set_intra_op_parallelism_threads(max(1, threads // 2))
    tf.config.threading.set_inter_op_parallelism_threads(min(2, threads))


def compiled(function: Callable[..., Any], *inputs: tuple[str, Sequence[int | None]]) -> Callable[..., Any]:
    """The function of tensors as one of numpy arrays, compiled once for all shapes.

    Args:
        function: of tensors, to a tensor or a tuple of tensors.
        inputs: dtype and shape of each, None where a size varies.
    """
    signature = [tf.TensorSpec(shape, dtype) for dtype, shape in inputs]
    graph = tf.function(function, input_signature=signature)

    def run(*arrays: Any) -> Any:
        tensors = [tf.constant(array, spec.dtype) for array, spec in zip(arrays, signature, strict=True)]
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), graph(*tensors))

    return run


def fused(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function as one pass over its inputs, instead of one an op."""
    compiled_function: Callable[..., Tensor] = tf.function(function, jit_compile=True)
    return compiled_function


def differentiate(
    function: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Tensor], variables: Sequence[Any]
) -> tuple[tuple[Tensor, ...], list[Tensor], list[Tensor]]:
    """Call a function and differentiate the first of its results.

    Args:
        function: of `inputs`, to a tuple whose first tensor is a scalar.
        inputs: tensors to differentiate by.
        variables: Keras variables to differentiate by; zeros where the scalar does not depend on one.

    Returns:
        `(results, gradients by the inputs, gradients by the variables)`.
    """
    with tf.GradientTape() as tape:
        for tensor in inputs:
            tape.watch(tensor)
        results = function(*inputs)
    found = tape.gradient(
        results[0],
        [*inputs, *(variable.value for variable in variables)],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    dense = [tf.convert_to_tensor(gradient) for gradient in found]
    return results, dense[: len(inputs)], dense[len(inputs) :]


def reverse_within(values: Tensor, lengths: Tensor) -> Tensor:
    """Each row reversed within its own length, padding left in place.

    Args:
        values: [B, T] or [B, T, E].
        lengths: int32 [B].
    """
    return tf.reverse_sequence(values, lengths, seq_axis=1)


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Product of [B, T, D] and [D, N] as a single node of a graph; Keras' own leaves reshapes in an export."""
    return tf.linalg.matmul(left, right)


def recur(layer: Any, inputs: Tensor, state: Sequence[Tensor] | None = None) -> Any:
    """What a recurrent Keras layer that returns all states makes of inputs; an LSTM in float32 by `lstm`.

    Args:
        layer: built.
        inputs: [B, T, E].
        state: the layer's initial state; None for zeros.

    Returns:
        [B, T, H], and where the layer returns its last state, that as well.
    """
    standard = isinstance(layer, keras.layers.LSTM) and layer.activation is keras.activations.tanh
    if not standard or layer.compute_dtype != "float32":
        return layer(inputs, initial_state=state)
    first = [tf.zeros([tf.shape(inputs)[0], layer.units])] * 2 if state is None else state
    states, cell = lstm(inputs, *(tf.convert_to_tensor(weight) for weight in (*layer.trainable_variables, *first)))
    return (states, states[:, -1], cell) if layer.return_state else states


def to_numpy(values: Any) -> NDArray[Any]:
    """A variable's or tensor's values."""
    return np.asarray(values)
