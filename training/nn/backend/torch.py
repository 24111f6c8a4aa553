"""The PyTorch implementation of `training.nn.backend`, which uses a GPU if there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from keras import ops
from numpy.typing import NDArray

Tensor = Any


def configure(threads: int | None = None) -> None:
    """Limit the threads. Results are not reproducible on a GPU, where cuDNN sums in varying order.

    Args:
        threads: The number of threads within one op; None for all cores.
    """
    torch.backends.cuda.matmul.allow_tf32 = True  # the default of cuDNN's recurrent products
    if threads is not None:
        torch.set_num_threads(threads)


def compile_function(function: Callable[..., Any], *inputs: tuple[str, Sequence[int | None]]) -> Callable[..., Any]:
    """Turn a function of tensors into a function of numpy arrays, without compiling it.

    Args:
        function: A function of tensors that returns a tensor or a tuple of tensors.
        inputs: The dtype and the shape of each argument; None stands for a variable size.
    """

    def run(*arrays: Any) -> Any:
        tensors = [ops.convert_to_tensor(array, dtype) for array, (dtype, _) in zip(arrays, inputs, strict=True)]
        with torch.no_grad():
            results = function(*tensors)
        if isinstance(results, tuple):
            return tuple(to_numpy(result) for result in results)
        return to_numpy(results)

    return run


def jit_compile(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the function unchanged."""
    return function


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
    leaves = [tensor.detach().requires_grad_(True) for tensor in inputs]
    wanted = [*leaves, *(variable.value for variable in variables)]
    with torch.enable_grad():
        results = function(*leaves)
    found = torch.autograd.grad(results[0], wanted, allow_unused=True)
    dense = [torch.zeros_like(of) if gradient is None else gradient for gradient, of in zip(found, wanted, strict=True)]
    return tuple(result.detach() for result in results), dense[: len(leaves)], dense[len(leaves) :]


def reverse_sequences(values: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each row within its own length and leave the padding in place.

    Args:
        values: [B, T] or [B, T, E].
        lengths: int32 [B].
    """
    steps = torch.arange(values.shape[1], device=values.device)[None, :]
    ends = lengths[:, None].long()
    index = torch.where(steps < ends, ends - 1 - steps, steps)
    return torch.gather(values, 1, index if values.dim() == 2 else index[:, :, None].expand_as(values))


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Multiply [B, T, D] by [D, N]."""
    return torch.matmul(left, right)


def run_recurrent(layer: Any, inputs: Tensor, state: Sequence[Tensor] | None = None) -> Any:
    """Run a recurrent Keras layer in a training step; on a GPU, cuDNN computes an LSTM.

    Args:
        layer: A built layer.
        inputs: [B, T, E].
        state: The layer's initial state; None for zeros.

    Returns:
        The layer's result: the states [B, T, H], followed by the final state if the layer has `return_state`.
    """
    return layer(inputs, initial_state=state)


def to_numpy(values: Any) -> NDArray[Any]:
    """Return the values of a variable or tensor, copied from the GPU if necessary."""
    array: NDArray[Any] = ops.convert_to_numpy(values)
    return array
