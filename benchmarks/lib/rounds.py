"""Rounds in which all contenders take their turn, so that a busy moment hits all alike; and ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def interleave(contenders: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """Call every contender once a round, beginning with another one each time.

    Returns:
        The results of each contender, in the order of the rounds.
    """
    results: dict[str, list[Result]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(contenders[name]())
    return results


def ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """The median over the rounds of what one contender reached, in terms of another."""
    return statistics.median(value / other for value, other in zip(values, base, strict=True))
