"""The heads of the zoo's models: from recurrent states to a logit, and the score and contribution of every timestep.

Forward only. All functions take the states h [B, T, D], 0 on padding, and the lengths, int [B], and return a
`ReferenceOutput`; every additive one keeps logit = bias + Σ_t contributions_t.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentiline.reference.activations import relu, sigmoid
from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Array, Params, time_mask
from sentiline.reference.pooling import attention_weights


class ReferenceOutput(NamedTuple):
    """A model's answer.

    Attributes:
        logit: [B]; the probability of a positive review is σ(logit).
        bias: [B] the logit before any timestep has been read.
        scores: [B, T] the model's own probability at every timestep, 0 on padding.
        contributions: [B, T], 0 on padding; None where the logit is not a sum over timesteps.
    """

    logit: Array
    bias: Array
    scores: Array
    contributions: Array | None


@takes(h="B T D", lengths="int:B", params={"attention": "D", "w_mean": "D", "w_attention": "D", "bias": "", "...": ""})
def read_pooling(h: Array, lengths: Array, params: Params) -> ReferenceOutput:
    """Mean and attention pooling of a whole review, one linear layer.

        α = softmax_t(u · h_t)
        contribution_t = w_mean · h_t / n + α_t w_att · h_t
        score_t = σ(b + (w_mean + w_att) · h_t), the layer applied to the state of t alone

    Args:
        h: States.
        lengths: The lengths of the reviews, int [B].
        params: `attention` u, `w_mean`, `w_attention`, each [D]; `bias` b, a scalar.
    """
    mask = time_mask(lengths, *h.shape[:2])  # [B, T]
    mean, attended = h @ params["w_mean"], h @ params["w_attention"]  # [B, T] each
    alpha = attention_weights(h, params["attention"], lengths)  # [B, T]
    contributions = (mean / lengths[:, None].astype(h.dtype) + alpha * attended) * mask  # [B, T]
    bias = np.full(len(h), params["bias"])  # [B]
    scores = sigmoid(params["bias"] + mean + attended) * mask  # [B, T]
    return ReferenceOutput(bias + contributions.sum(axis=1), bias, scores, contributions)


@takes(h="B T D", lengths="int:B", params={"attention": "D", "w_mean": "D", "w_attention": "D", "bias": "", "...": ""})
def read_prefix_pooling(h: Array, lengths: Array, params: Params) -> ReferenceOutput:
    """Mean and attention pooling of what has been read so far, for models that read forward only.

        z_t = b + w_mean · (Σ_{s≤t} h_s) / t + w_att · Σ_{s≤t} α_s⁽ᵗ⁾ h_s      α⁽ᵗ⁾ = softmax_{s≤t}(u · h_s)

    and the rest as in `_read_prefixes`; arguments as in `read_pooling`.
    """
    batch, time = h.shape[:2]
    logits = np.zeros((batch, time), h.dtype)  # [B, T]
    for t in range(time):
        seen = h[:, : t + 1]  # [B, t + 1, D] the first t tokens, pooled from scratch: slow, and hard to get wrong
        alpha = attention_weights(seen, params["attention"])  # [B, t + 1]
        logits[:, t] = (
            params["bias"]
            + seen.mean(axis=1) @ params["w_mean"]
            + np.einsum("bs,bsd->bd", alpha, seen) @ params["w_attention"]
        )
    return _read_prefixes(logits, lengths, float(params["bias"]))


@takes(h="B T D", lengths="int:B", params={"v": "E", "c": "", "V?": "D E", "d?": "E", "...": ""})
def read_last(h: Array, lengths: Array, params: Params) -> ReferenceOutput:
    """A dense layer on the last state, perhaps behind a layer of rectified units.

        z_t = v · φ(h_t) + c      φ(h) = h  or  relu(h V + d)      z_0 from the zero state

    Args:
        h: States.
        lengths: The lengths of the reviews, int [B].
        params: `v` [D′], `c` scalar; and perhaps `V` [D, D′], `d` [D′].
    """

    def dense(states: Array) -> Array:  # [..., D] to [...]
        hidden = relu(states @ params["V"] + params["d"]) if "V" in params else states  # [..., D′]
        return np.asarray(hidden @ params["v"] + params["c"])

    return _read_prefixes(dense(h), lengths, float(dense(np.zeros(h.shape[-1], h.dtype))))


@takes(h="B T 1", lengths="int:B")
def read_unit(h: Array, lengths: Array) -> ReferenceOutput:
    """One recurrent unit with a sigmoid, whose state is the probability: z_t = log(h_t / (1 − h_t)), z_0 = 0.

    Args:
        h: States, D = 1.
        lengths: The lengths of the reviews, int [B].
    """
    return _read_prefixes(log_odds(h[..., 0]), lengths, 0.0)


@takes(h="B T D", lengths="int:B", params={"v": "D", "c": "", "...": ""})
def read_timesteps(h: Array, lengths: Array, params: Params) -> ReferenceOutput:
    """A probability at every timestep, and their mean as the prediction, which is not a sum of logits.

        p_t = σ(v · h_t + c)      probability = (Σ_t p_t) / n

    Args:
        h: States.
        lengths: The lengths of the reviews, int [B].
        params: `v` [D], `c` scalar.
    """
    scores = sigmoid(h @ params["v"] + params["c"]) * time_mask(lengths, *h.shape[:2])  # [B, T]
    logit = log_odds(scores.sum(axis=1) / lengths.astype(h.dtype))  # [B]
    return ReferenceOutput(logit, np.zeros_like(logit), scores, None)


@takes(probability="...")
def log_odds(probability: Array) -> Array:
    """log(p / (1 − p)) with p held within [1e-7, 1 − 1e-7]."""
    p = np.clip(probability, 1e-7, 1.0 - 1e-7)
    return np.asarray(np.log(p) - np.log(1.0 - p))


def _read_prefixes(logits: Array, lengths: Array, start: float) -> ReferenceOutput:
    """contribution_t = z_t − z_{t−1}, score_t = σ(z_t), logit = z_n, where z_t is the logit after t tokens.

    Args:
        logits: [B, T] z_t.
        lengths: The lengths of the reviews, int [B].
        start: z_0.
    """
    mask = time_mask(lengths, *logits.shape)  # [B, T]
    bias = np.full(len(logits), start, logits.dtype)  # [B]
    contributions = np.diff(logits, axis=1, prepend=bias[:, None]) * mask  # [B, T]
    last = np.take_along_axis(logits, lengths[:, None] - 1, axis=1)[:, 0]  # [B]
    return ReferenceOutput(last, bias, sigmoid(logits) * mask, contributions)
