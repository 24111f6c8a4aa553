"""Time `sentiline.scoring` from Parquet to Parquet against the predictor on the same texts in memory, in one process.

Usage: python -m benchmarks.scoring [--archive aclImdb_v1.tar.gz] [--reviews 4000] [--rounds 3] [--model bilstm]

The rounds alternate, so that what else the machine does falls on both; the fastest round of each counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.predictor import Predictor, load
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.run import score_files
from training import imdb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--reviews", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="bilstm")
    options = parser.parse_args()
    _, validation = imdb.split(imdb.load(options.archive).train)
    texts = [review.text for review in validation[: options.reviews]]
    with load(options.model) as predictor, tempfile.TemporaryDirectory() as folder:
        memory, files = measure(predictor, texts, Path(folder), options.rounds)
    print(f"{len(texts)} reviews, {predictor!r}, best of {options.rounds} rounds\n")
    print("| | reviews/s |\n|---|---|")
    print(f"| predictor, texts in memory | {len(texts) / memory:.0f} |")
    print(f"| Parquet to Parquet | {len(texts) / files:.0f} |")
    print(f"\nratio {memory / files:.2f}")


def measure(predictor: Predictor, texts: list[str], folder: Path, rounds: int) -> tuple[float, float]:
    """Seconds of the fastest round: of the predictor alone, and from Parquet to Parquet."""
    source, output = folder / "in.parquet", folder / "out.parquet"
    pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), source)
    memory, files = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        expected = []
        for first in range(0, len(texts), CHUNK_ROWS):  # a list of all readings would not fit for a large file
            expected += [one.positive for one in predictor.read(texts[first : first + CHUNK_ROWS])]
        memory.append(time.perf_counter() - start)
        start = time.perf_counter()
        score_files(predictor, [str(source)], output, overwrite=True)
        files.append(time.perf_counter() - start)
        if pq.read_table(output)["positive"].to_pylist() != expected:
            raise SystemExit("the scores differ")
    return min(memory), min(files)


if __name__ == "__main__":
    main()
