"""The TensorFlow implementation of `training.nn.backend`."""

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
    """Make ops deterministic, so that equal configs give equal weights, and limit the threads.

    It must run before the first op.

    Args:
        threads: The number of threads within one op and of ops run in parallel; None for all cores.
    """
    tf.config.experimental.enable_op_determinism()
    with suppress_stderr():  # TensorFlow reports an error if there is no GPU
        tf.config.list_physical_devices()
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def compile_function(function: Callable[..., Any], *inputs: tuple[str, Sequence[int | None]]) -> Callable[..., Any]:
    """Turn a function of tensors into a function of numpy arrays that is compiled once for all shapes.

    Args:
        function: A function of tensors that returns a tensor or a tuple of tensors.
        inputs: The dtype and the shape of each argument; None stands for a variable size.
    """
    signature = [tf.TensorSpec(shape, dtype) for dtype, shape in inputs]
    graph = tf.function(function, input_signature=signature)

    def run(*arrays: Any) -> Any:
        tensors = [tf.constant(array, spec.dtype) for array, spec in zip(arrays, signature, strict=True)]
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), graph(*tensors))

    return run


def jit_compile(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compile a function with XLA into a single pass over its inputs instead of one pass per op."""
    compiled_function: Callable[..., Tensor] = tf.function(function, jit_compile=True)
    return compiled_function


def differentiate(
    function: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Tensor], variables: Sequence[Any]
) -> tuple[tuple[Tensor, ...], list[Tensor], list[Tensor]]:
    """Call a function and compute the gradients of its first result.

    Args:
        function: A function of `inputs` that returns a tuple whose first tensor is a scalar.
        inputs: The tensors to differentiate with respect to.
        variables: The Keras variables to differentiate with respect to; a gradient is zero where the scalar does not
            depend on the variable.

    Returns:
        `(results, gradients of the inputs, gradients of the variables)`.
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
    """Reverse each row within its own length and leave the padding in place.

    Args:
        values: [B, T] or [B, T, E].
        lengths: int32 [B].
    """
    return tf.reverse_sequence(values, lengths, seq_axis=1)


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Multiply [B, T, D] by [D, N] in a single graph node; Keras' own `matmul` adds reshapes to an exported graph."""
    return tf.linalg.matmul(left, right)


def run_recurrent(layer: Any, inputs: Tensor, state: Sequence[Tensor] | None = None) -> Any:
    """Run a recurrent Keras layer in a training step; on a CPU the faster `lstm` computes a plain LSTM.

    Args:
        layer: A built layer.
        inputs: [B, T, E].
        state: The layer's initial state; None for zeros.

    Returns:
        The layer's result: the states [B, T, H], followed by the final state if the layer has `return_state`.
    """
    if not _is_plain_lstm(layer) or tf.config.list_physical_devices("GPU"):  # on a GPU Keras calls cuDNN
        return layer(inputs, initial_state=state)
    cell, first = layer.cell, [tf.zeros([tf.shape(inputs)[0], layer.units])] * 2 if state is None else state
    given = (cell.kernel, cell.recurrent_kernel, cell.bias, *first)
    states, last = lstm(inputs, *(tf.convert_to_tensor(tensor) for tensor in given))
    return (states, states[:, -1], last) if layer.return_state else states


def _is_plain_lstm(layer: Any) -> bool:
    """Return whether the layer is a float32 LSTM that uses no option unsupported by `lstm`."""
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
    """Return the values of a variable or tensor."""
    return np.asarray(values)
