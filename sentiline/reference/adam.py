"""The Adam optimizer, and clipping of gradients by their global norm."""

from __future__ import annotations

import math

import numpy as np

from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Params


@takes(params={"...": ""})
def initialize_adam(params: Params) -> tuple[Params, Params]:
    """The two moments that Adam keeps of every parameter, zero before the first step.

    Args:
        params: Weights by name.

    Returns:
        (m, v): both with the names, shapes and dtypes of `params`.
    """
    return (
        {name: np.zeros_like(value) for name, value in params.items()},
        {name: np.zeros_like(value) for name, value in params.items()},
    )


@takes(params={"...": ""}, gradients={"...": ""}, m={"...": ""}, v={"...": ""})
def update_adam(
    params: Params,
    gradients: Params,
    m: Params,
    v: Params,
    step: int,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    epsilon_inside_sqrt: bool = False,
) -> tuple[Params, Params, Params]:
    """One step of Adam (Kingma & Ba, 2015), with bias correction.

        m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
        m̂ = m / (1 − β₁ᵗ)              v̂ = v / (1 − β₂ᵗ)
        θ ← θ − η m̂ / √(v̂ + ε)                       `epsilon_inside_sqrt`, as textbooks print it
        θ ← θ − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)   otherwise, as Keras computes it

    The algorithm box of the paper has a third form, √v̂ + ε; the last line is the faster one of its section 2, which
    adds ε to the uncorrected √v.

    Args:
        params: θ by name.
        gradients: g, the same names and shapes.
        m: First moments, from `initialize_adam` or the step before.
        v: Second moments.
        step: t, 1 for the first step.
        learning_rate: η.
        beta_1: Decay of m.
        beta_2: Decay of v.
        epsilon: ε.
        epsilon_inside_sqrt: See above.

    Returns:
        (params, m, v): new values; nothing is changed in place.

    Raises:
        ValueError: The step is below 1, or names or shapes differ.
    """
    if step < 1:
        raise ValueError(f"step is {step}; the first step is 1")
    for name, others in (("gradients", gradients), ("m", m), ("v", v)):
        _check_like(name, others, params)
    new_params, new_m, new_v = {}, {}, {}
    correction_1, correction_2 = 1.0 - beta_1**step, 1.0 - beta_2**step
    for name, g in gradients.items():
        new_m[name] = beta_1 * m[name] + (1.0 - beta_1) * g
        new_v[name] = beta_2 * v[name] + (1.0 - beta_2) * g**2
        if epsilon_inside_sqrt:
            change = new_m[name] / correction_1 / np.sqrt(new_v[name] / correction_2 + epsilon)
        else:
            change = math.sqrt(correction_2) / correction_1 * new_m[name] / (np.sqrt(new_v[name]) + epsilon)
        new_params[name] = params[name] - learning_rate * change
    return new_params, new_m, new_v


@takes(gradients={"...": ""})
def global_norm(gradients: Params) -> float:
    """√(Σ over all tensors and elements of g²)."""
    return math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))


@takes(gradients={"...": ""})
def clip_by_global_norm(gradients: Params, limit: float) -> Params:
    """Shorten all gradients by one factor, so that their global norm is at most `limit` (Pascanu et al., 2013).

        g ← g · min(1, limit / ‖g‖)

    Args:
        gradients: The gradients by name.
        limit: The largest norm to let through, above 0.

    Returns:
        The gradients, unchanged in direction.
    """
    norm = global_norm(gradients)
    return gradients if norm <= limit else {name: g * (limit / norm) for name, g in gradients.items()}


def _check_like(name: str, arrays: Params, params: Params) -> None:
    """Refuse arrays whose names or shapes are not those of the parameters."""
    if arrays.keys() != params.keys():
        raise ValueError(f"{name} has the names {', '.join(arrays)}; those of params are {', '.join(params)}")
    for key, array in arrays.items():
        if array.shape != params[key].shape:
            raise ValueError(f"{name}[{key!r}] has shape {array.shape}; that of params[{key!r}] is {params[key].shape}")
