"""The notebook's LSTM: one step and a whole sequence, forward and backward."""

# ruff: noqa: N803 - matrices keep the capital letters of the formulas

from __future__ import annotations

import numpy as np

from sentiline.reference import lstm
from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.notebook.gates import join_gates, split_gates
from sentiline.reference.notebook.sequences import (
    Caches,
    as_row,
    column_gradient,
    predict,
    run_backward,
    run_forward,
)

_GATES = "ifco"  # the reference's order of columns; it calls the candidate g, the notebook c
_PARAMETERS = {f"W{gate}": "A Z" for gate in _GATES} | {f"b{gate}": "A 1" for gate in _GATES}
_PARAMETERS |= {"Wy": "Y A", "by": "Y 1", "...": ""}


@takes(Wf="U F", Uf="U U", Wi="U F", Ui="U U", Wc="U F", Uc="U U", Wo="U F", Uo="U U")
def lstm_cell(
    x: Array,
    h_prev: Array,
    c_prev: Array,
    Wf: Array,
    Uf: Array,
    Wi: Array,
    Ui: Array,
    Wc: Array,
    Uc: Array,
    Wo: Array,
    Uo: Array,
) -> tuple[Array, Array]:
    """One step of an LSTM without biases, with a matrix of its own for each gate.

        f = σ(W_f x + U_f h⁻)      i = σ(W_i x + U_i h⁻)      o = σ(W_o x + U_o h⁻)
        c̃ = tanh(W_c x + U_c h⁻)   c = f ⊙ c⁻ + i ⊙ c̃        h = o ⊙ tanh(c)

    Args:
        x: Inputs, a vector (F,) or columns (F, m).
        h_prev: Hidden state, (U,) or (U, m).
        c_prev: Memory, of the shape of h_prev.
        Wf: (U, F) forget gate, of the input.
        Uf: (U, U) forget gate, of the state.
        Wi: (U, F) input gate.
        Ui: (U, U) input gate.
        Wc: (U, F) candidate.
        Uc: (U, U) candidate.
        Wo: (U, F) output gate.
        Uo: (U, U) output gate.

    Returns:
        (h, c): The new hidden state and memory, of the shape of h_prev.

    Raises:
        ValueError: A shape does not fit.
    """
    params = {"W": np.concatenate([Wi, Wf, Wc, Wo]).T, "U": np.concatenate([Ui, Uf, Uc, Uo]).T}
    (x_row, _), (h_row, columns), (c_row, _) = as_row("x", x), as_row("h_prev", h_prev), as_row("c_prev", c_prev)
    h, c, _ = lstm.lstm_cell_forward(x_row, h_row, c_row, params)
    return (h.T, c.T) if columns else (h[0], c[0])


@takes(xt="X M", a_prev="A M", c_prev="A M", parameters=_PARAMETERS)
def lstm_cell_forward(xt: Array, a_prev: Array, c_prev: Array, parameters: Params) -> tuple[Array, Array, Array, Cache]:
    """One step of the LSTM.

        f, i, o = σ(W [a⁻; x] + b)     c̃ = tanh(W_c [a⁻; x] + b_c)
        c = f ⊙ c⁻ + i ⊙ c̃            a = o ⊙ tanh(c)             ŷ = softmax(W_y a + b_y)

    Args:
        xt: (n_x, m) inputs of the step.
        a_prev: (n_a, m) hidden state before it.
        c_prev: (n_a, m) memory before it.
        parameters: Wf, Wi, Wc, Wo (n_a, n_a + n_x), acting on a_prev above xt; bf, bi, bc, bo (n_a, 1); Wy (n_y, n_a),
            by (n_y, 1).

    Returns:
        (a_next, c_next, yt_pred, cache): (n_a, m) twice; (n_y, m);
        (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters).

    Raises:
        ValueError: A shape does not fit, or a parameter is missing.
    """
    h, c, inner = lstm.lstm_cell_forward(xt.T, a_prev.T, c_prev.T, join_gates(parameters, _GATES, len(xt)))
    it, ft, cct, ot = (gate.T for gate in inner[3:7])
    cache = (h.T, c.T, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
    return h.T, c.T, predict(h.T, parameters["Wy"], parameters["by"]), cache


@takes(x="X M T", a0="A M", parameters=_PARAMETERS)
def lstm_forward(x: Array, a0: Array, parameters: Params) -> tuple[Array, Array, Array, Caches]:
    """The LSTM over a sequence, from a memory of zeros.

    Args:
        x: (n_x, m, T_x) inputs.
        a0: (n_a, m) initial hidden state.
        parameters: See `lstm_cell_forward`.

    Returns:
        (a, y, c, caches): (n_a, m, T_x); (n_y, m, T_x); (n_a, m, T_x); the caches of all steps, and x.
    """
    (a, c), y, caches = run_forward(lstm_cell_forward, x, [a0, np.zeros_like(a0)], parameters)
    return a, y, c, caches


def lstm_cell_backward(da_next: Array, dc_next: Array, cache: Cache) -> Params:
    """Gradients of one step.

    Args:
        da_next: (n_a, m) gradient of the loss with respect to a_next.
        dc_next: (n_a, m) gradient with respect to c_next by way of the later steps.
        cache: From `lstm_cell_forward`.

    Returns:
        dxt (n_x, m), da_prev and dc_prev (n_a, m), and dWf, dbf, dWi, dbi, dWc, dbc, dWo, dbo.
    """
    a_next, c_next, a_prev, c_prev, *_, xt, parameters = cache
    da, dc = column_gradient("da_next", da_next, a_next.shape), column_gradient("dc_next", dc_next, c_next.shape)
    _, _, inner = lstm.lstm_cell_forward(xt.T, a_prev.T, c_prev.T, join_gates(parameters, _GATES, len(xt)))
    dx, dh_prev, dmemory, dparams = lstm.lstm_cell_backward(da, dc, inner)
    return {"dxt": dx.T, "da_prev": dh_prev.T, "dc_prev": dmemory.T, **split_gates(dparams, _GATES)}


def lstm_backward(da: Array, caches: Caches) -> Params:
    """Backpropagation through time.

    Some notebooks do not pass dc_prev on from step to step, and so lose every gradient that travels through the
    memory; it is passed on here.

    Args:
        da: (n_a, m, T) gradient with respect to the hidden state of each of the first T ≤ T_x steps.
        caches: From `lstm_forward`.

    Returns:
        dx (n_x, m, T), da0 (n_a, m), and dWf, dbf, dWi, dbi, dWc, dbc, dWo, dbo, summed over the steps.
    """
    gradients, initial = run_backward(lstm_cell_backward, da, ["da_prev", "dc_prev"], caches)
    return {**gradients, "da0": initial["da_prev"]}
