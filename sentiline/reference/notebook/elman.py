"""The notebook's plain recurrent network: one step and a whole sequence, forward and backward."""

from __future__ import annotations

from sentiline.reference import rnn
from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.notebook.sequences import Caches, column_gradient, predict, run_backward, run_forward

_PARAMETERS = {"Wax": "A X", "Waa": "A A", "Wya": "Y A", "ba": "A 1", "by": "Y 1", "...": ""}


@takes(xt="X M", a_prev="A M", parameters=_PARAMETERS)
def rnn_cell_forward(xt: Array, a_prev: Array, parameters: Params) -> tuple[Array, Array, Cache]:
    """One step of a plain recurrent network.

        a_t = tanh(W_ax x_t + W_aa a_{t−1} + b_a)
        ŷ_t = softmax(W_ya a_t + b_y)

    Args:
        xt: (n_x, m) inputs of the step.
        a_prev: (n_a, m) hidden state before it.
        parameters: Wax (n_a, n_x), Waa (n_a, n_a), Wya (n_y, n_a), ba (n_a, 1), by (n_y, 1).

    Returns:
        (a_next, yt_pred, cache): (n_a, m); (n_y, m); (a_next, a_prev, xt, parameters).

    Raises:
        ValueError: A shape does not fit, or a parameter is missing.
    """
    h, _ = rnn.rnn_cell_forward(xt.T, a_prev.T, _rows(parameters))
    return h.T, predict(h.T, parameters["Wya"], parameters["by"]), (h.T, a_prev, xt, parameters)


@takes(x="X M T", a0="A M", parameters=_PARAMETERS)
def rnn_forward(x: Array, a0: Array, parameters: Params) -> tuple[Array, Array, Caches]:
    """A plain recurrent network over a sequence.

    Args:
        x: (n_x, m, T_x) inputs.
        a0: (n_a, m) initial hidden state.
        parameters: See `rnn_cell_forward`.

    Returns:
        (a, y_pred, caches): (n_a, m, T_x); (n_y, m, T_x); the caches of all steps, and x.
    """
    (a,), y_pred, caches = run_forward(rnn_cell_forward, x, [a0], parameters)
    return a, y_pred, caches


def rnn_cell_backward(da_next: Array, cache: Cache) -> Params:
    """Gradients of one step.

    Args:
        da_next: (n_a, m) gradient of the loss with respect to a_next.
        cache: From `rnn_cell_forward`.

    Returns:
        dxt (n_x, m), da_prev (n_a, m), dWax, dWaa and dba, each of the shape of what it is the gradient of.
    """
    a_next, a_prev, xt, parameters = cache
    da = column_gradient("da_next", da_next, a_next.shape)
    _, inner = rnn.rnn_cell_forward(xt.T, a_prev.T, _rows(parameters))
    dx, dh_prev, dparams = rnn.rnn_cell_backward(da, inner)
    return {
        "dxt": dx.T,
        "da_prev": dh_prev.T,
        "dWax": dparams["W"].T,
        "dWaa": dparams["U"].T,
        "dba": dparams["b"][:, None],
    }


def rnn_backward(da: Array, caches: Caches) -> Params:
    """Backpropagation through time.

    Args:
        da: (n_a, m, T) gradient with respect to the hidden state of each of the first T ≤ T_x steps.
        caches: From `rnn_forward`.

    Returns:
        dx (n_x, m, T), da0 (n_a, m), and dWax, dWaa and dba, summed over the steps.
    """
    gradients, initial = run_backward(rnn_cell_backward, da, ["da_prev"], caches)
    return {**gradients, "da0": initial["da_prev"]}


def _rows(parameters: Params) -> Params:
    return {"W": parameters["Wax"].T, "U": parameters["Waa"].T, "b": parameters["ba"][:, 0]}
