"""Attention in all its forms, against central differences and against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.attention import (
    attend_backward,
    attend_forward,
    dot_product_backward,
    dot_product_forward,
    self_attention_backward,
    self_attention_forward,
)
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


@pytest.mark.parametrize("local", [False, True], ids=["global", "local"])
@drawn
@given(d=draws())
def test_global_and_local_gradients(local: bool, d: Draw) -> None:
    query, h, weights = d.normal(d.batch, 2), d.normal(d.batch, d.time, d.units), d.normal(2, d.units)
    dcontext = d.normal(d.batch, d.units)
    ends = np.full(d.batch, d.time) if d.lengths is None else d.lengths
    window = (d.rng.integers(0, ends), int(d.rng.integers(0, 3))) if local else (None, None)

    def loss() -> float:
        return float((attend_forward(query, h, weights, d.lengths, *window)[0] * dcontext).sum())

    *_, cache = attend_forward(query, h, weights, d.lengths, *window)
    dquery, dh, dweights = attend_backward(dcontext, cache)
    check_gradients(loss, {"query": query, "h": h, "W": weights}, {"query": dquery, "h": dh, "W": dweights})


def test_local_attention_sees_its_window_alone() -> None:
    rng = np.random.default_rng(0)
    query, h = rng.normal(size=(2, 3)), rng.normal(size=(2, 6, 3))
    context, weights, _ = attend_forward(query, h, np.eye(3), np.array([4, 6]), center=np.array([3, 1]), width=1)
    assert (weights > 0).tolist() == [[False, False, True, True, False, False], [True, True, True, False, False, False]]
    score = np.exp(h[0, 2:4] @ query[0])
    np.testing.assert_allclose(context[0], (score[:, None] * h[0, 2:4]).sum(0) / score.sum(), rtol=1e-13)


@pytest.mark.parametrize(("center", "width"), [([0, 4], 1), ([-1, 0], 1), ([0, 0], -1)])
def test_windows_outside_the_sequence_are_refused(center: list[int], width: int) -> None:
    with pytest.raises(ValueError, match="must lie within"):
        attend_forward(np.ones((2, 1)), np.ones((2, 4, 1)), np.eye(1), None, np.array(center), width)


def test_a_center_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="both center and width"):
        attend_forward(np.ones((1, 1)), np.ones((1, 4, 1)), np.eye(1), center=np.array([0]))


@pytest.mark.parametrize("masked", [False, True])
@drawn
@given(d=draws())
def test_dot_product_gradients(masked: bool, d: Draw) -> None:
    q, k = d.normal(d.batch, d.time, d.units), d.normal(d.batch, 3, d.units)
    v, dcontext = d.normal(d.batch, 3, 2), d.normal(d.batch, d.time, 2)
    allowed = np.array([True, False, True]) if masked else None
    _, cache = dot_product_forward(q, k, v, allowed)
    dq, dk, dv = dot_product_backward(dcontext, cache)
    check_gradients(
        lambda: float((dot_product_forward(q, k, v, allowed)[0] * dcontext).sum()),
        {"q": q, "k": k, "v": v},
        {"q": dq, "k": dk, "v": dv},
    )


@pytest.mark.parametrize(("heads", "mixed"), [(1, False), (1, True), (2, False), (2, True)])
@drawn
@given(d=draws())
def test_self_attention_gradients(heads: int, mixed: bool, d: Draw) -> None:
    columns = 2 * heads
    x = d.normal(d.batch, d.time, d.features)
    params = {name: d.normal(d.features, columns) for name in ("W_q", "W_k", "W_v")}
    if mixed:
        params["W_o"] = d.normal(columns, 3)
    dy = d.normal(d.batch, d.time, 3 if mixed else columns)

    def loss() -> float:
        return float((self_attention_forward(x, params, heads, d.lengths)[0] * dy).sum())

    _, cache = self_attention_forward(x, params, heads, d.lengths)
    dx, dparams = self_attention_backward(dy, cache)
    check_gradients(loss, {"x": x, **params}, {"x": dx, **dparams})


def test_multi_head_attention_is_each_head_by_itself() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 4, 3))
    params = {name: rng.normal(size=(3, 6)) for name in ("W_q", "W_k", "W_v")}
    y, _ = self_attention_forward(x, params, heads=3, lengths=np.array([3]))
    for head in range(3):
        own = slice(2 * head, 2 * head + 2)
        q, k, v = (x[0, :3] @ params[name][:, own] for name in ("W_q", "W_k", "W_v"))
        e = np.exp(q @ k.T / np.sqrt(2))
        np.testing.assert_allclose(y[0, :3, own], e / e.sum(axis=1, keepdims=True) @ v, rtol=1e-12)
    np.testing.assert_array_equal(y[0, 3], 0)


def test_columns_that_cannot_be_dealt_are_refused() -> None:
    with pytest.raises(ValueError, match="5 columns cannot be dealt to 2 heads"):
        self_attention_forward(np.ones((1, 2, 3)), dict.fromkeys(("W_q", "W_k", "W_v"), np.ones((3, 5))), heads=2)


def test_float32_stays_float32() -> None:
    x = as_float32(np.random.default_rng(0).normal(size=(2, 3, 4)))
    params = as_float32({name: np.eye(4) for name in ("W_q", "W_k", "W_v", "W_o")})
    y, cache = self_attention_forward(x, params, 2, np.array([2, 3]))
    context, weights, local = attend_forward(x[:, 0], x, params["W_q"])
    assert dtypes((y, self_attention_backward(y, cache), context, weights, attend_backward(context, local))) == {
        "float32"
    }
