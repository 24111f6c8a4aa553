"""Dropout with a given mask, forward and backward."""

from __future__ import annotations

import numpy as np

from sentiline.reference.arguments import floating, gradient, takes
from sentiline.reference.arrays import Array, Cache


@takes(x="...")
def dropout_forward(x: Array, keep: Array, rate: float) -> tuple[Array, Cache]:
    """Inverted dropout (Srivastava et al., 2014): y = x ⊙ keep / (1 − rate).

    The mask is given, not drawn, so that the function stays pure; draw it as `random(shape) >= rate`. A mask of shape
    [B, 1, F] drops the same features at every timestep (Gal & Ghahramani, 2016).

    Args:
        x: Any shape.
        keep: 0 or 1, of a shape that broadcasts to that of `x`.
        rate: Probability with which the mask was 0, in [0, 1).

    Returns:
        (y, cache): the shape of `x`; what `dropout_backward` needs.

    Raises:
        ValueError: The rate is outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate is {rate}; it must be at least 0 and below 1")
    scale = (floating("keep", keep) / (1.0 - rate)).astype(x.dtype)
    return x * scale, (scale, x.shape)


def dropout_backward(dy: Array, cache: Cache) -> Array:
    """Gradient of the input: dx = dy ⊙ keep / (1 − rate)."""
    scale, shape = cache
    return np.asarray(gradient("dy", dy, shape) * scale)
