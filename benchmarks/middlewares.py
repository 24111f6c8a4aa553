"""Measure the cost of each of BentoML's middlewares per request, by leaving one at a time out of the naive service.

All servers run all the time, one at a time is under load, and the rounds are interleaved; a difference is the median of
the differences within a round. The gateway of Sentiline's service replaces these middlewares (docs/service.md).

Usage: IMDB_ARCHIVE=… python -m benchmarks.middlewares [--rounds 5] [--seconds 4] [--markdown FILE] [--json FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lib import servers
from benchmarks.lib.reviews import sample_reviews
from benchmarks.lib.rounds import interleave
from benchmarks.lib.servers import WITHOUT_VARIABLE, Server
from benchmarks.lib.tables import Table, add_options, machine, publish
from benchmarks.serving import CONNECTIONS, Turn, bodies_of, load_server

# BentoML's default middlewares by purpose, except the one that its API requires.
MIDDLEWARES = {
    "metrics": "RunnerTrafficMetricsMiddleware",
    "OpenTelemetry": "OpenTelemetryMiddleware",
    "access log": "AccessLogMiddleware",
    "time limit": "TimeoutMiddleware",
}

ALL, NONE, BARE = "with all of them", "without any of these", "bare Starlette"


def start_all(stack: contextlib.ExitStack, folder: Path, model: str) -> dict[str, Server]:
    """Start every server and wait until it is ready."""
    without = {ALL: "", NONE: ",".join(MIDDLEWARES.values())}
    without |= {f"without {name}": cls for name, cls in MIDDLEWARES.items()}
    running = {BARE: Server(servers.uvicorn("predictor"), folder / "bare", SENTILINE_MODEL=model)}
    for number, (name, left_out) in enumerate(without.items()):
        environ = {"SENTILINE_MODEL": model, WITHOUT_VARIABLE: left_out}
        running[name] = Server(
            servers.bentoml("benchmarks.lib.without_middleware:NaiveWithoutMiddleware"), folder / str(number), **environ
        )
    for server in running.values():
        stack.enter_context(server)
    for server in running.values():
        server.wait()
    return running


def table(turns: dict[str, Sequence[Turn]]) -> Table:
    """Return a table of CPU per request, its reduction without a middleware, and the share of what BentoML adds."""
    every = [turn.cpu for turn in turns[ALL]]
    added = statistics.median(one - turn.cpu for one, turn in zip(every, turns[BARE], strict=True))
    rows = []
    for name, found in turns.items():
        saved = statistics.median(one - turn.cpu for one, turn in zip(every, found, strict=True))
        rate, cpu = (statistics.median(getattr(turn, key) for turn in found) for key in ("rate", "cpu"))
        rows.append([name, f"{rate:,.0f}", f"{1e3 * cpu:.2f}", f"{1e3 * saved:.2f}", f"{100 * saved / added:.0f} %"])
    return Table(
        ["naive BentoML API", "requests/s", "server CPU ms per request", "less by", "of what BentoML adds"], rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--reviews", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds under load per server and round")
    options = parser.parse_args()
    about, bodies = machine(), bodies_of(sample_reviews(options.archive, options.reviews), "none")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        running = start_all(stack, Path(folder), options.model)
        for server in running.values():
            load_server(server, bodies, CONNECTIONS, options.seconds / 4)
        loads = {
            name: functools.partial(load_server, server, bodies, CONNECTIONS, options.seconds)
            for name, server in running.items()
        }
        turns = interleave(loads, options.rounds)
    intro = (
        f"{len(bodies)} validation reviews, detail none, {CONNECTIONS} connections; {options.rounds} interleaved "
        f"rounds of {options.seconds:g} s a server; {about}."
    )
    figures = {name: [dataclasses.asdict(turn) for turn in found] for name, found in turns.items()}
    publish([intro, table(turns)], figures, options)


if __name__ == "__main__":
    main()
