"""Adam on dictionaries of parameters W1, b1, … and gradients dW1, db1, …, as notebooks keep them."""

from __future__ import annotations

from sentiline.reference import adam
from sentiline.reference.arguments import takes
from sentiline.reference.arrays import Params


@takes(parameters={"...": ""})
def initialize_adam(parameters: Params) -> tuple[Params, Params]:
    """Zero moments for every parameter.

    Args:
        parameters: Weights by name, such as W1, b1, W2, b2.

    Returns:
        (v, s): The first and the second moments, under the names of the gradients: dW1, db1, …
    """
    m, v = adam.initialize_adam(parameters)
    return _gradient_names(m), _gradient_names(v)


def update_parameters_with_adam(
    parameters: Params,
    grads: Params,
    v: Params,
    s: Params,
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Params, Params, Params]:
    """One step of Adam, with ε inside the root.

        v ← β₁ v + (1 − β₁) g     s ← β₂ s + (1 − β₂) g²
        θ ← θ − η · v / (1 − β₁ᵗ) / √(s / (1 − β₂ᵗ) + ε)

    Kingma & Ba (2015) add ε to the root, √ŝ + ε, and Keras to the uncorrected one. The difference shows only where
    gradients are tiny: with ε inside, no step is longer than η · v̂ / √ε. `sentiline.reference.update_adam` has both.

    Args:
        parameters: Weights by name; they are not changed in place.
        grads: Their gradients, named after them with a leading "d"; other entries are ignored.
        v: First moments, from `initialize_adam` or the step before.
        s: Second moments.
        t: The number of this step, 1 for the first.
        learning_rate: η.
        beta1: Decay of v.
        beta2: Decay of s.
        epsilon: ε.

    Returns:
        (parameters, v, s): The new values.

    Raises:
        ValueError: A gradient or moment is missing, its shape differs, or t is below 1.
    """
    new, new_v, new_s = adam.update_adam(
        parameters,
        _parameter_names("grads", grads, parameters),
        _parameter_names("v", v, parameters),
        _parameter_names("s", s, parameters),
        t,
        learning_rate,
        beta1,
        beta2,
        epsilon,
        epsilon_inside_sqrt=True,
    )
    return new, _gradient_names(new_v), _gradient_names(new_s)


def _gradient_names(arrays: Params) -> Params:
    return {f"d{name}": array for name, array in arrays.items()}


def _parameter_names(name: str, arrays: Params, parameters: Params) -> Params:
    missing = [f"d{key}" for key in parameters if f"d{key}" not in arrays]
    if missing:
        raise ValueError(f"{name} has no {', '.join(missing)}; it needs one entry for each of {', '.join(parameters)}")
    return {key: arrays[f"d{key}"] for key in parameters}
