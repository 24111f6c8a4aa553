"""Names for the arrays of this package, and the two operations on padded batches that everything else shares.

Letters in shape comments: B reviews (the batch), T timesteps, F input features, U units, D state width, O outputs.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sentiline.reference.arguments import takes

Array: TypeAlias = NDArray[Any]
"""float32 or float64. Functions also take lists and integers; see `sentiline.reference.arguments`."""

Params: TypeAlias = dict[str, Array]
"""Weights by name. A gradient of weights has the same names and shapes."""

Cache: TypeAlias = tuple[Any, ...]
"""What a forward function keeps for its backward function; nobody else looks inside."""


@takes(lengths="int:N")
def time_mask(lengths: Array | None, batch: int, time: int) -> NDArray[np.bool_]:
    """Where a timestep belongs to its sequence.

    Args:
        lengths: int [B], each at least 1 and at most `time`; None where every sequence is full.
        batch: B.
        time: t.

    Returns:
        bool [B, T], true for t < length.

    Raises:
        ValueError: A length is outside 1 … T, or there are not B of them.

    Example:
        >>> time_mask(np.array([1, 3]), 2, 3).astype(int).tolist()
        [[1, 0, 0], [1, 1, 1]]
    """
    if lengths is None:
        return np.ones((batch, time), bool)
    if lengths.shape != (batch,):
        raise ValueError(f"lengths has shape {lengths.shape}; a batch of {batch} needs ({batch},)")
    if lengths.min() < 1 or lengths.max() > time:
        raise ValueError(f"lengths run from {lengths.min()} to {lengths.max()}; they must lie within 1 and {time}")
    return np.asarray(np.arange(time)[None, :] < lengths[:, None])  # [B, T]


@takes(x="any:B T ...", lengths="int:B")
def reverse_within_length(x: Array, lengths: Array | None) -> Array:
    """Reverse every sequence in time, leaving its padding where it is.

    Reversing the whole padded row instead would feed a backward layer its padding first. The function is its own
    inverse, and its own transpose: it also carries gradients back.

    Args:
        x: [B, T, …].
        lengths: int [B], or None where every sequence is full.

    Returns:
        [B, T, …], y[b, t] = x[b, length_b − 1 − t] for t < length_b and x[b, t] beyond.

    Example:
        >>> reverse_within_length(np.array([[[1], [2], [0]], [[3], [4], [5]]]), np.array([2, 3]))[:, :, 0].tolist()
        [[2, 1, 0], [5, 4, 3]]
    """
    batch, time = x.shape[:2]
    steps = np.broadcast_to(np.arange(time), (batch, time))  # [B, T]
    ends = np.full(batch, time) if lengths is None else lengths  # [B]
    index = np.where(time_mask(lengths, batch, time), ends[:, None] - 1 - steps, steps)  # [B, T]
    return np.asarray(x[np.arange(batch)[:, None], index])
