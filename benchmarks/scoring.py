"""Time `sentiline.scoring` from file to file against the predictor on the same texts in memory.

Usage: python -m benchmarks.scoring [--archive aclImdb_v1.tar.gz] [--reviews 4000] [--rounds 5] [--model bilstm]

Every round times the predictor and each format once, so that other load on the machine affects all alike. Ratios are
those of the fastest rounds, with the median of the ratios within a round. The last column is the median ratio of CPU
seconds, which shows the cost of reading and writing even on a busy machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.predictor import Predictor, load
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.pipeline import score_files
from training.data import imdb

MEMORY = "texts in memory"
FORMATS = {"parquet": "Parquet to Parquet", "csv": "CSV to CSV", "jsonl": "JSON Lines to JSON Lines"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--reviews", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="bilstm")
    options = parser.parse_args()
    _, validation = imdb.split(imdb.load(options.archive).train)
    texts = [review.text for review in validation[: options.reviews]]
    with load(options.model) as predictor, tempfile.TemporaryDirectory() as folder:
        turns = measure(predictor, texts, Path(folder), options.rounds)
        print(f"{len(texts)} reviews, {predictor!r}, {options.rounds} rounds\n")
    print("| | reviews/s, fastest round | against memory | median of the rounds | CPU time |\n|---|---|---|---|---|")
    base = turns[MEMORY]
    for name, rounds in turns.items():
        best = min(turn.wall for turn in rounds)
        fastest = min(turn.wall for turn in base) / best
        median = statistics.median(memory.wall / one.wall for memory, one in zip(base, rounds, strict=True))
        cpu = statistics.median(memory.cpu / one.cpu for memory, one in zip(base, rounds, strict=True))
        print(f"| {name} | {len(texts) / best:.0f} | {fastest:.2f} | {median:.2f} | {cpu:.2f} |")


class Turn(NamedTuple):
    """The wall-clock and CPU seconds of one turn."""

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Turn:
    """Time a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Turn(time.perf_counter() - wall, time.process_time() - cpu)


def measure(predictor: Predictor, texts: list[str], folder: Path, rounds: int) -> dict[str, list[Turn]]:
    """Time the predictor alone and from file to file in each format, in every round."""
    for kind in FORMATS:
        write(folder / f"in.{kind}", texts)
    turns: dict[str, list[Turn]] = {name: [] for name in (MEMORY, *FORMATS.values())}
    expected: list[float] = []

    def predict() -> None:
        expected.clear()
        for first in range(0, len(texts), CHUNK_ROWS):  # a list of all readings would not fit for a large file
            readings = predictor.read(texts[first : first + CHUNK_ROWS], spans=False)
            expected.extend(one.positive for one in readings)

    for _ in range(rounds):
        turns[MEMORY].append(timed(predict))
        for kind, name in FORMATS.items():
            source, output = str(folder / f"in.{kind}"), folder / f"out.{kind}"
            turns[name].append(timed(partial(score_files, predictor, [source], output, overwrite=True)))
            if scores(output) != expected:
                raise SystemExit(f"the scores differ: {name}")
    return turns


def write(path: Path, texts: list[str]) -> None:
    """Write the texts with their numbers in the format of the file's ending."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerows([("id", "text"), *enumerate(texts)])
        else:
            file.writelines(json.dumps({"id": id, "text": text}) + "\n" for id, text in enumerate(texts))


def scores(path: Path) -> list[float]:
    """Return P(positive) of every row of an output."""
    if path.suffix == ".parquet":
        return [float(one) for one in pq.read_table(path, columns=["positive"])["positive"].to_pylist()]
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
        return [float(row["positive"]) for row in rows]


if __name__ == "__main__":
    main()
