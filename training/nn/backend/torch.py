"""Gradients by PyTorch, on a GPU where there is one; see `training.nn.backend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from keras import ops
from numpy.typing import NDArray

Tensor = Any


def configure(threads: int | None = None) -> None:
    """Bound the threads. Nothing is promised of equal weights: cuDNN sums in no fixed order.

    Args:
        threads: of one op; None for all cores.
    """
    torch.backends.cuda.matmul.allow_tf32 = True  # as cuDNN's recurrent products have it by default
    if threads is not None:
        torch.set_num_threads(threads)


def compile_function(function: Callable[..., Any], *inputs: tuple[str, Sequence[int | None]]) -> Callable[..., Any]:
    """The function of tensors as one of numpy arrays; nothing is compiled.

    Args:
        function: of tensors, to a tensor or a tuple of tensors.
        inputs: dtype and shape of each, None where a size varies.
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
    """The function itself."""
    return function


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
    leaves = [tensor.detach().requires_grad_(True) for tensor in inputs]
    wanted = [*leaves, *(variable.value for variable in variables)]
    with torch.enable_grad():
        results = function(*leaves)
    found = torch.autograd.grad(results[0], wanted, allow_unused=True)
    dense = [torch.zeros_like(of) if gradient is None else gradient for gradient, of in zip(found, wanted, strict=True)]
    return tuple(result.detach() for result in results), dense[: len(leaves)], dense[len(leaves) :]


def reverse_sequences(values: Tensor, lengths: Tensor) -> Tensor:
    """Each row reversed within its own length, padding left in place.

    Args:
        values: [B, T] or [B, T, E].
        lengths: int32 [B].
    """
    steps = torch.arange(values.shape[1], device=values.device)[None, :]
    ends = lengths[:, None].long()
    index = torch.where(steps < ends, ends - 1 - steps, steps)
    return torch.gather(values, 1, index if values.dim() == 2 else index[:, :, None].expand_as(values))


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Product of [B, T, D] and [D, N]."""
    return torch.matmul(left, right)


def run_recurrent(layer: Any, inputs: Tensor, state: Sequence[Tensor] | None = None) -> Any:
    """What a recurrent Keras layer makes of inputs in a training step; an LSTM is cuDNN's on a GPU.

    Args:
        layer: built.
        inputs: [B, T, E].
        state: the layer's initial state; None for zeros.

    Returns:
        What the layer returns: [B, T, H], and its last state where it is to return that as well.
    """
    return layer(inputs, initial_state=state)


def to_numpy(values: Any) -> NDArray[Any]:
    """A variable's or tensor's values, from wherever they are."""
    array: NDArray[Any] = ops.convert_to_numpy(values)
    return array
