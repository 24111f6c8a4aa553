"""Attention over timesteps, forward and backward: global, in a local window, and scaled dot-product self-attention."""

# ruff: noqa: N803, N806 - matrices keep the capital letters of the formulas

from __future__ import annotations

import math

import numpy as np

from sentiline.reference.activations import softmax, softmax_backward
from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params, time_mask


@takes(query="B Q", h="B T D", W="Q D", lengths="int:B", center="int:B")
def attend_forward(
    query: Array,
    h: Array,
    W: Array,
    lengths: Array | None = None,
    center: Array | None = None,
    width: int | None = None,
) -> tuple[Array, Array, Cache]:
    """Global or local attention of one query over the states of a sequence (Luong et al., 2015, score "general").

        e_t = q W · h_t      α = softmax_t(e)      c = Σ_t α_t h_t

    Global attention (no `center`) looks at every timestep of the sequence; local attention at those with
    |t − center| ≤ width alone.

    Args:
        query: [B, Q].
        h: [B, T, D].
        W: [Q, D] compares queries with states; the identity gives the score "dot".
        lengths: int [B], or None where every sequence is full.
        center: int [B] timestep in the middle of the window, or None for global attention.
        width: How far the window reaches to either side, at least 0; given exactly if `center` is.

    Returns:
        (context, weights, cache): [B, D] c; [B, T] α, 0 outside; what `attend_backward` needs.

    Raises:
        ValueError: Only one of `center` and `width` is given, or a center lies outside its sequence.
    """
    batch, time = h.shape[:2]
    allowed = time_mask(lengths, batch, time)  # [B, T]
    if (center is None) != (width is None):
        raise ValueError("local attention needs both center and width; global attention neither")
    if center is not None and width is not None:
        ends = np.full(batch, time) if lengths is None else lengths  # [B]
        if width < 0 or (center < 0).any() or (center >= ends).any():
            raise ValueError(f"width is {width}, centers are {center}: each center must lie within its sequence")
        allowed = allowed & (np.abs(np.arange(time)[None, :] - center[:, None]) <= width)  # [B, T]
    projected = query @ W  # [B, D]
    e = np.einsum("bd,btd->bt", projected, h)  # [B, T]
    alpha = softmax(np.where(allowed, e, -np.inf))  # [B, T]
    context = np.einsum("bt,btd->bd", alpha, h)  # [B, D]
    return context, alpha, (query, h, W, projected, alpha)


