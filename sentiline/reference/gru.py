"""The gated recurrent unit, forward and backward, in all its published forms."""

# ruff: noqa: N806 - matrices keep the capital letters of the formulas

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from sentiline.reference.activations import TANH, Activation, sigmoid
from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.cell import Cell

Update = Literal["keep", "take"]
"""What an open update gate does: "keep" the old state (Cho et al., 2014; Keras; ONNX) or "take" the candidate
(Chung et al., 2014; many courses)."""

Reset = Literal["before", "after"]
"""Where the reset gate acts: "before" the recurrent product (Cho et al., 2014; Keras `reset_after=False`; ONNX
`linear_before_reset=0`) or "after" it (cuDNN; Keras's default `reset_after=True`; ONNX `linear_before_reset=1`)."""


@takes(x="B F", h_prev="B U", params={"W": "F 3U", "U": "U 3U", "b?": "3U", "b_recurrent?": "3U"})
def gru_cell_forward(
    x: Array,
    h_prev: Array,
    params: Params,
    update: Update = "keep",
    reset: Reset = "before",
    activation: Activation = TANH,
) -> tuple[Array, Cache]:
    """One step of the gated recurrent unit.

        z = σ(x_t W_z + h_{t−1} U_z + b_z + b′_z)     update gate
        r = σ(x_t W_r + h_{t−1} U_r + b_r + b′_r)     reset gate
        h̃ = φ(x_t W_h + (r ⊙ h_{t−1}) U_h + b_h + b′_h)       reset "before"
        h̃ = φ(x_t W_h + r ⊙ (h_{t−1} U_h + b′_h) + b_h)       reset "after"
        h_t = z ⊙ h_{t−1} + (1 − z) ⊙ h̃                          update "keep"
        h_t = (1 − z) ⊙ h_{t−1} + z ⊙ h̃                          update "take"

    φ is tanh unless another activation is given.

    The two update conventions are one model: z of the one is 1 − z of the other, that is W_z, U_z, b_z negated. The
    two reset placements are different models.

    Args:
        x: [B, F] inputs x_t.
        h_prev: [B, U] previous hidden state h_{t−1}.
        params: `W` [F, 3U], `U` [U, 3U] and, each optional, `b` [3U] and the recurrent bias b′ `b_recurrent` [3U];
            columns z, r, h. The second bias makes a difference only for h with reset "after".
        update: See `Update`.
        reset: See `Reset`.
        activation: φ and its derivative.

    Returns:
        (h, cache): [B, U] the new hidden state; what `gru_cell_backward` needs.

    Raises:
        ValueError: No such convention.
    """
    if update not in ("keep", "take") or reset not in ("before", "after"):
        raise ValueError(f'update is {update!r}, "keep" or "take"; reset is {reset!r}, "before" or "after"')
    units = h_prev.shape[1]
    gates, candidate = slice(0, 2 * units), slice(2 * units, 3 * units)  # columns of z and r; columns of h
    U = params["U"]
    a_x = x @ params["W"]  # [B, 3U]
    if "b" in params:
        a_x = a_x + params["b"]  # [B, 3U]
    a_zr = a_x[:, gates] + h_prev @ U[:, gates]  # [B, 2U]
    if "b_recurrent" in params:
        a_zr = a_zr + params["b_recurrent"][gates]  # [B, 2U]
    z, r = np.split(sigmoid(a_zr), 2, axis=1)  # [B, U] each
    entering = r * h_prev if reset == "before" else h_prev  # [B, U] what the recurrent product is taken of
    product = entering @ U[:, candidate]  # [B, U]
    if "b_recurrent" in params:
        product = product + params["b_recurrent"][candidate]  # [B, U]
    a_h = a_x[:, candidate] + (product if reset == "before" else r * product)  # [B, U]
    h_new = activation.function(a_h)  # [B, U] the candidate h̃
    kept = z if update == "keep" else 1.0 - z  # [B, U]
    h = kept * h_prev + (1.0 - kept) * h_new  # [B, U]
    return h, (x, h_prev, z, r, a_h, h_new, entering, product, params, update, reset, activation)


