"""What a server does when it is asked for more than it can: answers, refusals, delays, recovery; starts no server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load import Outcome, run

TIMES = 2.0
CONNECTIONS = 512


@dataclass(frozen=True, slots=True)
class Overload:
    """What happened at a multiple of the rate that the server can sustain.

    Attributes:
        capacity: requests a second that it answered when asked as fast as it answers.
        offered: requests a second sent to it.
        unsent: share of those due that found all connections waiting.
        accepted: requests a second answered with 200.
        refused: share of the sent ones answered with 429.
        others: answers with another status, or none.
        slow: seconds that 99 % of the accepted requests stayed below.
        slow_refusal: the same of the refused ones; None if there were none.
        recovery: seconds from the last request of the overload until requests sent one by one took no more than twice
            their usual median.
    """

    capacity: float
    offered: float
    unsent: float
    accepted: float
    refused: float
    others: int
    slow: float
    slow_refusal: float | None
    recovery: float


def overload(port: int, bodies: Sequence[bytes], seconds: float) -> Overload:
    """Ask for twice what the server can do, then see how soon it is itself again.

    Args:
        port: of the server.
        bodies: of its requests.
        seconds: of the measurement of its capacity; the overload lasts twice as long.
    """
    usual = run(port, bodies, connections=1, seconds=seconds / 2).latency(50)
    capacity = run(port, bodies, connections=32, seconds=seconds).rate
    offered = TIMES * capacity
    flood = run(port, bodies, connections=CONNECTIONS, seconds=2 * seconds, rate=offered)
    statuses = flood.statuses
    total = sum(statuses.values())
    return Overload(
        capacity=capacity,
        offered=offered,
        unsent=flood.unsent / (flood.unsent + total),
        accepted=flood.rate,
        refused=statuses[429] / total,
        others=total - statuses[200] - statuses[429],
        slow=flood.latency(99),
        slow_refusal=flood.percentile(99, 429),
        recovery=flood.seconds - 2 * seconds + _recovery(run(port, bodies, connections=1, seconds=seconds), usual),
    )


def _recovery(after: Outcome, usual: float) -> float:
    """Until the first ten answers in a row of which half are 200 and took no more than twice the usual."""
    good = [status == 200 and seconds <= 2 * usual for _, status, seconds in after.answers]
    for place in range(len(good)):
        window = good[place : place + 10]
        if 2 * sum(window) >= len(window):
            return after.answers[place][0]
    return after.seconds
