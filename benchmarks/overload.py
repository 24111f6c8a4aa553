"""What the service does when it is asked for more than it can: answers, refusals, delays, recovery.

`python -m benchmarks.overload --markdown overload.md`
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lib import servers
from benchmarks.lib.load import LoadResult, generate_load
from benchmarks.lib.reviews import sample
from benchmarks.lib.servers import Server
from benchmarks.lib.tables import Table, add_options, machine, publish
from benchmarks.serving import bodies_of

TIMES = 2.0
CONNECTIONS = 4096
"""More than the texts that the service's default budget admits: else the client would wait, not the service refuse."""


@dataclass(frozen=True, slots=True)
class Overload:
    """What happened at a multiple of the rate that the server can sustain.

    Attributes:
        before: requests a second that it answered before the overload when asked as fast as it answers.
        after: the same after it.
        capacity: the same of both together, for a shared machine is not always equally fast.
        offered: requests a second sent to it.
        unsent: share of those due that found all connections waiting.
        accepted: requests a second answered with 200.
        kept: 200s for a CPU second of the server, as a share of those at capacity.
        refused: share of the sent ones answered with 429.
        others: answers with another status, or none.
        slow: seconds that 99 % of the accepted requests stayed below.
        slow_refusal: the same of the refused ones; None if there were none.
        recovery: seconds from the last request of the overload until requests sent one by one took no more than twice
            their usual median.
    """

    before: float
    after: float
    capacity: float
    offered: float
    unsent: float
    accepted: float
    kept: float
    refused: float
    others: int
    slow: float
    slow_refusal: float | None
    recovery: float


def overload(server: Server, bodies: Sequence[bytes], seconds: float) -> Overload:
    """Ask for twice what the server can do, then see how soon it is itself again.

    Args:
        server: which is ready.
        bodies: of its requests.
        seconds: of either measurement of its capacity; the overload lasts twice as long.
    """
    port = server.port
    usual = generate_load(port, bodies, connections=1, seconds=seconds / 2).latency(50)
    before, before_used = _with_cpu(server, bodies, connections=32, seconds=seconds)
    offered = TIMES * before.rate
    flood, used = _with_cpu(server, bodies, connections=CONNECTIONS, seconds=2 * seconds, rate=offered)
    single = generate_load(port, bodies, connections=1, seconds=seconds)
    after, after_used = _with_cpu(server, bodies, connections=32, seconds=seconds)
    statuses = flood.statuses
    total = sum(statuses.values())
    answered = before.statuses[200] + after.statuses[200]
    return Overload(
        before=before.rate,
        after=after.rate,
        capacity=answered / (before.seconds + after.seconds),
        offered=offered,
        unsent=flood.unsent / (flood.unsent + total),
        accepted=flood.rate,
        kept=statuses[200] / used / (answered / (before_used + after_used)),
        refused=statuses[429] / total,
        others=total - statuses[200] - statuses[429],
        slow=flood.latency(99),
        slow_refusal=flood.percentile(99, 429),
        recovery=flood.seconds - 2 * seconds + _recovery(single, usual),
    )


def _with_cpu(server: Server, bodies: Sequence[bytes], **load: Any) -> tuple[LoadResult, float]:
    """One run, and the CPU seconds that the server took for it."""
    begun = server.cpu()
    outcome = generate_load(server.port, bodies, **load)
    return outcome, server.cpu() - begun


def _recovery(after: LoadResult, usual: float) -> float:
    """Until the first ten answers in a row of which half are 200 and took no more than twice the usual."""
    good = [status == 200 and seconds <= 2 * usual for _, status, seconds in after.answers]
    for place in range(len(good)):
        window = good[place : place + 10]
        if 2 * sum(window) >= len(window):
            return after.answers[place][0]
    return after.seconds


def table(seen: Overload) -> Table:
    """What is printed."""
    refusals = "none" if seen.slow_refusal is None else f"{1e3 * seen.slow_refusal:.1f} ms"
    return Table(
        [f"`sentiline serve` at {TIMES:.0f} times its capacity, one review a request, none", ""],
        [
            ["capacity, requests/s (before, after)", f"{seen.capacity:,.0f} ({seen.before:,.0f}, {seen.after:,.0f})"],
            ["offered, requests/s", f"{seen.offered:,.0f}"],
            ["of which no connection was free for", f"{100 * seen.unsent:.1f} %"],
            ["answered with 200, requests/s", f"{seen.accepted:,.0f}"],
            ["which is of the capacity", f"{seen.accepted / seen.capacity:.2f}"],
            ["the same for a second of the server's CPU", f"{seen.kept:.2f}"],
            ["answered with 429", f"{100 * seen.refused:.1f} %"],
            ["answered otherwise, or not at all", str(seen.others)],
            ["99 % of the accepted took at most", f"{1e3 * seen.slow:.0f} ms"],
            ["99 % of the refusals took at most", refusals],
            ["as fast as usual again after", f"{seen.recovery:.2f} s"],
        ],
    )


def _two_cpus() -> tuple[int, int]:
    """One for the server and one for the generator, which else would take from the server what it counts as lost."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this measurement needs Linux and two CPUs: one for the server, one for the load generator")
    first, second, *_ = sorted(os.sched_getaffinity(0))
    return first, second


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--reviews", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the measurement of the capacity")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # each connection is a descriptor, here and in the server
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    texts, about = sample(options.archive, options.reviews), machine()
    of_server, of_generator = _two_cpus()
    with tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, {of_server})  # which what is started from here on inherits
        with Server(servers.sentiline(options.model), Path(folder), SENTILINE_MODEL=options.model) as server:
            server.wait()
            os.sched_setaffinity(0, {of_generator})
            seen = overload(server, bodies_of(texts, "none"), options.seconds)
    intro = (
        f"{len(texts)} validation reviews, {CONNECTIONS} connections, {2 * options.seconds:g} s; the server with one "
        f"worker on one CPU, the load generator on another; {about}."
    )
    publish([intro, table(seen)], dataclasses.asdict(seen), options)


if __name__ == "__main__":
    main()
