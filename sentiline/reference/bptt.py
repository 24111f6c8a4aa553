"""Backpropagation through time in its general form, in the column notation of textbooks.

The rest of the package puts one example in each row; here vectors are columns, as in the formulas.
"""

# ruff: noqa: N803, N806 - matrices keep the capital letters of the formulas

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from sentiline.reference.arguments import floating, takes
from sentiline.reference.arrays import Array

Layout = Literal["rows", "columns"]
"""How a sequence of vectors is stored: "rows" [k, F], one row per step, or "columns" [F, k], one column per step."""


@takes(W="U U", U="U F", V="O U")
def rnn_backpropagation(
    W: Array,
    U: Array,
    V: Array,
    x: Array,
    y: Array,
    k: int,
    g: Callable[[Array], Array],
    g_prime: Callable[[Array], Array],
    e_prime: Callable[[Array, Array], Array],
    layout: Layout | None = None,
) -> tuple[Array, Array, Array]:
    """Gradients of E = Σ_t e(y_t, ŷ_t) for a recurrent network with any activation and any error.

    The network, from h_0 = 0:

        a_t = U x_t + W h_{t−1}      h_t = g(a_t)      ŷ_t = V h_t          t = 1 … k

    Its gradients, from δ_{k+1} = 0 backwards, where δ_t = ∂E/∂a_t:

        e′_t = e′(y_t, ŷ_t)
        δ_t  = (Vᵀ e′_t + Wᵀ δ_{t+1}) ⊙ g′(a_t)
        dW   = Σ_t δ_t h_{t−1}ᵀ      dU = Σ_t δ_t x_tᵀ      dV = Σ_t e′_t h_tᵀ

    Args:
        W: [U, U] recurrent weights.
        U: [U, F] input weights.
        V: [O, U] output weights.
        x: Inputs: [≥ k, F] with one row per step, [F, ≥ k] with one column per step, or [≥ k, F, 1], a sequence of
            column vectors.
        y: Targets in the same layout, with O in the place of F.
        k: The number of steps.
        g: The activation, applied to [U].
        g_prime: Its derivative at the pre-activation a_t.
        e_prime: The derivative of the error by its second argument: e_prime(y_t, ŷ_t) gives [O].
        layout: "rows" or "columns", where the shapes of x and y fit both.

    Returns:
        (dW, dU, dV), of the shapes of W, U, V.

    Raises:
        TypeError: An argument does not hold numbers.
        ValueError: The shapes do not fit the formulas, or they fit both layouts and `layout` is not given.

    Example:
        >>> W, U, V, x, y = [[0.5]], [[1]], [[2]], [[1, 2]], [[0, 1]]
        >>> linear, slope, e_prime = lambda a: a, np.ones_like, lambda y, y_hat: y_hat - y
        >>> dW, dU, dV = rnn_backpropagation(W, U, V, x, y, 2, linear, slope, e_prime)
        >>> dW.item(), dU.item(), dV.item()     # h = 1, 2.5; ŷ = 2, 5; e′ = 2, 4; δ = 8, 8
        (8.0, 24.0, 12.0)
    """
    units, features, outputs = W.shape[0], U.shape[1], V.shape[0]
    x, y = _as_rows(floating("x", x), floating("y", y), k, features, outputs, layout)  # [≥ k, F], [≥ k, O]
    dtype = np.result_type(W, U, V, x, y)
    pre, states = [], [np.zeros(units, dtype)]  # a_t; h_0 first
    for t in range(k):
        pre.append(U @ x[t] + W @ states[t])  # [U]
        states.append(_vector("g(a)", g(pre[t]), units))  # [U]
    dW, dU, dV = np.zeros(W.shape, dtype), np.zeros(U.shape, dtype), np.zeros(V.shape, dtype)
    delta = np.zeros(units, dtype)  # [U]
    for t in reversed(range(k)):
        h_before, h_now = states[t], states[t + 1]  # [U] each
        error = _vector("e_prime(y, y_hat)", e_prime(y[t], V @ h_now), outputs)  # [O]
        delta = (V.T @ error + W.T @ delta) * _vector("g_prime(a)", g_prime(pre[t]), units)  # [U]
        dW += np.outer(delta, h_before)
        dU += np.outer(delta, x[t])
        dV += np.outer(error, h_now)
    return dW, dU, dV


def _as_rows(x: Array, y: Array, k: int, features: int, outputs: int, layout: Layout | None) -> tuple[Array, Array]:
    """Inputs and targets with one row per step, whichever layout they came in."""
    if x.ndim == 3 and x.shape[2] == 1:
        x, layout = x[:, :, 0], "rows"
    if y.ndim == 3 and y.shape[2] == 1:
        y, layout = y[:, :, 0], "rows"

    def fit(one: Array, other: Array) -> bool:
        return (
            one.ndim == other.ndim == 2
            and one.shape[1] == features
            and other.shape[1] == outputs
            and min(len(one), len(other)) >= k >= 1
        )

    rows, columns = fit(x, y) and layout != "columns", fit(x.T, y.T) and layout != "rows"
    if rows and columns and not (np.array_equal(x, x.T) and np.array_equal(y, y.T)):
        raise ValueError(
            f"x {x.shape} and y {y.shape} fit both layouts, one row per step and one column per step; "
            'say which with layout="rows" or layout="columns"'
        )
    if not rows and not columns:
        raise ValueError(
            f"x {x.shape}, y {y.shape} and k = {k} do not fit; with W, U and V of these shapes they must be "
            f"x [≥ {k}, {features}] and y [≥ {k}, {outputs}], or x [{features}, ≥ {k}] and y [{outputs}, ≥ {k}]"
        )
    return (x, y) if rows else (x.T, y.T)


def _vector(name: str, value: Array, size: int) -> Array:
    """What a function of the caller returned, as floats."""
    vector = floating(name, value)
    if vector.shape != (size,):
        raise ValueError(f"{name} has shape {vector.shape}; it must be [{size}], the shape of its argument")
    return vector
