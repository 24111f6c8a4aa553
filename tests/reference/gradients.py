"""Central differences, and the shapes that hypothesis draws for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[Any]

TOLERANCE = 1e-7

# The same draws in every run. No shrinking: a failure names its tensor, and draws are small as they are.
drawn = settings(
    max_examples=12, derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate)
)
few = settings(drawn, max_examples=5)  # for whole networks, which have many weights


@dataclass(frozen=True)
class Draw:
    """Sizes and a source of random tensors of those sizes."""

    batch: int
    time: int
    features: int
    units: int
    lengths: Array | None
    rng: np.random.Generator

    def normal(self, *shape: int, scale: float = 1.0) -> Array:
        return scale * self.rng.standard_normal(shape)

    def cell_params(self, gates: int, *biases: str, features: int | None = None) -> dict[str, Array]:
        columns = gates * self.units
        params = {"W": self.normal(features or self.features, columns), "U": self.normal(self.units, columns)}
        return params | {bias: self.normal(columns) for bias in biases}


@st.composite
def draws(draw: st.DrawFn, max_time: int = 4) -> Draw:
    batch, time = draw(st.integers(1, 3)), draw(st.integers(1, max_time))
    lengths = draw(st.none() | st.lists(st.integers(1, time), min_size=batch, max_size=batch))
    return Draw(
        batch=batch,
        time=time,
        features=draw(st.integers(1, 3)),
        units=draw(st.integers(1, 3)),
        lengths=None if lengths is None else np.array(lengths),
        rng=np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
    )


def central_differences(loss: Callable[[], float], tensor: Array, step: float = 5e-4) -> Array:
    """Gradient of `loss` by `tensor`, which is changed in place and restored.

    The five-point formula, (8 (f(+h) − f(−h)) − (f(+2h) − f(−2h))) / 12h, errs by h⁴ f⁽⁵⁾ / 30.
    """
    gradient = np.zeros_like(tensor)
    for index in np.ndindex(tensor.shape):
        value = tensor[index]
        f = []
        for offset in (step, -step, 2 * step, -2 * step):
            tensor[index] = value + offset
            f.append(loss())
        tensor[index] = value
        gradient[index] = (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * step)
    return gradient


def check_gradients(
    loss: Callable[[], float],
    tensors: Mapping[str, Array],
    gradients: Mapping[str, Array],
    tolerance: float = TOLERANCE,
) -> None:
    """Assert that every gradient equals its central differences, tensor by tensor.

    The measure is max |analytic − numeric| / max |numeric|. Where the largest element is below 1e-4, that is used in
    its place: central differences of a loss near 1 cannot tell smaller ones from rounding.
    """
    assert set(gradients) == set(tensors)
    failures = []
    for name, tensor in tensors.items():
        assert gradients[name].shape == tensor.shape, f"{name}: gradient {gradients[name].shape}, tensor {tensor.shape}"
        assert gradients[name].dtype == np.float64, name
        numeric = central_differences(loss, tensor)
        apart = np.abs(gradients[name] - numeric).max() / max(np.abs(numeric).max(), 1e-4)
        if not apart <= tolerance:
            failures.append(f"{name}: {apart:.2e}")
    assert not failures, f"gradients differ from central differences, relative, above {tolerance}: {failures}"


def as_float32(value: Any) -> Any:
    """The same tensors, in the same dictionaries and tuples, as float32; integers stay."""
    if isinstance(value, dict):
        return {name: as_float32(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(as_float32(inner) for inner in value)
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


def dtypes(value: Any) -> set[str]:
    """Names of the dtypes of all tensors within."""
    if isinstance(value, dict):
        return set().union(*(dtypes(inner) for inner in value.values()))
    if isinstance(value, tuple | list):
        return set().union(*(dtypes(inner) for inner in value))
    return {str(value.dtype)}
