"""Gradients and compiled functions by TensorFlow; see `training.nn.backend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.nn.backend.stderr import suppress_stderr
from training.nn.backend.tensorflow_lstm import lstm

Tensor = Any


def configure(threads: int | None = None) -> None:
    """Make ops deterministic, so that equal configs give equal weights, and bound the threads; before the first op.

    Args:
        threads: of one op, and of ops side by side; None for all cores.
    """
    tf.config.experimental.enable_op_determinism()
    with suppress_stderr():  # it looks for a GPU, and reports an error where there is none
        tf.config.list_physical_devices()
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def compile_function(function: Callable[..., Any], *inputs: tuple[str, Sequence[int | None]]) -> Callable[..., Any]:
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


def jit_compile(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
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


def reverse_sequences(values: Tensor, lengths: Tensor) -> Tensor:
    """Each row reversed within its own length, padding left in place.

    Args:
        values: [B, T] or [B, T, E].
        lengths: int32 [B].
    """
    return tf.reverse_sequence(values, lengths, seq_axis=1)


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Product of [B, T, D] and [D, N] as a single node of a graph; Keras' own leaves reshapes in an export."""
    return tf.linalg.matmul(left, right)


def run_recurrent(layer: Any, inputs: Tensor, state: Sequence[Tensor] | None = None) -> Any:
    """What a recurrent Keras layer makes of inputs in a training step; on a CPU a plain LSTM is computed by `lstm`.

    Args:
        layer: built.
        inputs: [B, T, E].
        state: the layer's initial state; None for zeros.

    Returns:
        What the layer returns: [B, T, H], and its last state where it is to return that as well.
    """
    if not _is_plain_lstm(layer) or tf.config.list_physical_devices("GPU"):  # there Keras calls cuDNN
        return layer(inputs, initial_state=state)
    cell, first = layer.cell, [tf.zeros([tf.shape(inputs)[0], layer.units])] * 2 if state is None else state
    given = (cell.kernel, cell.recurrent_kernel, cell.bias, *first)
    states, last = lstm(inputs, *(tf.convert_to_tensor(tensor) for tensor in given))
    return (states, states[:, -1], last) if layer.return_state else states


def _is_plain_lstm(layer: Any) -> bool:
    """Whether the layer is an LSTM in float32 without any option that `lstm` does not know."""
    return (
        type(layer) is keras.layers.LSTM
        and layer.compute_dtype == "float32"
        and layer.activation is keras.activations.tanh
        and layer.recurrent_activation is keras.activations.sigmoid
        and layer.use_bias
        and layer.return_sequences
        and not (layer.go_backwards or layer.stateful or layer.dropout or layer.recurrent_dropout)
    )


def to_numpy(values: Any) -> NDArray[Any]:
    """A variable's or tensor's values."""
    return np.asarray(values)
