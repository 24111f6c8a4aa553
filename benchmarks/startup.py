"""Measure the time from the start of the service until /readyz answers 200, with a warm disk cache, and its memory.

`sentiline serve` and `bentoml serve` start BentoML's supervisor and one worker; the single process is uvicorn with
the same application. Memory is the proportional set size of all processes, when ready and after some reviews. Each
command is started once before the rounds, so that its files are in the system's cache.

Usage: IMDB_ARCHIVE=… python -m benchmarks.startup [--rounds 5] [--reviews 500]
"""

from __future__ import annotations

import argparse
import functools
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from benchmarks.lib import servers
from benchmarks.lib.load import generate_load
from benchmarks.lib.reviews import sample_reviews
from benchmarks.lib.rounds import interleave
from benchmarks.lib.servers import Server
from benchmarks.lib.tables import Table, add_options, machine, publish

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Start:
    """One start.

    Attributes:
        seconds: The time until ready.
        memory: The memory when ready, in bytes.
        after: The memory after the reviews, in bytes.
    """

    seconds: float
    memory: int
    after: int


def start(command: Sequence[str], model: str, bodies: Sequence[bytes], connections: int = 8) -> Start:
    """Start a server, wait until it is ready, send each body about once, and stop it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(command, Path(folder), SENTILINE_MODEL=model) as server,
    ):
        seconds = server.wait()
        memory = server.memory()
        answered = 0
        while answered < len(bodies):
            outcome = generate_load(server.port, bodies[answered:], connections=connections, seconds=0.5)
            if outcome.statuses[200] != len(outcome.answers):
                raise SystemExit(f"the server answered with {dict(outcome.statuses)}")
            answered += len(outcome.answers)
        return Start(seconds, memory, server.memory())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--reviews", type=int, default=500, help="reviews, with timesteps, before memory is measured again"
    )
    options = parser.parse_args()
    about = machine()
    bodies = [
        orjson.dumps({"inputs": text, "detail": "timesteps"})
        for text in sample_reviews(options.archive, options.reviews)
    ]
    commands = {
        "sentiline serve": servers.sentiline(options.model),
        "bentoml serve": servers.bentoml("service.app:SentimentService"),
        "one process": servers.sentiline(options.model, "--single-process"),
    }
    for command in commands.values():
        start(command, options.model, bodies[:1])
    systems = {name: functools.partial(start, command, options.model, bodies) for name, command in commands.items()}
    starts = interleave(systems, options.rounds)
    rows = []
    for name, found in starts.items():
        seconds = [one.seconds for one in found]
        memory, after = (max(getattr(one, key) for one in found) / MEGABYTE for key in ("memory", "after"))
        rows.append([name, f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}", f"{memory:.0f}", f"{after:.0f}"])
    columns = ["", "ready after s, median", "slowest", "MB when ready", f"MB after {len(bodies)} reviews"]
    text = f"{options.rounds} interleaved rounds, warm disk; memory is the largest of the rounds, summed PSS; {about}."
    figures = {name: [asdict(one) for one in found] for name, found in starts.items()}
    publish([text, Table(columns, rows)], figures, options)


if __name__ == "__main__":
    main()