def gru_cell_backward(dh: Array, cache: Cache) -> tuple[Array, Array, Params]:
    """Gradients of one step.

        update "keep": dz = dh ⊙ (h_{t−1} − h̃),  dh̃ = dh ⊙ (1 − z),  dh_{t−1} = dh ⊙ z
        update "take": dz = dh ⊙ (h̃ − h_{t−1}),  dh̃ = dh ⊙ z,        dh_{t−1} = dh ⊙ (1 − z)
        da_h = dh̃ ⊙ φ′(a_h)          φ′ = 1 − tanh² for tanh
        reset "before", n = r ⊙ h_{t−1}:        dn = da_h U_hᵀ,   dr = dn ⊙ h_{t−1},  dh_{t−1} += dn ⊙ r
        reset "after",  m = h_{t−1} U_h + b′_h:  dm = da_h ⊙ r,    dr = da_h ⊙ m,      dh_{t−1} += dm U_hᵀ
        da_z = dz ⊙ z (1 − z)     da_r = dr ⊙ r (1 − r)
        dx_t = [da_z | da_r | da_h] Wᵀ     dh_{t−1} += da_z U_zᵀ + da_r U_rᵀ

    Args:
        dh: [B, U] gradient of the loss with respect to h_t.
        cache: The cache of `gru_cell_forward`.

    Returns:
        (dx, dh_prev, dparams): [B, F]; [B, U]; gradients under the names of `params`.
    """
    x, h_prev, z, r, a_h, h_new, entering, product, params, update, reset, activation = cache
    dh = gradient("dh", dh, h_prev.shape)
    U_z, U_r, U_h = np.split(params["U"], 3, axis=1)  # [U, U] each
    if update == "keep":
        dz, dh_new, dh_prev = dh * (h_prev - h_new), dh * (1.0 - z), dh * z  # [B, U] each
    else:
        dz, dh_new, dh_prev = dh * (h_new - h_prev), dh * z, dh * (1.0 - z)  # [B, U] each
    da_h = dh_new * activation.derivative(a_h)  # [B, U]
    if reset == "before":
        dproduct = da_h  # [B, U]
        dn = dproduct @ U_h.T  # [B, U]
        dr = dn * h_prev  # [B, U]
        dh_prev = dh_prev + dn * r  # [B, U]
    else:
        dproduct = da_h * r  # [B, U]
        dr = da_h * product  # [B, U]
        dh_prev = dh_prev + dproduct @ U_h.T  # [B, U]
    da_z = dz * z * (1.0 - z)  # [B, U]
    da_r = dr * r * (1.0 - r)  # [B, U]
    dh_prev = dh_prev + da_z @ U_z.T + da_r @ U_r.T  # [B, U]
    da = np.concatenate([da_z, da_r, da_h], axis=1)  # [B, 3U] with respect to x_t W + b
    dU = np.concatenate([h_prev.T @ da_z, h_prev.T @ da_r, entering.T @ dproduct], axis=1)  # [U, 3U]
    dparams = {"W": x.T @ da, "U": dU}  # [F, 3U], [U, 3U]
    if "b" in params:
        dparams["b"] = da.sum(axis=0)  # [3U]
    if "b_recurrent" in params:
        dparams["b_recurrent"] = np.concatenate([da_z, da_r, dproduct], axis=1).sum(axis=0)  # [3U]
    return da @ params["W"].T, dh_prev, dparams  # [B, F], [B, U]


def gru_cell(update: Update = "keep", reset: Reset = "before", activation: Activation = TANH) -> Cell:
    """The gated recurrent unit under these conventions."""
    forward = partial(gru_cell_forward, update=update, reset=reset, activation=activation)
    return Cell(forward, gru_cell_backward, states=1, gates=3)
