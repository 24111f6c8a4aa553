"""Adam against its formulas, and clipping of gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sentiline.reference.adam import clip_by_global_norm, global_norm, initialize_adam, update_adam


@pytest.mark.parametrize("inside", [True, False])
def test_two_steps_by_hand(inside: bool) -> None:
    eta, b1, b2, eps = 0.1, 0.8, 0.9, 0.01
    params, g1, g2 = {"w": np.array([1.0])}, 0.5, -0.25
    m, v = initialize_adam(params)
    theta, m_hand, v_hand = 1.0, 0.0, 0.0
    for t, g in enumerate((g1, g2), start=1):
        before = params["w"].copy()
        params, m, v = update_adam(params, {"w": np.array([g])}, m, v, t, eta, b1, b2, eps, inside)
        m_hand, v_hand = b1 * m_hand + (1 - b1) * g, b2 * v_hand + (1 - b2) * g * g
        if inside:
            theta -= eta * (m_hand / (1 - b1**t)) / math.sqrt(v_hand / (1 - b2**t) + eps)
        else:
            theta -= eta * math.sqrt(1 - b2**t) / (1 - b1**t) * m_hand / (math.sqrt(v_hand) + eps)
        assert params["w"].item() == pytest.approx(theta, rel=1e-14)
        assert before.item() != params["w"].item()


def test_the_first_step_is_one() -> None:
    params = {"w": np.ones(2)}
    with pytest.raises(ValueError, match="step is 0"):
        update_adam(params, params, *initialize_adam(params), step=0)


def test_nothing_changes_in_place_and_float32_stays() -> None:
    params = {"w": np.ones(2, np.float32)}
    m, v = initialize_adam(params)
    new, new_m, new_v = update_adam(params, {"w": np.ones(2, np.float32)}, m, v, 1)
    assert params["w"].tolist() == [1, 1]
    assert m["w"].tolist() == v["w"].tolist() == [0, 0]
    assert {array["w"].dtype for array in (new, new_m, new_v)} == {np.dtype(np.float32)}


def test_clipping_shortens_all_tensors_by_one_factor() -> None:
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    assert global_norm(gradients) == 5
    clipped = clip_by_global_norm(gradients, 1.0)
    np.testing.assert_allclose(clipped["a"], [0.6, 0])
    np.testing.assert_allclose(clipped["b"], [[0.8]])
    unchanged = clip_by_global_norm(gradients, 5.0)
    assert all(unchanged[name] is gradient for name, gradient in gradients.items())
