"""Time the service over HTTP: against a bare application around the same predictor, a naive one, and a transformer.

All servers are real, on 127.0.0.1 with one worker each: `sentiline serve` with its default settings; Starlette on
uvicorn with uvloop and httptools and nothing else around the same predictor with as many threads
(`benchmarks.lib.bare`); a native BentoML API as in its introduction (`benchmarks.lib.naive`); and a transformer of
DistilBERT's size with random weights in the same bare application. All run all the time, and one at a time is under
load: the rounds are interleaved, a ratio is the median of the ratios within a round. The load comes from
`benchmarks.lib.load` in a separate process.

Usage: IMDB_ARCHIVE=… python -m benchmarks.serving [--rounds 5] [--seconds 5] [--output IMAGE.png] [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.lib import servers, stage_breakdown
from benchmarks.lib.bare import TRANSFORMER_VARIABLE
from benchmarks.lib.load import generate_load
from benchmarks.lib.reviews import sample_reviews
from benchmarks.lib.rounds import interleave, ratio
from benchmarks.lib.servers import Server
from benchmarks.lib.tables import Table, add_options, machine, publish
from benchmarks.lib.transformer import DISTILBERT, TINY, build, wordpieces
from sentiline.prediction import Detail
from sentiline.predictor import Predictor, load

CONNECTIONS, LISTS, LIST_CONNECTIONS = 32, 32, 4
SENTILINE, BARE, NAIVE, TRANSFORMER = "sentiline serve", "bare Starlette", "naive BentoML API", "transformer"


@dataclass(frozen=True, slots=True)
class Turn:
    """One server under load in one round.

    Attributes:
        rate: The requests per second.
        cpu: The server's CPU seconds per request.
        median: The median latency in seconds.
        slow: The 99th percentile of the latency in seconds.
        generator: The load generator's CPU seconds per request.
    """

    rate: float
    cpu: float
    median: float
    slow: float
    generator: float


def load_server(server: Server, bodies: Sequence[bytes], connections: int, seconds: float) -> Turn:
    """Load one server for a while.

    Raises:
        SystemExit: A response was not 200.
    """
    before = server.cpu()
    outcome = generate_load(server.port, bodies, connections=connections, seconds=seconds)
    count = len(outcome.answers)
    if outcome.statuses[200] != count:
        raise SystemExit(f"{server.name} answered with {dict(outcome.statuses)}")
    cpu = (server.cpu() - before) / count
    return Turn(outcome.rate, cpu, outcome.latency(50), outcome.latency(99), outcome.cpu / count)


def bodies_of(texts: Sequence[str], detail: Detail) -> list[bytes]:
    """Return the bodies of requests with one review each."""
    return [orjson.dumps({"inputs": text, "detail": detail}) for text in texts]


def singles(
    running: dict[str, Server], texts: Sequence[str], detail: Detail, connections: int, options: argparse.Namespace
) -> dict[str, list[Turn]]:
    """Measure the servers in interleaved rounds with one review per request."""
    bodies = bodies_of(texts, detail)

    def turn(server: Server) -> Callable[[], Turn]:
        load_server(server, bodies, connections, options.seconds / 5)  # warm up
        return lambda: load_server(server, bodies, connections, options.seconds)

    return interleave({name: turn(server) for name, server in running.items()}, options.rounds)


def lists(
    server: Server, predictor: Predictor, texts: Sequence[str], options: argparse.Namespace
) -> dict[str, list[float]]:
    """Measure the reviews per second in lists, over HTTP and in this process, with detail none."""
    chunks = [list(texts[start : start + LISTS]) for start in range(0, len(texts), LISTS)]
    bodies = [orjson.dumps({"inputs": chunk, "detail": "none"}) for chunk in chunks]
    reviews = len(texts) / len(chunks)

    def over_http() -> float:
        return reviews * load_server(server, bodies, LIST_CONNECTIONS, options.seconds).rate

    def in_process() -> float:
        started = time.perf_counter()
        count = 0
        while time.perf_counter() - started < options.seconds:
            orjson.dumps(predictor.answer(predictor.read(chunks[count % len(chunks)], spans=False)))
            count += 1
        return reviews * count / (time.perf_counter() - started)

    return interleave({SENTILINE: over_http, "in this process": in_process}, options.rounds)


def stages(server: Server, texts: Sequence[str], seconds: float) -> dict[str, stage_breakdown.Seconds]:
    """Return the mean seconds of a request by load and stage."""
    found = {}
    for detail, connections in itertools.product(("none", "timesteps"), (1, CONNECTIONS)):
        before = stage_breakdown.totals(server)
        load_server(server, bodies_of(texts, detail), connections, seconds)
        plural = "" if connections == 1 else "s"
        found[f"{detail}, {connections} connection{plural}"] = stage_breakdown.means(
            before, stage_breakdown.totals(server)
        )
    return found


def start_all(stack: contextlib.ExitStack, folder: Path, options: argparse.Namespace) -> dict[str, Server]:
    """Start every server and wait until it is ready."""
    encoder, size = folder / "encoder", TINY if options.quick else DISTILBERT
    encoder.mkdir()
    build(encoder / "model.onnx", size)
    wordpieces(options.texts, size).save(str(encoder / "tokenizer.json"))
    commands = {
        SENTILINE: servers.sentiline(options.model),
        BARE: servers.uvicorn("predictor"),
        NAIVE: servers.bentoml("benchmarks.lib.naive:Naive"),
        TRANSFORMER: servers.uvicorn("transformer"),
    }
    environ = {"SENTILINE_MODEL": options.model, TRANSFORMER_VARIABLE: str(encoder)}
    running = {
        name: stack.enter_context(Server(command, folder / name.replace(" ", "-"), **environ))
        for name, command in commands.items()
    }
    for server in running.values():
        server.wait()
    return running


def single_rows(detail: Detail, turns: dict[str, list[Turn]]) -> list[list[str]]:
    """Return the rows of the table: medians over the rounds, and ratios to the bare application within a round."""
    rows = []
    base = turns[BARE]
    for name, found in turns.items():
        share = ratio([turn.rate for turn in found], [turn.rate for turn in base])
        above = statistics.median(one.cpu - other.cpu for one, other in zip(found, base, strict=True))
        middle = {key: statistics.median(getattr(turn, key) for turn in found) for key in Turn.__slots__}
        rows.append(
            [
                f"{name}, {detail}",
                f"{middle['rate']:,.0f}",
                f"{share:.2f}",
                f"{1e3 * middle['cpu']:.2f}",
                f"{1e3 * above:+.2f}",
                f"{1e3 * middle['median']:.1f}",
                f"{1e3 * middle['slow']:.1f}",
            ]
        )
    return rows


def measure(running: dict[str, Server], predictor: Predictor, options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything, and return it under the keys of the JSON file."""
    texts = options.texts
    three = {name: running[name] for name in (SENTILINE, BARE, NAIVE)}
    two = {name: running[name] for name in (SENTILINE, TRANSFORMER)}
    return {
        "single": {detail: singles(three, texts, detail, CONNECTIONS, options) for detail in ("none", "timesteps")},
        "lists": lists(running[SENTILINE], predictor, texts, options),
        "stages": stages(running[SENTILINE], texts, options.seconds),
        "latency": singles(two, texts, "none", 1, options),
        "transformer": singles({TRANSFORMER: running[TRANSFORMER]}, texts, "none", 4, options)[TRANSFORMER],
    }


