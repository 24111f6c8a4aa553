"""Losses: mean squared error, binary and softmax cross-entropy, forward and backward.

The two cross-entropies take logits, not probabilities: together with the sigmoid or softmax the formulas are shorter,
their gradient is ŷ − y, and neither overflows.
"""

from __future__ import annotations

import numpy as np

from sentiline.reference.activations import sigmoid, softmax
from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Array, Cache


@takes(y_hat="...", y="...", weights="...")
def mean_squared_error_forward(y_hat: Array, y: Array, weights: Array | None = None) -> tuple[Array, Cache]:
    """L = Σ w (ŷ − y)² / Σ w; without weights the mean over all elements, as in Keras.

    Args:
        y_hat: Predictions, any shape.
        y: Targets, the same shape.
        weights: The same shape, such as 0 on padding; None for all ones.

    Returns:
        (loss, cache): scalar; what `mean_squared_error_backward` needs.
    """
    share = _shares(y_hat, weights)
    return ((y_hat - y) ** 2 * share).sum(), (y_hat, y, share)


def mean_squared_error_backward(dloss: float, cache: Cache) -> Array:
    """Gradient of the predictions: dŷ = dL · 2 w (ŷ − y) / Σ w, the shape of ŷ."""
    y_hat, y, share = cache
    return np.asarray(dloss * 2.0 * (y_hat - y) * share)


@takes(logits="...", labels="...", weights="...")
def binary_cross_entropy_forward(logits: Array, labels: Array, weights: Array | None = None) -> tuple[Array, Cache]:
    """L = Σ w (log(1 + e^z) − y z) / Σ w, which is −y log σ(z) − (1 − y) log(1 − σ(z)) without its cancellations.

    Args:
        logits: z, any shape.
        labels: y in [0, 1], the same shape.
        weights: The same shape; None for all ones.

    Returns:
        (loss, cache): scalar; what `binary_cross_entropy_backward` needs.
    """
    share = _shares(logits, weights)
    losses = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - labels * logits
    return (losses * share).sum(), (logits, labels, share)


def binary_cross_entropy_backward(dloss: float, cache: Cache) -> Array:
    """Gradient of the logits: dz = dL · w (σ(z) − y) / Σ w, the shape of z."""
    logits, labels, share = cache
    return np.asarray(dloss * (sigmoid(logits) - labels) * share)


@takes(logits="... O", labels="int:...", weights="...")
def softmax_cross_entropy_forward(logits: Array, labels: Array, weights: Array | None = None) -> tuple[Array, Cache]:
    """L = −Σ w log softmax(z)_y / Σ w.

    Args:
        logits: z, [..., O].
        labels: int [...], the right class y of each.
        weights: [...]; None for all ones.

    Returns:
        (loss, cache): scalar; what `softmax_cross_entropy_backward` needs.
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)  # [..., O]
    right = np.take_along_axis(shifted, labels[..., None], axis=-1)[..., 0]  # [...]
    losses = np.log(np.exp(shifted).sum(axis=-1)) - right  # [...]
    share = _shares(losses, weights)  # [...]
    return (losses * share).sum(), (logits, labels, share)


def softmax_cross_entropy_backward(dloss: float, cache: Cache) -> Array:
    """Gradient of the logits: dz = dL · w (softmax(z) − onehot(y)) / Σ w, [..., O]."""
    logits, labels, share = cache
    onehot = np.arange(logits.shape[-1]) == labels[..., None]  # [..., O]
    return np.asarray(dloss * (softmax(logits) - onehot) * share[..., None])


def _shares(values: Array, weights: Array | None) -> Array:
    """Weights that sum to one, in the dtype of `values`."""
    raw = np.ones_like(values) if weights is None else weights.astype(values.dtype)
    return np.asarray(raw / raw.sum())
