"""The long short-term memory cell, forward and backward."""

from __future__ import annotations

from functools import partial

import numpy as np

from sentiline.reference.activations import TANH, Activation, sigmoid
from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.cell import Cell


@takes(x="B F", h_prev="B U", c_prev="B U", params={"W": "F 4U", "U": "U 4U", "b?": "4U"})
def lstm_cell_forward(
    x: Array, h_prev: Array, c_prev: Array, params: Params, activation: Activation = TANH
) -> tuple[Array, Array, Cache]:
    """One step of the LSTM of Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000).

        [a_i | a_f | a_g | a_o] = x_t W + h_{t−1} U + b
        i = σ(a_i)      input gate: how much of the candidate is written
        f = σ(a_f)      forget gate: how much of the memory is kept
        g = φ(a_g)      candidate (also written c̃); φ is tanh unless another activation is given
        o = σ(a_o)      output gate: how much of the memory is shown
        c_t = f ⊙ c_{t−1} + i ⊙ g
        h_t = o ⊙ φ(c_t)

    Args:
        x: [B, F] inputs x_t.
        h_prev: [B, U] previous hidden state h_{t−1}.
        c_prev: [B, U] previous memory cell c_{t−1}.
        params: `W` [F, 4U], `U` [U, 4U] and, unless the cell has no bias, `b` [4U]; columns i, f, g, o as in Keras.
        activation: φ and its derivative, of candidate and memory alike.

    Returns:
        (h, c, cache): [B, U] the new hidden state; [B, U] the new memory; what `lstm_cell_backward` needs.
    """
    a = x @ params["W"] + h_prev @ params["U"]  # [B, 4U]
    if "b" in params:
        a = a + params["b"]  # [B, 4U]
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)  # [B, U] each
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), activation.function(a_g), sigmoid(a_o)  # [B, U] each
    c = f * c_prev + i * g  # [B, U]
    shown = activation.function(c)  # [B, U]
    h = o * shown  # [B, U]
    return h, c, (x, h_prev, c_prev, i, f, g, o, a_g, c, shown, params, activation)


def lstm_cell_backward(dh: Array, dc: Array, cache: Cache) -> tuple[Array, Array, Array, Params]:
    """Gradients of one step.

    The memory c_t is reached on two ways, through h_t and through c_{t+1}; what comes on both is added first:

        dc_t   ← dc_t + dh ⊙ o ⊙ φ′(c_t)          φ′ = 1 − tanh² for tanh
        da_o    = dh ⊙ φ(c_t) ⊙ o (1 − o)
        da_f    = dc_t ⊙ c_{t−1} ⊙ f (1 − f)
        da_i    = dc_t ⊙ g ⊙ i (1 − i)
        da_g    = dc_t ⊙ i ⊙ φ′(a_g)
        dc_{t−1} = dc_t ⊙ f
        dW = x_tᵀ da     dU = h_{t−1}ᵀ da     db = Σ_batch da     dx_t = da Wᵀ     dh_{t−1} = da Uᵀ

    Args:
        dh: [B, U] gradient of the loss with respect to h_t.
        dc: [B, U] gradient with respect to c_t by way of c_{t+1} alone.
        cache: The cache of `lstm_cell_forward`.

    Returns:
        (dx, dh_prev, dc_prev, dparams): [B, F]; [B, U]; [B, U]; gradients under the names of `params`.
    """
    x, h_prev, c_prev, i, f, g, o, a_g, c, shown, params, activation = cache
    dh, dc = gradient("dh", dh, c.shape), gradient("dc", dc, c.shape)
    dc = dc + dh * o * activation.derivative(c)  # [B, U]
    da_o = dh * shown * o * (1.0 - o)  # [B, U]
    da_f = dc * c_prev * f * (1.0 - f)  # [B, U]
    da_i = dc * g * i * (1.0 - i)  # [B, U]
    da_g = dc * i * activation.derivative(a_g)  # [B, U]
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # [B, 4U]
    dparams = {"W": x.T @ da, "U": h_prev.T @ da}  # [F, 4U], [U, 4U]
    if "b" in params:
        dparams["b"] = da.sum(axis=0)  # [4U]
    return da @ params["W"].T, da @ params["U"].T, dc * f, dparams  # [B, F], [B, U], [B, U]


def lstm_cell(activation: Activation = TANH) -> Cell:
    """The LSTM cell with this activation of candidate and memory."""
    return Cell(partial(lstm_cell_forward, activation=activation), lstm_cell_backward, states=2, gates=4)


LSTM = lstm_cell()
"""The LSTM cell with tanh."""
