"""Time `sentiline.scoring` from file to file against the predictor on the same texts in memory, in one process.

Usage: python -m benchmarks.scoring [--archive aclImdb_v1.tar.gz] [--reviews 4000] [--rounds 5] [--model bilstm]

Every round times the predictor and each format once, in turn, so that what else the machine does falls on all. Ratios
are of the fastest rounds, and the median of the ratios within a round stands beside them.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.predictor import Predictor, load
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.run import score_files
from training import imdb

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
        seconds = measure(predictor, texts, Path(folder), options.rounds)
        print(f"{len(texts)} reviews, {predictor!r}, {options.rounds} rounds\n")
    print("| | reviews/s, fastest round | against memory | median of the rounds |\n|---|---|---|---|")
    for name, rounds in seconds.items():
        fastest = min(seconds[MEMORY]) / min(rounds)
        median = statistics.median(memory / one for memory, one in zip(seconds[MEMORY], rounds, strict=True))
        print(f"| {name} | {len(texts) / min(rounds):.0f} | {fastest:.2f} | {median:.2f} |")


def measure(predictor: Predictor, texts: list[str], folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of every round: of the predictor alone, and from file to file in each format."""
    for kind in FORMATS:
        write(folder / f"in.{kind}", texts)
    seconds: dict[str, list[float]] = {name: [] for name in (MEMORY, *FORMATS.values())}
    for _ in range(rounds):
        start = time.perf_counter()
        expected = []
        for first in range(0, len(texts), CHUNK_ROWS):  # a list of all readings would not fit for a large file
            expected += [one.positive for one in predictor.read(texts[first : first + CHUNK_ROWS])]
        seconds[MEMORY].append(time.perf_counter() - start)
        for kind, name in FORMATS.items():
            output = folder / f"out.{kind}"
            start = time.perf_counter()
            score_files(predictor, [str(folder / f"in.{kind}")], output, overwrite=True)
            seconds[name].append(time.perf_counter() - start)
            if scores(output) != expected:
                raise SystemExit(f"the scores differ: {name}")
    return seconds


def write(path: Path, texts: list[str]) -> None:
    """Write the texts with a number each, in the format of the file's ending."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerows([("id", "text"), *enumerate(texts)])
        else:
            file.writelines(json.dumps({"id": id, "text": text}) + "\n" for id, text in enumerate(texts))


def scores(path: Path) -> list[float]:
    """P(positive) of every row of an output."""
    if path.suffix == ".parquet":
        return [float(one) for one in pq.read_table(path, columns=["positive"])["positive"].to_pylist()]
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
        return [float(row["positive"]) for row in rows]


if __name__ == "__main__":
    main()
