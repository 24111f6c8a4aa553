"""Time `sentiline score --engine ray` with 1, 2, … actors against the local engine, and extrapolate to larger runs.

Usage: python -m benchmarks.cluster [--archive aclImdb_v1.tar.gz] [--reviews 20000] [--rounds 3] [--model bilstm]
                                    [--part-rows 1024] [--markdown] [--quick]

Everything is measured in one run on this machine, from Parquet to Parquet: ratios hold elsewhere, absolute numbers do
not. A run on Ray has a fixed cost for starting processes and loading models, and a cost per row; a short and a long
input tell them apart. The rounds are interleaved, and the fastest of each counts. --quick only shows that the script
works: its numbers mean nothing.
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
# The share of the long input that the short one contains.
SHORT = 8


@dataclass(frozen=True, slots=True)
class Timing:
    """The cost of an engine in seconds: `fixed` per run and `each` per review."""

    fixed: float
    each: float

    @classmethod
    def of(cls, short: float, long: float, rows: int) -> Timing:
        """Derive both costs from a short input and one with `rows` reviews."""
        each = (long - short) / (rows - rows // SHORT)
        return cls(max(0.0, long - rows * each), each)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--reviews", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="bilstm")
    parser.add_argument(
        "--part-rows", type=int, default=1024, help="rows per output file, small because few reviews are timed"
    )
    parser.add_argument("--markdown", action="store_true", help="print only the tables")
    parser.add_argument("--quick", action="store_true", help="a few reviews and one actor; the figures mean nothing")
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
    """Time the local engine with all CPUs and Ray with one-thread actors, and check that the scores agree."""
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
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def throughput(local: Timing, ray: dict[int, Timing]) -> str:
    """Return the reviews per second beyond the fixed cost as a table."""
    lines = ["| engine | seconds to begin | reviews/s | of the local engine |", "|---|---|---|---|"]
    lines.append(f"| local, {available_cpus()} threads | {local.fixed:.1f} | {1 / local.each:,.0f} | 1.00 |")
    for count, timing in ray.items():
        actors = "1 actor" if count == 1 else f"{count} actors"
        ratio = local.each / timing.each
        lines.append(f"| Ray, {actors} | {timing.fixed:.1f} | {1 / timing.each:,.0f} | {ratio:.2f} |")
    return "\n".join(lines)


def sizing(ray: dict[int, Timing], size: float) -> str:
    """Return the expected duration of larger runs as a table, from the rate per CPU of the largest number of actors."""
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
    """Format a duration in a suitable unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
