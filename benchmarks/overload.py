"""Measure the service under overload: responses, rejections, latencies, recovery.

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
from benchmarks.lib.reviews import sample_reviews
from benchmarks.lib.servers import Server
from benchmarks.lib.tables import Table, add_options, machine, publish
from benchmarks.serving import bodies_of

TIMES = 2.0
# More than the texts that the service's default budget admits: otherwise the client would wait instead of the service
# rejecting requests.
CONNECTIONS = 4096


@dataclass(frozen=True, slots=True)
class Overload:
    """The result of sending a multiple of the requests that the server can sustain.

    Attributes:
        before: The capacity before the overload, in requests per second.
        after: The capacity after the overload.
        capacity: The capacity of both measurements together, since a shared machine is not always equally fast.
        offered: The requests sent per second.
        unsent: The share of the requests due that found all connections busy.
        accepted: The requests answered with 200 per second.
        kept: The requests answered with 200 per CPU second of the server, relative to those at capacity.
        refused: The share of the requests answered with 429.
        others: The number of requests with another status or no response.
        slow: The 99th percentile of the latency of accepted requests, in seconds.
        slow_refusal: The 99th percentile of the latency of rejected requests; None if there were none.
        recovery: The seconds from the last request of the overload until single requests took at most twice their usual
            median.
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
    """Send twice as many requests as the server can sustain, then measure how soon it recovers.

    Args:
        server: The server, ready.
        bodies: The bodies of the requests.
        seconds: The duration of each capacity measurement; the overload lasts twice as long.
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
    """Run the load generator, and return its result and the CPU seconds of the server."""
    begun = server.cpu()
    outcome = generate_load(server.port, bodies, **load)
    return outcome, server.cpu() - begun


def _recovery(after: LoadResult, usual: float) -> float:
    """Return the seconds until half of ten consecutive responses are 200 and took at most twice the usual time."""
    good = [status == 200 and seconds <= 2 * usual for _, status, seconds in after.answers]
    for place in range(len(good)):
        window = good[place : place + 10]
        if 2 * sum(window) >= len(window):
            return after.answers[place][0]
    return after.seconds


def table(seen: Overload) -> Table:
    """Return the table of the results."""
    refusals = "none" if seen.slow_refusal is None else f"{1e3 * seen.slow_refusal:.1f} ms"
    return Table(
        [f"`sentiline serve` at {TIMES:.0f} times its capacity, one review per request, none", ""],
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
    """Return one CPU for the server and one for the generator, which would otherwise take CPU from the server."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this measurement needs Linux and two CPUs: one for the server, one for the load generator")
    first, second, *_ = sorted(os.sched_getaffinity(0))
    return first, second


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--reviews", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of each capacity measurement")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # each connection is a descriptor, here and in the server
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    texts, about = sample_reviews(options.archive, options.reviews), machine()
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
