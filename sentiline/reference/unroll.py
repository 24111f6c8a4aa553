"""A cell over a whole sequence, forward and backward through time, with sequences of different lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params, reverse_within_length, time_mask
from sentiline.reference.cell import Cell


class UnrolledGradients(NamedTuple):
    """What `unroll_backward` returns.

    Attributes:
        dx: [B, T, F] gradient of the inputs, 0 on padding.
        dinitial: Gradient of each initial state, [B, U] each.
        dparams: Gradients summed over all timesteps, under the names of the parameters.
        dstates: For each state, [B, T, U]: the whole gradient that reaches it *at* timestep t, from the loss at t
            and from all later steps; 0 on padding. Its norm against t shows gradients vanish or explode.
    """

    dx: Array
    dinitial: tuple[Array, ...]
    dparams: Params
    dstates: tuple[Array, ...]


@takes(x="B T F", params={"W": "F G", "U": "U G", "...": ""}, lengths="int:B", initial=["B U"])
def unroll_forward(
    cell: Cell,
    x: Array,
    params: Params,
    lengths: Array | None = None,
    initial: Sequence[Array] | None = None,
) -> tuple[Array, tuple[Array, ...], Cache]:
    """Run a cell over right-padded sequences.

        s_t = cell(x_t, s_{t−1})  for t < length,     s_t = s_{t−1}  on padding

    Many-to-many tasks read `h` at every step, many-to-one tasks the final state, one-to-many tasks feed zeros after
    the first step, and one-to-one is T = 1; `sentiline.reference.demos.task_shapes` shows the four.

    Args:
        cell: The cell to unroll.
        x: [B, T, F], right-padded.
        params: The cell's weights, shared by all timesteps.
        lengths: int [B], or None where every sequence is full.
        initial: The initial states, [B, U] each; None for zeros.

    Returns:
        (h, final, cache): [B, T, U] hidden state at every timestep, 0 on padding (as ONNX gives it); the states
        after each sequence's last timestep, [B, U] each; what `unroll_backward` needs.

    Example:
        >>> from sentiline.reference.rnn import RNN
        >>> ones = np.ones((1, 1))
        >>> h, (last,), _ = unroll_forward(RNN, np.ones((1, 3, 1)), {"W": ones, "U": ones}, lengths=np.array([2]))
        >>> h[0, :, 0].round(4).tolist(), last[0].round(4).tolist()
        ([0.7616, 0.9427, 0.0], [0.9427])
    """
    batch, time = x.shape[:2]
    units = params["U"].shape[0]
    mask = time_mask(lengths, batch, time)  # [B, T]
    dtype = np.result_type(x, *params.values(), *(() if initial is None else initial))
    zeros = np.zeros((batch, units), dtype)  # [B, U]
    states = (zeros,) * cell.states if initial is None else tuple(initial)
    if len(states) != cell.states:
        raise ValueError(f"initial has {len(states)} states; this cell has {cell.states}")
    h = np.zeros((batch, time, units), dtype)  # [B, T, U]
    caches = []
    for t in range(time):
        alive = mask[:, t, None]  # [B, 1]
        *new, cache = cell.forward(x[:, t], *states, params)
        states = tuple(np.where(alive, after, before) for after, before in zip(new, states, strict=True))  # [B, U]
        h[:, t] = np.where(alive, new[0], 0)  # [B, U]
        caches.append(cache)
    return h, states, (cell, caches, x, mask, h)


def unroll_backward(dh: Array, dfinal: Sequence[Array] | None, cache: Cache) -> UnrolledGradients:
    """Backpropagation through time.

    Walking from the last timestep to the first, with ds_t the gradient that reaches the states after step t:

        ds_t ← ds_t + dh_t         the loss may look at h_t directly
        dx_t, ds_{t−1}, dθ_t = cell_backward(ds_t)
        dθ = Σ_t dθ_t              one set of weights served every timestep
        ds_{t−1} = ds_t            on padding

    Args:
        dh: [B, T, U] gradient of the loss with respect to `h`; values on padding are ignored.
        dfinal: Gradient of each final state, [B, U] each; None for zeros.
        cache: The cache of `unroll_forward`.
    """
    cell, caches, x, mask, h = cache
    batch, time, units = h.shape
    dh = gradient("dh", dh, h.shape)
    dstates = (np.zeros((batch, units), h.dtype),) * cell.states  # [B, U] each
    if dfinal is not None:
        dstates = tuple(gradient(f"dfinal[{index}]", ds, (batch, units)) for index, ds in enumerate(dfinal))
    if len(dstates) != cell.states:
        raise ValueError(f"dfinal has {len(dstates)} gradients; this cell has {cell.states} states")
    dtype = np.result_type(h, dh, *dstates)
    dx = np.zeros(x.shape, dtype)  # [B, T, F]
    dparams: Params = {}
    reached = tuple(np.zeros(h.shape, dtype) for _ in dstates)  # [B, T, U] each
    for t in reversed(range(time)):
        alive = mask[:, t, None]  # [B, 1]
        dstates = (dstates[0] + np.where(alive, dh[:, t], 0), *dstates[1:])  # [B, U] each
        dnew = tuple(np.where(alive, ds, 0) for ds in dstates)  # [B, U] each: what enters the cell
        for reaching, ds in zip(reached, dnew, strict=True):
            reaching[:, t] = ds
        dx[:, t], *dprevious, dstep = cell.backward(*dnew, caches[t])
        for name, share in dstep.items():
            dparams[name] = dparams[name] + share if name in dparams else share
        # a sequence that had ended before t passes its gradient by the cell
        dstates = tuple(
            np.where(alive, 0, ds) + before for ds, before in zip(dstates, dprevious, strict=True)
        )  # [B, U] each
    return UnrolledGradients(dx, dstates, dparams, reached)


@takes(x="B T F", params={"W": "F G", "U": "U G", "...": ""}, dlast="B U", lengths="int:B", initial=["B U"])
def gradient_norms(
    cell: Cell,
    x: Array,
    params: Params,
    dlast: Array,
    lengths: Array | None = None,
    initial: Sequence[Array] | None = None,
) -> Array:
    """How much of a gradient at the end of each sequence reaches each earlier timestep.

    The loss looks at the last hidden state alone, with gradient `dlast`; the norm at t is
    √(Σ_states ‖∂L/∂s_t‖²), for the LSTM over h and c together. It falls towards the start where gradients vanish and
    grows where they explode.

    Args:
        cell: The cell.
        x: [B, T, F], right-padded.
        params: The cell's weights.
        dlast: [B, U] gradient of the loss with respect to the last hidden state.
        lengths: int [B], or None where every sequence is full.
        initial: The initial states, [B, U] each; None for zeros.

    Returns:
        [B, T] norm of the gradient k steps before each sequence's last timestep in column k; 0 beyond its first.
    """
    h, states, cache = unroll_forward(cell, x, params, lengths, initial)
    dfinal = (dlast, *(np.zeros_like(state) for state in states[1:]))  # [B, U] each
    reached = unroll_backward(np.zeros_like(h), dfinal, cache).dstates
    norms = np.sqrt(sum((gradient**2).sum(axis=-1) for gradient in reached))  # [B, T]
    return reverse_within_length(np.asarray(norms), lengths)
