"""Time `sentiline score --engine ray` with 1 actor, 2 and so on against the local engine, and size larger runs by it.

Usage: python -m benchmarks.cluster [--archive aclImdb_v1.tar.gz] [--reviews 20000] [--rounds 3] [--model bilstm]
                                    [--part-rows 1024] [--markdown] [--quick]

All of it in one run on this machine, from Parquet to Parquet: the ratios hold where the absolute numbers do not.
A run on Ray has a fixed cost, for processes and models to be loaded, and one that grows with the rows; a short and a
long input tell them apart. Rounds alternate, and the fastest of each counts. --quick shows that the script works: its
numbers mean nothing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.cluster.driver import Cluster, score_on_cluster
from sentiline.cluster.ray_connection import LOCAL
from sentiline.cpus import available_cpus
from sentiline.predictor import load
from sentiline.scoring.pipeline import score_files
from training.data import imdb

SIZES = (10**6, 10**7, 10**8, 10**9)
CPUS = (2, 16, 64, 256)
SHORT = 8
"""The short input is this part of the long one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that an engine takes: `fixed`, and `each` for every review."""

    fixed: float
    each: float

    @classmethod
    def of(cls, short: float, long: float, rows: int) -> Timing:
        """Tell them apart by a short input and one of `rows` reviews."""
        each = (long - short) / (rows - rows // SHORT)
        return cls(max(0.0, long - rows * each), each)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--reviews", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="bilstm")
    parser.add_argument("--part-rows", type=int, default=1024, help="small, as for the few reviews timed here")
    parser.add_argument("--markdown", action="store_true", help="nothing but the tables")
    parser.add_argument("--quick", action="store_true", help="a few reviews, one actor")
    options = parser.parse_args()
    if options.quick:
        options.reviews, options.rounds = 64, 1
    actors = list(range(1, 2 if options.quick else available_cpus() + 1))
    # the workers that Ray starts import what this process does
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH"))))  # noqa: PTH109
    _, validation = imdb.split(imdb.load(options.archive).train)
    texts = [review.text for review in validation]
    texts = (texts * -(-options.reviews // len(texts)))[: options.reviews]
    with tempfile.TemporaryDirectory() as folder:
        local, ray = measure(options.model, texts, Path(folder), actors, options.rounds, options.part_rows)
    size = sum(len(text.encode()) for text in texts) / len(texts)
    if not options.markdown:
        print(f"{len(texts)} reviews of {size:.0f} bytes on average, model {options.model}, {available_cpus()} CPUs,")
        print(f"best of {options.rounds} rounds\n")
    print(throughput(local, ray))
    print()
    print(sizing(ray, size))


def measure(
    model: str, texts: list[str], folder: Path, actors: list[int], rounds: int, part_rows: int
) -> tuple[Timing, dict[int, Timing]]:
    """Time the local engine with all CPUs, and Ray with some numbers of actors of one thread; the scores must agree."""
    inputs = {rows: folder / f"{rows}.parquet" for rows in (len(texts) // SHORT, len(texts))}
    for rows, path in inputs.items():
        table = pa.table({"id": range(rows), "text": texts[:rows]})
        pq.write_table(table, path, row_group_size=part_rows)
    seconds: dict[tuple[int, int], list[float]] = {}  # by actors, 0 for the local engine, and rows
    with load(model) as every, load(model, threads=1) as one:
        for _ in range(rounds):
            for rows, path in inputs.items():
                expected = folder / "local.parquet"
                taken = timed(lambda: score_files(every, [str(path)], expected, overwrite=True))  # noqa: B023
                seconds.setdefault((0, rows), []).append(taken)
                for count in actors:
                    cluster = Cluster(LOCAL, count, 1, part_rows)
                    output = folder / "ray"
                    taken = timed(
                        lambda: score_on_cluster(one, [str(path)], output, cluster=cluster, overwrite=True)  # noqa: B023
                    )
                    seconds.setdefault((count, rows), []).append(taken)
                    if not pq.read_table(output).equals(pq.read_table(expected)):
                        raise SystemExit("the scores differ")
    short, long = inputs
    timings = {
        count: Timing.of(min(seconds[count, short]), min(seconds[count, long]), len(texts)) for count in (0, *actors)
    }
    return timings.pop(0), timings


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def throughput(local: Timing, ray: dict[int, Timing]) -> str:
    """Reviews a second beyond the fixed cost, as a table."""
    lines = ["| engine | seconds to begin | reviews/s | of the local engine |", "|---|---|---|---|"]
    lines.append(f"| local, {available_cpus()} threads | {local.fixed:.1f} | {1 / local.each:,.0f} | 1.00 |")
    for count, timing in ray.items():
        actors = "1 actor" if count == 1 else f"{count} actors"
        ratio = local.each / timing.each
        lines.append(f"| Ray, {actors} | {timing.fixed:.1f} | {1 / timing.each:,.0f} | {ratio:.2f} |")
    return "\n".join(lines)


def sizing(ray: dict[int, Timing], size: float) -> str:
    """How long larger inputs take on more CPUs, as a table: the rate of the most actors measured, for each CPU."""
    count, timing = max(ray.items())
    rate = 1 / timing.each / count
    lines = [f"| reviews | text | {' | '.join(f'{cpus} CPUs' for cpus in CPUS)} | CPU hours |"]
    lines.append("|---|---|" + "---|" * (len(CPUS) + 1))
    for reviews in SIZES:
        times = [duration(timing.fixed + reviews / (rate * cpus)) for cpus in CPUS]
        hours = reviews / rate / 3600
        lines.append(f"| {reviews:,} | {reviews * size / 1e9:,.1f} GB | {' | '.join(times)} | {hours:,.1f} |")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """A time in a unit that suits it."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
