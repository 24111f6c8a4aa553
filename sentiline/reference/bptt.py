"""Backpropagation through time in its general form, in the column notation of textbooks.

The rest of the package puts one example in each row; here vectors are columns, as in the formulas.
"""

# ruff: noqa: N803, N806 - matrices keep the capital letters of the formulas

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sentiline.reference.arrays import Array


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
        x: [F, ≥ k] inputs, one column a step.
        y: [O, ≥ k] targets, one column a step.
        k: number of steps.
        g: activation, applied to [U].
        g_prime: its derivative at the pre-activation a_t.
        e_prime: derivative of the error by its second argument: e_prime(y_t, ŷ_t) gives [O].

    Returns:
        (dW, dU, dV), of the shapes of W, U, V.

    Raises:
        ValueError: the shapes do not fit the formulas.

    Example:
        >>> W, U, V = np.array([[0.5]]), np.array([[1.0]]), np.array([[2.0]])
        >>> x, y = np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]])
        >>> dW, dU, dV = rnn_backpropagation(W, U, V, x, y, 2, lambda a: a, np.ones_like, lambda y, y_hat: y_hat - y)
        >>> dW.item(), dU.item(), dV.item()     # h = 1, 2.5; ŷ = 2, 5; e′ = 2, 4; δ = 8, 8
        (8.0, 24.0, 12.0)
    """
    units, features, outputs = W.shape[0], U.shape[1], V.shape[0]
    shapes = (W.shape, U.shape, V.shape, x.shape[0], y.shape[0])
    if shapes != ((units, units), (units, features), (outputs, units), features, outputs) or k > min(
        x.shape[1], y.shape[1]
    ):
        raise ValueError(
            f"W {W.shape}, U {U.shape}, V {V.shape}, x {x.shape}, y {y.shape} and k = {k} do not fit; "
            "they must be W [u, u], U [u, f], V [o, u], x [f, k], y [o, k]"
        )
    pre = np.zeros((k, units), W.dtype)  # [k, U] a_t
    h = np.zeros((k + 1, units), W.dtype)  # [k + 1, U] h_0 = 0 first
    for t in range(k):
        pre[t] = U @ x[:, t] + W @ h[t]  # [U]
        h[t + 1] = g(pre[t])  # [U]
    dW, dU, dV = np.zeros_like(W), np.zeros_like(U), np.zeros_like(V)
    delta = np.zeros(units, W.dtype)  # [U]
    for t in reversed(range(k)):
        h_before, h_now = h[t], h[t + 1]  # [U] each
        error = e_prime(y[:, t], V @ h_now)  # [O]
        delta = (V.T @ error + W.T @ delta) * g_prime(pre[t])  # [U]
        dW += np.outer(delta, h_before)
        dU += np.outer(delta, x[:, t])
        dV += np.outer(error, h_now)
    return dW, dU, dV
