"""The notebook's gated recurrent unit: one step and a whole sequence, forward and backward."""

# ruff: noqa: N803 - matrices keep the capital letters of the formulas

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np

from sentiline.reference import gru
from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.gru import Update
from sentiline.reference.notebook.gates import join_gates, split_gates
from sentiline.reference.notebook.sequences import (
    Caches,
    as_row,
    column_gradient,
    predict,
    run_backward,
    run_forward,
)

_GATES = "urc"  # the reference's order of columns; it calls the update gate z and the candidate h
_PARAMETERS = {f"W{gate}": "A Z" for gate in _GATES} | {f"b{gate}": "A 1" for gate in _GATES}
_PARAMETERS |= {"Wy": "Y A", "by": "Y 1", "...": ""}


@takes(Wz="U F", Uz="U U", Wr="U F", Ur="U U", W="U F", U="U U")
def gru_step(
    inputs: Array,
    h_prev: Array,
    Wz: Array,
    Uz: Array,
    Wr: Array,
    Ur: Array,
    W: Array,
    U: Array,
    update: Update = "keep",
) -> Array:
    """One step of the gated recurrent unit without biases, with a matrix of its own for each gate.

        z = σ(W_z x + U_z h⁻)      r = σ(W_r x + U_r h⁻)      h̃ = tanh(W x + U (r ⊙ h⁻))
        h = z ⊙ h⁻ + (1 − z) ⊙ h̃          update "keep" (Cho et al., 2014; Keras)
        h = (1 − z) ⊙ h⁻ + z ⊙ h̃          update "take" (Chung et al., 2014; many courses)

    Args:
        inputs: x, a vector (F,) or columns (F, m).
        h_prev: h⁻, (U,) or (U, m).
        Wz: (U, F) update gate, of the input.
        Uz: (U, U) update gate, of the state.
        Wr: (U, F) reset gate, of the input.
        Ur: (U, U) reset gate, of the state.
        W: (U, F) candidate, of the input.
        U: (U, U) candidate, of the state.
        update: Whether an open update gate keeps the old state or takes the candidate.

    Returns:
        The new hidden state, of the shape of h_prev.

    Raises:
        ValueError: A shape does not fit, or there is no such convention.
    """
    params = {"W": np.concatenate([Wz, Wr, W]).T, "U": np.concatenate([Uz, Ur, U]).T}
    (x_row, _), (h_row, columns) = as_row("inputs", inputs), as_row("h_prev", h_prev)
    h, _ = gru.gru_cell_forward(x_row, h_row, params, update)
    return h.T if columns else h[0]


@overload
def gru_forward(x: Array, c0: Array, parameters: Params) -> tuple[Array, Array, Caches]: ...


@overload
def gru_forward(
    inputs: Array | Sequence[Array],
    h_init: Array,
    Wz: Array,
    Uz: Array,
    Wr: Array,
    Ur: Array,
    W: Array,
    U: Array,
    update: Update = "keep",
) -> Array: ...


def gru_forward(*args: Any, **named: Any) -> Any:
    """A gated recurrent unit over a sequence, in either of the two forms that notebooks use.

    `gru_forward(inputs, h_init, Wz, Uz, Wr, Ur, W, U, update="keep")` runs `gru_step` over inputs [T, F], a list of T
    vectors (F,) or a list of T columns (F, m), and returns the hidden states [T, U], or [T, U, m] where h_init is
    columns. h_init may also be given as h_prev.

    `gru_forward(x, c0, parameters)` runs `gru_cell_forward` over x (n_x, m, T_x) from c0 (n_a, m), and returns
    (c, y, caches): (n_a, m, T_x); (n_y, m, T_x); the caches of all steps, and x.

    Raises:
        ValueError: A shape does not fit, or a parameter is missing.
    """
    if "parameters" in named or (len(args) > 2 and isinstance(args[2], Mapping)):
        return _forward_with_parameters(*args, **named)
    if "h_prev" in named:  # which some notebooks call it
        named["h_init"] = named.pop("h_prev")
    return _forward_with_matrices(*args, **named)