def report(found: dict[str, Any], options: argparse.Namespace) -> list[str | Table]:
    """Return the paragraphs and tables."""
    over_http, inside = found["lists"].values()
    ours, theirs = found["latency"].values()
    ours_rate = statistics.median(turn.rate for turn in found["single"]["none"][SENTILINE])
    theirs_rate = statistics.median(turn.rate for turn in found["transformer"])
    generator = statistics.median(turn.generator for turn in found["single"]["none"][SENTILINE])
    sooner = ratio([turn.median for turn in theirs], [turn.median for turn in ours])
    columns = [
        f"one review per request, {CONNECTIONS} connections",
        "requests/s",
        "of bare",
        "server CPU ms per request",
        "above bare",
        "median ms",
        "99 % below ms",
    ]
    return [
        f"{len(options.texts)} validation reviews; {options.rounds} interleaved rounds of {options.seconds:g} s per "
        f"server; {options.about}. The load generator takes {1e3 * generator:.3f} ms of CPU per request.",
        Table(columns, [row for detail, turns in found["single"].items() for row in single_rows(detail, turns)]),
        stage_breakdown.table(found["stages"]),
        Table(
            [f"lists of {LISTS}, none", "reviews/s", "ratio"],
            [
                ["in this process, texts to bytes", f"{statistics.median(inside):,.0f}", "1.00"],
                [
                    f"{SENTILINE}, {LIST_CONNECTIONS} connections",
                    f"{statistics.median(over_http):,.0f}",
                    f"{ratio(over_http, inside):.2f}",
                ],
            ],
        ),
        Table(
            [
                "against the transformer, none",
                "median ms, 1 connection",
                "99 % below ms",
                "requests/s, many connections",
            ],
            [
                [name, *_delays(turns), f"{rate:,.1f}"]
                for name, turns, rate in ((SENTILINE, ours, ours_rate), (TRANSFORMER, theirs, theirs_rate))
            ]
            + [["times", f"{sooner:.0f}", "", f"{ours_rate / theirs_rate:.0f}"]],
        ),
    ]


def _delays(turns: Sequence[Turn]) -> list[str]:
    return [f"{1e3 * statistics.median(getattr(turn, key) for turn in turns):.2f}" for key in ("median", "slow")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--reviews", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds under load per server and round")
    parser.add_argument("--output", type=Path, help="PNG file for the plot of the stages of a request")
    parser.add_argument(
        "--quick", action="store_true", help="a tiny transformer and one short round; the figures mean nothing"
    )
    options = parser.parse_args()
    if options.quick:
        options.reviews, options.rounds, options.seconds = min(options.reviews, 64), 1, min(options.seconds, 0.5)
    options.about = machine()
    options.texts = sample_reviews(options.archive, options.reviews)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.ExitStack() as stack,
        load(options.model) as predictor,
    ):
        running = start_all(stack, Path(folder), options)
        found = measure(running, predictor, options)
    if options.output:
        stage_breakdown.draw(found["stages"], options.output)
    publish(report(found, options), orjson.loads(orjson.dumps(found)), options)


if __name__ == "__main__":
    main()
