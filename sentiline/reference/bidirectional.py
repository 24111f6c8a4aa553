"""Two unrolled cells over the same sequence, one in each reading direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params, reverse_within_length
from sentiline.reference.cell import Cell
from sentiline.reference.unroll import UnrolledGradients, unroll_backward, unroll_forward

Merge = Literal["concat", "sum"]


class BidirectionalGradients(NamedTuple):
    """What `bidirectional_backward` returns.

    Attributes:
        dx: [B, T, F] gradient of the inputs.
        forward: All gradients of the forward direction; its `dx` is its own share.
        backward: All gradients of the backward direction, its `dx` and `dstates` in that direction's order of steps.
    """

    dx: Array
    forward: UnrolledGradients
    backward: UnrolledGradients


@takes(x="B T F", params=[{"W": "F G", "U": "U G", "...": ""}], lengths="int:B", initial=[["B U"]])
def bidirectional_forward(
    cell: Cell,
    x: Array,
    params: tuple[Params, Params],
    lengths: Array | None = None,
    initial: tuple[Sequence[Array], Sequence[Array]] | None = None,
    merge: Merge = "concat",
) -> tuple[Array, tuple[tuple[Array, ...], tuple[Array, ...]], Cache]:
    """Read right-padded sequences in both directions (Schuster & Paliwal, 1997).

        h→_t = cell(x_t, h→_{t−1})       h←_t = cell(x_t, h←_{t+1})
        h_t = [h→_t | h←_t]  or  h→_t + h←_t

    The backward direction starts at each sequence's own last token, and its states are put back in reading order,
    so that both halves of h_t have just read token t.

    Args:
        cell: One cell for both directions.
        x: [B, T, F], right-padded.
        params: Weights of the forward and of the backward direction.
        lengths: int [B], or None where every sequence is full.
        initial: Initial states of either direction, [B, U] each; None for zeros.
        merge: "concat" or "sum".

    Returns:
        (h, final, cache): [B, T, 2U] or, for "sum", [B, T, U], 0 on padding; the final states of either direction
        (the backward one ends at the *first* token); what `bidirectional_backward` needs.

    Raises:
        ValueError: There is no such merge, or a direction is missing.
    """
    if merge not in ("concat", "sum"):
        raise ValueError(f'merge is {merge!r}; it must be "concat" or "sum"')
    if len(params) != 2 or (initial is not None and len(initial) != 2):
        raise ValueError("params and initial must hold two items each, for the forward and the backward direction")
    starts = (None, None) if initial is None else initial
    h_f, final_f, cache_f = unroll_forward(cell, x, params[0], lengths, starts[0])  # [B, T, U]
    reversed_x = reverse_within_length(x, lengths)  # [B, T, F]
    h_b, final_b, cache_b = unroll_forward(cell, reversed_x, params[1], lengths, starts[1])  # [B, T, U]
    h_b = reverse_within_length(h_b, lengths)  # [B, T, U] back in reading order
    h = np.concatenate([h_f, h_b], axis=-1) if merge == "concat" else h_f + h_b  # [B, T, 2U] or [B, T, U]
    return h, (final_f, final_b), (cache_f, cache_b, lengths, merge, h.shape)


def bidirectional_backward(
    dh: Array, dfinal: tuple[Sequence[Array], Sequence[Array]] | None, cache: Cache
) -> BidirectionalGradients:
    """Gradients of both directions.

        [dh→ | dh←] = dh  for "concat",     dh→ = dh← = dh  for "sum"
        dx = dx→ + reverse(dx←)

    Args:
        dh: [B, T, 2U] or [B, T, U], gradient of the merged states.
        dfinal: Gradients of the final states of either direction; None for zeros.
        cache: The cache of `bidirectional_forward`.
    """
    cache_f, cache_b, lengths, merge, shape = cache
    dh = gradient("dh", dh, shape)
    dh_f, dh_b = np.split(dh, 2, axis=-1) if merge == "concat" else (dh, dh)  # [B, T, U] each
    ends = (None, None) if dfinal is None else dfinal
    forward = unroll_backward(dh_f, ends[0], cache_f)
    backward = unroll_backward(reverse_within_length(dh_b, lengths), ends[1], cache_b)
    dx = forward.dx + reverse_within_length(backward.dx, lengths)  # [B, T, F]
    return BidirectionalGradients(dx, forward, backward)
