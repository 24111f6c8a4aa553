"""What the notebook's cells share: columns and rows, the softmax output, and the loops over a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sentiline.reference import activations
from sentiline.reference.arguments import floating, gradient, takes
from sentiline.reference.arrays import Array, Cache, Params

Caches = tuple[list[Cache], Array]
"""The caches of all steps, and the inputs, as a sequence's forward function returns them."""


@takes(x="O ...")
def softmax(x: Array) -> Array:
    """Softmax over the first axis, one distribution per column: p_j = e^(x_j) / Σ_k e^(x_k).

    Notebooks subtract the largest element of the whole array before they exponentiate, which turns columns far below
    it into 0 / 0; the largest of each column is subtracted here. Elsewhere the values are the same.

    Args:
        x: (n, …) logits.

    Returns:
        (n, …) probabilities, whose sums over the first axis are 1.
    """
    return np.moveaxis(activations.softmax(np.moveaxis(x, 0, -1)), -1, 0)


def predict(a: Array, weights: Array, bias: Array) -> Array:
    """ŷ = softmax(W a + b) for states (n_a, m); (n_y, m)."""
    return softmax(weights @ a + bias)


def as_row(name: str, vector: Any) -> tuple[Array, bool]:
    """Turn a vector (n,) or columns (n, m) into rows, [1, n] or [m, n], and say whether it was columns.

    Raises:
        ValueError: The array has another number of dimensions.
    """
    array = floating(name, vector)
    if array.ndim == 1:
        return array[None, :], False
    if array.ndim == 2:
        return array.T, True
    raise ValueError(f"{name} has shape {array.shape}; it must be a vector (n,) or columns (n, m)")


def run_forward(
    step: Callable[..., tuple[Any, ...]], x: Array, states: Sequence[Array], parameters: Params
) -> tuple[list[Array], Array, Caches]:
    """Run a cell over a sequence.

    Args:
        step: The cell: (xt, *states, parameters) to (*new states, yt_pred, cache).
        x: (n_x, m, T_x) inputs.
        states: The initial states, (n_a, m) each.
        parameters: Passed to the cell.

    Returns:
        (states, y_pred, caches): every state at every step, (n_a, m, T_x) each; (n_y, m, T_x); the caches of all steps,
        and x.
    """
    history: list[list[Array]] = [[] for _ in states]
    outputs, caches = [], []
    for t in range(x.shape[2]):
        *states, yt_pred, cache = step(x[:, :, t], *states, parameters)
        for past, state in zip(history, states, strict=True):
            past.append(state)
        outputs.append(yt_pred)
        caches.append(cache)
    return [np.stack(past, axis=2) for past in history], np.stack(outputs, axis=2), (caches, x)


def run_backward(
    step: Callable[..., Params], da: Array, states: Sequence[str], caches: Caches
) -> tuple[Params, dict[str, Array]]:
    """Backpropagate through the first T steps of a sequence, for gradients of T of its hidden states.

    Args:
        step: The cell's backward function: (*gradients of the states after it, cache) to gradients by name.
        da: (n_a, m, T) gradient of the loss with respect to each hidden state, T at most T_x.
        states: The names under which `step` returns the gradients of the states before it, the hidden state first.
        caches: From `run_forward`.

    Returns:
        (gradients, initial): "dx" (n_x, m, T) and the sum over the steps of every gradient of a parameter; the
        gradients of the initial states under the names of `states`.

    Raises:
        ValueError: `da` does not have one (n_a, m) gradient for each of at most T_x steps.
    """
    steps, x = caches
    da = floating("da", da)
    shape = steps[0][0].shape  # of the hidden state after the first step, which every cache begins with
    if da.ndim != 3 or da.shape[:2] != shape or not 1 <= da.shape[2] <= len(steps):
        raise ValueError(f"da has shape {da.shape}; it must be {shape} for each of 1 to {len(steps)} steps")
    later = {name: np.zeros(shape, da.dtype) for name in states}
    total: Params = {}
    dx = np.zeros((*x.shape[:2], da.shape[2]), np.result_type(x, da))
    for t in reversed(range(da.shape[2])):
        reached = [later[states[0]] + da[:, :, t], *(later[name] for name in states[1:])]
        gradients = step(*reached, steps[t])
        dx[:, :, t] = gradients.pop("dxt")
        later = {name: gradients.pop(name) for name in states}
        total = {name: total[name] + share if name in total else share for name, share in gradients.items()}
    return {"dx": dx, **total}, later


def column_gradient(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """The gradient of columns (n, m), as rows [m, n]."""
    return gradient(name, value, shape).T