def attend_backward(dcontext: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Gradients of global and local attention.

        dα_t = dc · h_t      de = softmax′(dα)      d(qW) = Σ_t de_t h_t
        dh_t = α_t dc + de_t qW      dq = d(qW) Wᵀ      dW = qᵀ d(qW)

    Args:
        dcontext: [B, D].
        cache: The cache of `attend_forward`.

    Returns:
        (dquery, dh, dW): [B, Q]; [B, T, D]; [Q, D].
    """
    query, h, W, projected, alpha = cache
    dcontext = gradient("dcontext", dcontext, h[:, 0].shape)
    dalpha = np.einsum("bd,btd->bt", dcontext, h)  # [B, T]
    de = softmax_backward(dalpha, alpha)  # [B, T]
    dprojected = np.einsum("bt,btd->bd", de, h)  # [B, D]
    dh = alpha[:, :, None] * dcontext[:, None, :] + de[:, :, None] * projected[:, None, :]  # [B, T, D]
    return dprojected @ W.T, dh, query.T @ dprojected


@takes(q="... T K", k="... S K", v="... S E")
def dot_product_forward(q: Array, k: Array, v: Array, allowed: Array | None = None) -> tuple[Array, Cache]:
    """Scaled dot-product attention (Vaswani et al., 2017): softmax(Q Kᵀ / √d) V.

    Args:
        q: [..., T, d] queries.
        k: [..., S, d] keys.
        v: [..., S, e] values.
        allowed: bool, broadcasting to [..., T, S]: which keys each query may see, at least one; None for all.

    Returns:
        (context, cache): [..., T, e]; what `dot_product_backward` needs.
    """
    e = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])  # [..., T, S]
    alpha = softmax(e if allowed is None else np.where(allowed, e, -np.inf))  # [..., T, S]
    return alpha @ v, (q, k, v, alpha)


def dot_product_backward(dcontext: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Gradients of scaled dot-product attention.

        dV = Aᵀ dC      dA = dC Vᵀ      dE = softmax′(dA) / √d      dQ = dE K      dK = dEᵀ Q

    Args:
        dcontext: [..., T, e].
        cache: The cache of `dot_product_forward`.

    Returns:
        (dq, dk, dv), of the shapes of q, k, v.
    """
    q, k, v, alpha = cache
    dcontext = gradient("dcontext", dcontext, (*alpha.shape[:-1], v.shape[-1]))
    dv = np.swapaxes(alpha, -1, -2) @ dcontext  # [..., S, e]
    dalpha = dcontext @ np.swapaxes(v, -1, -2)  # [..., T, S]
    de = softmax_backward(dalpha, alpha) / math.sqrt(q.shape[-1])  # [..., T, S]
    return de @ k, np.swapaxes(de, -1, -2) @ q, dv


@takes(x="B T F", params={"W_q": "F C", "W_k": "F C", "W_v": "F C", "W_o?": "C O"}, lengths="int:B")
def self_attention_forward(
    x: Array, params: Params, heads: int = 1, lengths: Array | None = None
) -> tuple[Array, Cache]:
    """Every timestep attends to every timestep of its own sequence, in one or more heads.

        Q, K, V = x W_q, x W_k, x W_v, the columns dealt to the heads in equal blocks
        head_j  = softmax(Q_j K_jᵀ / √d) V_j
        y       = [head_1 | … | head_H] W_o

    Args:
        x: [B, T, F], right-padded.
        params: `W_q`, `W_k`, `W_v` [F, H·d] and `W_o` [H·d, O]; without `W_o` the joined heads are the output.
        heads: H.
        lengths: int [B], or None where every sequence is full.

    Returns:
        (y, cache): [B, T, O], 0 on padding; what `self_attention_backward` needs.

    Raises:
        ValueError: The columns cannot be dealt equally.
    """
    columns = params["W_q"].shape[1]
    if heads < 1 or columns % heads:
        raise ValueError(f"{columns} columns cannot be dealt to {heads} heads equally")
    mask = time_mask(lengths, *x.shape[:2])  # [B, T]
    q, k, v = (_split_heads(x @ params[name], heads) for name in ("W_q", "W_k", "W_v"))  # [B, H, T, d] each
    context, inner = dot_product_forward(q, k, v, mask[:, None, None, :])  # [B, H, T, d]
    joined = _join_heads(context) * mask[:, :, None]  # [B, T, H·d]
    y = joined @ params["W_o"] if "W_o" in params else joined  # [B, T, O]
    return y, (x, params, heads, mask, joined, inner)


def self_attention_backward(dy: Array, cache: Cache) -> tuple[Array, Params]:
    """Gradients of self-attention; x matters as query, as key and as value.

        djoined = dy W_oᵀ      dW_o = joinedᵀ dy
        dx = dQ W_qᵀ + dK W_kᵀ + dV W_vᵀ      dW_q = xᵀ dQ, and so on

    Args:
        dy: [B, T, O].
        cache: The cache of `self_attention_forward`.

    Returns:
        (dx, dparams): [B, T, F]; gradients under the names of `params`.
    """
    x, params, heads, mask, joined, inner = cache
    dy = gradient("dy", dy, (*mask.shape, params["W_o"].shape[1] if "W_o" in params else joined.shape[2]))
    dparams: Params = {}
    djoined = dy  # [B, T, H·d]
    if "W_o" in params:
        dparams["W_o"] = np.einsum("bti,bto->io", joined, dy)  # [H·d, O]
        djoined = dy @ params["W_o"].T  # [B, T, H·d]
    dcontext = _split_heads(djoined * mask[:, :, None], heads)  # [B, H, T, d]
    dq, dk, dv = (_join_heads(part) for part in dot_product_backward(dcontext, inner))  # [B, T, H·d] each
    for name, part in (("W_q", dq), ("W_k", dk), ("W_v", dv)):
        dparams[name] = np.einsum("btf,bti->fi", x, part)  # [F, H·d]
    dx = dq @ params["W_q"].T + dk @ params["W_k"].T + dv @ params["W_v"].T  # [B, T, F]
    return dx, dparams


def _split_heads(x: Array, heads: int) -> Array:
    batch, time, columns = x.shape
    return x.reshape(batch, time, heads, columns // heads).transpose(0, 2, 1, 3)  # [B, H, T, d]


def _join_heads(x: Array) -> Array:
    batch, heads, time, columns = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, time, heads * columns)  # [B, T, H·d]
