"""Word vectors by id, forward and backward."""

from __future__ import annotations

import numpy as np

from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache


@takes(ids="int:B T", table="V F")
def embedding_forward(ids: Array, table: Array) -> tuple[Array, Cache]:
    """x_t = E[id_t], a row of the table: the product of E with a one-hot vector, without the product.

    Args:
        ids: int [B, T].
        table: [V, F], one row per word of the vocabulary.

    Returns:
        (x, cache): [B, T, F]; what `embedding_backward` needs.
    """
    return np.asarray(table[ids]), (ids, table)


def embedding_backward(dx: Array, cache: Cache) -> Array:
    """dE[w] = Σ over all (b, t) with id = w of dx_{b,t}.

    `dE[ids] += dx` would keep one of several equal ids and lose the others; `np.add.at` adds them all.

    Args:
        dx: [B, T, F].
        cache: The cache of `embedding_forward`.

    Returns:
        [V, F], zero rows for words that do not occur.
    """
    ids, table = cache
    dx = gradient("dx", dx, (*ids.shape, table.shape[1]))
    dtable: Array = np.zeros(table.shape, np.result_type(table, dx))  # [V, F]
    np.add.at(dtable, ids, dx)
    return dtable
