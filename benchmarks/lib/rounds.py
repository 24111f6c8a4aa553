"""Interleaved rounds, so that a busy moment of the machine affects all systems alike, and ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def interleave(systems: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """Call every system once per round; each round starts with another system.

    Returns:
        The results of each system, in the order of the rounds.
    """
    results: dict[str, list[Result]] = {name: [] for name in systems}
    names = list(systems)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(systems[name]())
    return results


def ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """Return the median over the rounds of the ratio of two systems' results."""
    return statistics.median(value / other for value, other in zip(values, base, strict=True))
