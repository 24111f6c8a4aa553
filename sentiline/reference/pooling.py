"""From the states of all timesteps to one vector: mean, maximum and attention pooling, forward and backward."""

from __future__ import annotations

import numpy as np

from sentiline.reference.activations import softmax, softmax_backward
from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, time_mask


@takes(h="B T D", lengths="int:B")
def mean_pool_forward(h: Array, lengths: Array | None = None) -> tuple[Array, Cache]:
    """Mean pooling, p = (Σ_t h_t) / n over the n timesteps of each sequence; padding does not count.

    Args:
        h: [B, T, D].
        lengths: int [B], or None where every sequence is full.

    Returns:
        (pooled, cache): [B, D]; what `mean_pool_backward` needs.
    """
    mask = time_mask(lengths, *h.shape[:2])[:, :, None].astype(h.dtype)  # [B, T, 1]
    share = mask / mask.sum(axis=1, keepdims=True)  # [B, T, 1] 1/n within the sequence, 0 on padding
    return np.asarray((h * share).sum(axis=1)), (share, h.shape)


def mean_pool_backward(dpooled: Array, cache: Cache) -> Array:
    """Gradient of the states: dh_t = dp / n, and 0 on padding.

    Args:
        dpooled: [B, D].
        cache: The cache of `mean_pool_forward`.

    Returns:
        [B, T, D].
    """
    share, (batch, _, width) = cache
    dpooled = gradient("dpooled", dpooled, (batch, width))
    return np.asarray(dpooled[:, None, :] * share)


@takes(h="B T D", lengths="int:B")
def max_pool_forward(h: Array, lengths: Array | None = None) -> tuple[Array, Cache]:
    """Max pooling, p_d = max_t h_{t,d} over the timesteps of each sequence, every feature for itself.

    Args:
        h: [B, T, D].
        lengths: int [B], or None where every sequence is full.

    Returns:
        (pooled, cache): [B, D]; what `max_pool_backward` needs.
    """
    mask = time_mask(lengths, *h.shape[:2])[:, :, None]  # [B, T, 1]
    winner = np.where(mask, h, -np.inf).argmax(axis=1)[:, None, :]  # [B, 1, D] first of equals
    return np.asarray(np.take_along_axis(h, winner, axis=1)[:, 0]), (winner, h)


def max_pool_backward(dpooled: Array, cache: Cache) -> Array:
    """The whole gradient of a feature goes to the timestep that won it, nothing to the others.

    Args:
        dpooled: [B, D].
        cache: The cache of `max_pool_forward`.

    Returns:
        [B, T, D].
    """
    winner, h = cache
    dpooled = gradient("dpooled", dpooled, h[:, 0].shape)
    dh: Array = np.zeros(h.shape, np.result_type(h, dpooled))  # [B, T, D]
    np.put_along_axis(dh, winner, dpooled[:, None, :], axis=1)
    return dh


@takes(h="B T D", u="D", lengths="int:B")
def attention_pool_forward(h: Array, u: Array, lengths: Array | None = None) -> tuple[Array, Cache]:
    """Pool with weights that a learned vector gives (after Yang et al., 2016, without their tanh layer).

        e_t = u · h_t      α = softmax_t(e) within the sequence      p = Σ_t α_t h_t

    Args:
        h: [B, T, D].
        u: [D] what to look for.
        lengths: int [B], or None where every sequence is full.

    Returns:
        (pooled, cache): [B, D]; what `attention_pool_backward` needs.
    """
    alpha = attention_weights(h, u, lengths)  # [B, T]
    return np.einsum("bt,btd->bd", alpha, h), (h, u, alpha)


@takes(h="B T D", u="D", lengths="int:B")
def attention_weights(h: Array, u: Array, lengths: Array | None = None) -> Array:
    """Attention weights α = softmax_t(u · h_t), [B, T], 0 on padding; arguments as in `attention_pool_forward`."""
    return softmax(np.where(time_mask(lengths, *h.shape[:2]), h @ u, -np.inf))


def attention_pool_backward(dpooled: Array, cache: Cache) -> tuple[Array, Array]:
    """Gradients of attention pooling; h_t matters twice, in the sum and in its own weight.

        dα_t = dp · h_t      de = softmax′(dα)      dh_t = α_t dp + de_t u      du = Σ_{b,t} de_t h_t

    Args:
        dpooled: [B, D].
        cache: The cache of `attention_pool_forward`.

    Returns:
        (dh, du): [B, T, D]; [D].
    """
    h, u, alpha = cache
    dpooled = gradient("dpooled", dpooled, h[:, 0].shape)
    dalpha = np.einsum("bd,btd->bt", dpooled, h)  # [B, T]
    de = softmax_backward(dalpha, alpha)  # [B, T]
    dh = alpha[:, :, None] * dpooled[:, None, :] + de[:, :, None] * u  # [B, T, D]
    return dh, np.einsum("bt,btd->d", de, h)
