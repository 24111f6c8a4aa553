"""Activation functions and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Array


class Activation(NamedTuple):
    """A function applied to each element, with its derivative.

    Attributes:
        function: g(a).
        derivative: g′(a), a function of the *pre-activation* a, not of g(a).
    """

    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


@takes(a="...")
def sigmoid(a: Array) -> Array:
    """σ(a) = 1 / (1 + e^(−a)), written as ½ (1 + tanh(a / 2)), which overflows nowhere."""
    return 0.5 * (1.0 + np.tanh(0.5 * a))


@takes(a="...")
def sigmoid_derivative(a: Array) -> Array:
    """σ′(a) = σ(a) (1 − σ(a))."""
    s = sigmoid(a)
    return s * (1.0 - s)


@takes(a="...")
def tanh(a: Array) -> Array:
    """The hyperbolic tangent."""
    return np.asarray(np.tanh(a))


@takes(a="...")
def tanh_derivative(a: Array) -> Array:
    """tanh′(a) = 1 − tanh²(a)."""
    return 1.0 - tanh(a) ** 2


@takes(a="...")
def relu(a: Array) -> Array:
    """max(a, 0)."""
    return np.maximum(a, 0.0)


@takes(a="...")
def relu_derivative(a: Array) -> Array:
    """1 where a > 0, else 0; at the kink itself we take 0, as Keras does."""
    return (a > 0).astype(a.dtype)


@takes(a="...")
def linear(a: Array) -> Array:
    """The identity, a."""
    return a


@takes(a="...")
def linear_derivative(a: Array) -> Array:
    """1 everywhere."""
    return np.ones_like(a)


TANH = Activation(tanh, tanh_derivative)
SIGMOID = Activation(sigmoid, sigmoid_derivative)
RELU = Activation(relu, relu_derivative)
LINEAR = Activation(linear, linear_derivative)


@takes(a="... O")
def softmax(a: Array) -> Array:
    """p_j = e^(a_j) / Σ_k e^(a_k) over the last axis.

    The largest a_j of each row is subtracted first, which cancels in the quotient and prevents overflow. Subtracting
    the largest value of the whole *array*, as some published code does, lets rows far below it underflow to 0/0.

    Args:
        a: [..., O]; −inf marks an entry that takes no part.
    """
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


@takes(dp="... O", p="... O")
def softmax_backward(dp: Array, p: Array) -> Array:
    """Gradient through the softmax: da_j = p_j (dp_j − Σ_k dp_k p_k).

    Args:
        dp: [..., O] gradient of the probabilities.
        p: [..., O] the probabilities.

    Returns:
        [..., O] gradient of a.
    """
    return np.asarray(p * (dp - (dp * p).sum(axis=-1, keepdims=True)))
