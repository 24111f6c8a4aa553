"""Recurrent layers on top of each other, with dropout between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.bidirectional import Merge, bidirectional_backward, bidirectional_forward
from sentiline.reference.cell import Cell
from sentiline.reference.dropout import dropout_backward, dropout_forward
from sentiline.reference.unroll import unroll_backward, unroll_forward


@dataclass(frozen=True)
class Layer:
    """One recurrent layer of a stack.

    Attributes:
        cell: The layer's cell.
        params: The layer's weights: one set, or two for a bidirectional layer (forward, backward).
        merge: How a bidirectional layer merges its directions.
    """

    cell: Cell
    params: tuple[Params] | tuple[Params, Params]
    merge: Merge = "concat"


class StackGradients(NamedTuple):
    """What `stack_backward` returns.

    Attributes:
        dx: [B, T, F] gradient of the inputs.
        dlayers: For every layer, the gradients of its `params`.
    """

    dx: Array
    dlayers: list[tuple[Params, ...]]


@takes(x="B T F", lengths="int:B")
def stack_forward(
    layers: Sequence[Layer],
    x: Array,
    lengths: Array | None = None,
    keep: Sequence[Array] | None = None,
    rate: float = 0.0,
) -> tuple[Array, Cache]:
    """Run layers on top of each other: h⁽ˡ⁾ = layer_l(dropout(h⁽ˡ⁻¹⁾)), with h⁽⁰⁾ = x and no dropout on x itself.

    Args:
        layers: Bottom first; the width of each must fit the `W` of the next.
        x: [B, T, F], right-padded.
        lengths: int [B], or None where every sequence is full.
        keep: One dropout mask for each layer but the last, [B, T, D] or broadcasting to it; None for no dropout.
        rate: Probability with which the masks were 0.

    Returns:
        (h, cache): [B, T, D] states of the top layer; what `stack_backward` needs.

    Raises:
        ValueError: There are no layers, or there is not one mask for each layer but the last.
    """
    if not layers:
        raise ValueError("layers is empty; a stack has at least one layer")
    if keep is not None and len(keep) != len(layers) - 1:
        raise ValueError(f"{len(layers)} layers need {len(layers) - 1} dropout masks; got {len(keep)}")
    h, caches = x, []
    for index, layer in enumerate(layers):
        dropped = None
        if keep is not None and index > 0:
            h, dropped = dropout_forward(h, keep[index - 1], rate)  # [B, T, D]
        if len(layer.params) == 2:
            h, _, cache = bidirectional_forward(layer.cell, h, layer.params, lengths, merge=layer.merge)  # [B, T, D]
        else:
            h, _, cache = unroll_forward(layer.cell, h, layer.params[0], lengths)  # [B, T, D]
        caches.append((layer, dropped, cache))
    return h, tuple(caches)


def stack_backward(dh: Array, cache: Cache) -> StackGradients:
    """Gradients of all layers, from the top one down.

    Args:
        dh: [B, T, D] gradient of the top layer's states.
        cache: The cache of `stack_forward`.
    """
    dlayers: list[tuple[Params, ...]] = []
    dlayer: tuple[Params, ...]
    for layer, dropped, layer_cache in reversed(cache):
        if len(layer.params) == 2:
            both = bidirectional_backward(dh, None, layer_cache)
            dh, dlayer = both.dx, (both.forward.dparams, both.backward.dparams)  # [B, T, D]
        else:
            one = unroll_backward(dh, None, layer_cache)
            dh, dlayer = one.dx, (one.dparams,)  # [B, T, D]
        dlayers.insert(0, dlayer)
        if dropped is not None:
            dh = dropout_backward(dh, dropped)  # [B, T, D]
    return StackGradients(dh, dlayers)
