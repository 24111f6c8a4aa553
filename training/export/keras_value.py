"""A tensor of a Keras model during its conversion, with what the conversion must know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Order = int  # 1: a state follows the one before it, -1: the one after it, 0: neither


@dataclass(frozen=True)
class Trace:
    """How a vector for a whole sequence came from its timesteps.

    Attributes:
        steps: float32 [T, B, F], the vector that each timestep alone would give.
        parts: float32 [T, B, F], summands of the vector, 0 on masked timesteps; None if it is no sum over timesteps.
        base: float32 [F], so that the vector is base + Σ_t parts.
        order: 1 if the vector is that of the last timestep, -1 if that of the first, 0 otherwise.
        start: float32 [F], what the vector would be before the first timestep is read, if `order` is not 0.
        flipped: Whether the timesteps of `steps` and `parts` are those of the text in reverse.
    """

    steps: str
    parts: str | None
    base: NDArray[Any]
    order: Order
    start: NDArray[Any]
    flipped: bool

    @classmethod
    def of(cls, steps: str, parts: str | None, width: int, order: Order = 0, *, flipped: bool) -> Trace:
        """Return the trace of a vector that was just read from states, which are 0 at the start."""
        return cls(steps, parts, np.zeros(width, np.float32), order, np.zeros(width, np.float32), flipped)


@dataclass(frozen=True)
class Value:
    """One tensor.

    Attributes:
        name: Its name: float32 [T, B, F] if it is a sequence, otherwise [B, F]. Masked timesteps may hold anything.
        width: F.
        sequence: Whether it has a time axis.
        masked: Whether Keras carries a mask with it; the mask always is that of `lengths`.
        pad: Returns the name of the tensor with Keras's values on masked timesteps; None if `name` has them.
        trace: How it came from the timesteps; None for a sequence.
        activation: The name of the last activation function, if this is the output of one.
        before: The value before that activation function.
        flipped: Whether the timesteps are those of the text in reverse.
    """

    name: str
    width: int
    sequence: bool
    masked: bool = False
    pad: Callable[[], str] | None = None
    trace: Trace | None = None
    activation: str | None = None
    before: Value | None = None
    flipped: bool = False

    @property
    def exact(self) -> str:
        """The name of the tensor with Keras's values everywhere."""
        return self.name if self.pad is None else self.pad()

    @property
    def readable(self) -> str:
        """The name of the tensor for a layer that honours the mask."""
        return self.name if self.masked else self.exact
