"""The Elman recurrent cell, forward and backward."""

from __future__ import annotations

from functools import partial

from sentiline.reference.activations import TANH, Activation
from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.cell import Cell


@takes(x="B F", h_prev="B U", params={"W": "F U", "U": "U U", "b?": "U"})
def rnn_cell_forward(x: Array, h_prev: Array, params: Params, activation: Activation = TANH) -> tuple[Array, Cache]:
    """One step of the recurrent network of Elman (1990).

        a_t = x_t W + h_{t−1} U + b
        h_t = g(a_t)

    Args:
        x: [B, F] inputs x_t.
        h_prev: [B, U] previous hidden state h_{t−1}.
        params: `W` [F, U], `U` [U, U] and, unless the cell has no bias, `b` [U].
        activation: g and its derivative.

    Returns:
        (h, cache): [B, U] the new hidden state h_t; what `rnn_cell_backward` needs.
    """
    a = x @ params["W"] + h_prev @ params["U"]  # [B, U]
    if "b" in params:
        a = a + params["b"]  # [B, U]
    return activation.function(a), (x, h_prev, a, params, activation)


def rnn_cell_backward(dh: Array, cache: Cache) -> tuple[Array, Array, Params]:
    """Gradients of one step.

        da      = dh ⊙ g′(a_t)
        dW      = x_tᵀ da        dU       = h_{t−1}ᵀ da     db = Σ_batch da
        dx_t    = da Wᵀ          dh_{t−1} = da Uᵀ

    Args:
        dh: [B, U] gradient of the loss with respect to h_t.
        cache: The cache of `rnn_cell_forward`.

    Returns:
        (dx, dh_prev, dparams): [B, F]; [B, U]; gradients under the names of `params`.
    """
    x, h_prev, a, params, activation = cache
    dh = gradient("dh", dh, a.shape)
    da = dh * activation.derivative(a)  # [B, U]
    dparams = {"W": x.T @ da, "U": h_prev.T @ da}  # [F, U], [U, U]
    if "b" in params:
        dparams["b"] = da.sum(axis=0)  # [U]
    return da @ params["W"].T, da @ params["U"].T, dparams  # [B, F], [B, U]


def rnn_cell(activation: Activation = TANH) -> Cell:
    """The Elman cell with this activation."""
    return Cell(partial(rnn_cell_forward, activation=activation), rnn_cell_backward, states=1, gates=1)


RNN = rnn_cell()
"""The Elman cell with tanh."""
