"""What the unroller needs to know of a recurrent cell: its two functions and how many states it carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A recurrent cell.

    Attributes:
        forward: (x_t, *states, params) -> (*new states, cache); the first state is the hidden state h.
        backward: (*gradients of the new states, cache) -> (dx_t, *gradients of the old states, gradients of params).
        states: 1 for the Elman RNN and the GRU (h), 2 for the LSTM (h and c).
        gates: How many blocks of U columns its weights W and U have: RNN 1, GRU 3, LSTM 4.
    """

    forward: Callable[..., tuple[Any, ...]]
    backward: Callable[..., tuple[Any, ...]]
    states: int
    gates: int