@takes(x="X M T", c0="A M", parameters=_PARAMETERS)
def _forward_with_parameters(x: Array, c0: Array, parameters: Params) -> tuple[Array, Array, Caches]:
    (c,), y, caches = run_forward(gru_cell_forward, x, [c0], parameters)
    return c, y, caches


def _forward_with_matrices(inputs: Sequence[Array], h_init: Array, *matrices: Any, **named: Any) -> Array:
    states = [h_init]
    for x in inputs:
        states.append(gru_step(x, states[-1], *matrices, **named))
    return np.stack(states[1:])


@takes(xt="X M", c_prev="A M", parameters=_PARAMETERS)
def gru_cell_forward(xt: Array, c_prev: Array, parameters: Params) -> tuple[Array, Array, Cache]:
    """One step of the gated recurrent unit, whose open update gate takes the candidate.

        u, r = σ(W [c⁻; x] + b)     c̃ = tanh(W_c [r ⊙ c⁻; x] + b_c)
        c = u ⊙ c̃ + (1 − u) ⊙ c⁻   ŷ = softmax(W_y c + b_y)

    Args:
        xt: (n_x, m) inputs of the step.
        c_prev: (n_a, m) hidden state before it.
        parameters: Wu, Wr, Wc (n_a, n_a + n_x), acting on the state above xt; bu, br, bc (n_a, 1); Wy (n_y, n_a),
            by (n_y, 1).

    Returns:
        (c_next, yt_pred, cache): (n_a, m); (n_y, m); (c_next, c_prev, ut, rt, cct, xt, parameters).

    Raises:
        ValueError: A shape does not fit, or a parameter is missing.
    """
    h, inner = _forward(xt, c_prev, parameters)
    ut, rt, cct = inner[2].T, inner[3].T, inner[5].T
    return h.T, predict(h.T, parameters["Wy"], parameters["by"]), (h.T, c_prev, ut, rt, cct, xt, parameters)


def gru_cell_backward(da_next: Array, cache: Cache) -> Params:
    """Gradients of one step.

    A well-known notebook's formula for the reset gate leaves out U_h: it takes dr = da_h ⊙ c⁻ where the product with
    the candidate's weights comes first, dr = (W_cᵀ da_h) ⊙ c⁻. Its dbr, dxt and dc_prev are therefore wrong; here
    they are the true gradients. dWu and dWc agree.

    Args:
        da_next: (n_a, m) gradient of the loss with respect to c_next.
        cache: From `gru_cell_forward`.

    Returns:
        dxt (n_x, m); dc_prev (n_a, m), also under the name da_prev; and dWu, dbu, dWr, dbr, dWc, dbc.
    """
    gradients = _backward(da_next, cache)
    return {**gradients, "da_prev": gradients["dc_prev"]}


def gru_backward(da: Array, caches: Caches) -> Params:
    """Backpropagation through time.

    Args:
        da: (n_a, m, T) gradient with respect to the hidden state of each of the first T ≤ T_x steps.
        caches: From `gru_forward` with parameters.

    Returns:
        dx (n_x, m, T); dc0 (n_a, m), also under the name da0; and dWu, dbu, dWr, dbr, dWc, dbc, summed over the steps.
    """
    gradients, initial = run_backward(_backward, da, ["dc_prev"], caches)
    return {**gradients, "dc0": initial["dc_prev"], "da0": initial["dc_prev"]}


def _forward(xt: Array, c_prev: Array, parameters: Params) -> tuple[Array, Cache]:
    return gru.gru_cell_forward(xt.T, c_prev.T, join_gates(parameters, _GATES, len(xt)), update="take")


def _backward(dc_next: Array, cache: Cache) -> Params:
    c_next, c_prev, *_, xt, parameters = cache
    _, inner = _forward(xt, c_prev, parameters)
    dx, dc_prev, dparams = gru.gru_cell_backward(column_gradient("da_next", dc_next, c_next.shape), inner)
    return {"dxt": dx.T, "dc_prev": dc_prev.T, **split_gates(dparams, _GATES)}
