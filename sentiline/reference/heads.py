"""Outputs ŷ_t read from hidden states: a dense layer with a linear, sigmoid or softmax output, forward and backward."""

from __future__ import annotations

from typing import Literal

from sentiline.reference.activations import sigmoid, softmax, softmax_backward
from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params

Output = Literal["linear", "sigmoid", "softmax"]


@takes(h="... U", params={"V": "U O", "c?": "O"})
def head_forward(h: Array, params: Params, output: Output = "linear") -> tuple[Array, Cache]:
    """ŷ = output(h V + c), for one state or for every timestep at once.

    Args:
        h: [..., U]; [B, U] for many-to-one, [B, T, U] for many-to-many.
        params: `V` [U, O] and, optional, `c` [O].
        output: "linear", "sigmoid" or "softmax" (over the last axis).

    Returns:
        (y, cache): [..., O]; what `head_backward` needs.

    Raises:
        ValueError: No such output.
    """
    a = h @ params["V"]  # [..., O]
    if "c" in params:
        a = a + params["c"]  # [..., O]
    if output == "linear":
        y = a
    elif output == "sigmoid":
        y = sigmoid(a)
    elif output == "softmax":
        y = softmax(a)
    else:
        raise ValueError(f'output is {output!r}; it must be "linear", "sigmoid" or "softmax"')
    return y, (h, params, output, y)


def head_backward(dy: Array, cache: Cache) -> tuple[Array, Params]:
    """Gradients of a head.

        da = dŷ  (linear),   dŷ ⊙ ŷ (1 − ŷ)  (sigmoid),   ŷ ⊙ (dŷ − Σ dŷ ⊙ ŷ)  (softmax)
        dV = Σ hᵀ da      dc = Σ da      dh = da Vᵀ

    Args:
        dy: [..., O].
        cache: The cache of `head_forward`.

    Returns:
        (dh, dparams): [..., U]; gradients under the names of `params`.
    """
    h, params, output, y = cache
    dy = gradient("dy", dy, y.shape)
    if output == "linear":
        da = dy  # [..., O]
    elif output == "sigmoid":
        da = dy * y * (1.0 - y)  # [..., O]
    else:
        da = softmax_backward(dy, y)  # [..., O]
    rows, drows = h.reshape(-1, h.shape[-1]), da.reshape(-1, da.shape[-1])  # [N, U], [N, O] every state a row
    dparams: Params = {"V": rows.T @ drows}  # [U, O]
    if "c" in params:
        dparams["c"] = drows.sum(axis=0)  # [O]
    return da @ params["V"].T, dparams  # [..., U]
