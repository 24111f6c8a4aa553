"""Measure the peak resident memory of `sentiline score` on a small and a large input of synthetic reviews.

Usage: python -m benchmarks.scoring_memory [--small 10MB] [--large 1GB] [--format parquet] [--archive aclImdb_v1.tar.gz]
       [--model bilstm] [--options ...]

Each input consists of reviews of the IMDB archive, cut and spliced so that no two are the same, and is scored by the
command in a separate process; its peak is the kernel's VmHWM. Arguments after --options are passed to the command, such
as --timesteps or --memory 1GB.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from sentiline.scoring.memory import parse_size
from training.data import imdb

FORMATS = ("parquet", "csv", "jsonl")
ROWS = 2_000
MEASURE = r"""
import re, sys
from pathlib import Path
from sentiline.cli.main import main
try:
    main(["score", *sys.argv[1:]])
finally:  # not ru_maxrss, which begins with what the process that started this one had
    print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--small", type=parse_size, default="10MB", help="bytes of text")
    parser.add_argument("--large", type=parse_size, default="1GB")
    parser.add_argument("--format", choices=FORMATS, default="parquet", help="format of input and output")
    parser.add_argument("--model", default="bilstm")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[])
    options = parser.parse_args()
    texts = [review.text for review in imdb.load(options.archive).train]
    print("| text | reviews | peak resident memory |\n|---|---|---|")
    peaks = []
    for size in (options.small, options.large):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / f"in.{options.format}"
            rows = write(source, texts, size)
            peak = measure(source, [*options.options, "--model", options.model])
        peaks.append(peak)
        print(f"| {size / 1e6:,.0f} MB | {rows:,} | {peak:.0f} MB |", flush=True)
    print(f"\nlarger by {peaks[1] - peaks[0]:.0f} MB")


def synthetic(texts: list[str], size: int) -> Iterator[str]:
    """Yield reviews with `size` characters in total, each the head of one review and the tail of another."""
    rng = random.Random(0)
    done = 0
    while done < size:
        head, tail = rng.choice(texts), rng.choice(texts)
        text = head[: rng.randrange(len(head))] + " " + tail[rng.randrange(len(tail)) :]
        done += len(text)
        yield text


def write(path: Path, texts: list[str], size: int) -> int:
    """Write synthetic reviews in the format of the file's ending, and return their number."""
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    rows = 0
    stream = synthetic(texts, size)
    with path.open("wb") as file:
        writer = None
        if path.suffix == ".parquet":
            writer = pq.ParquetWriter(file, schema)
        elif path.suffix == ".csv":
            writer = pyarrow.csv.CSVWriter(file, schema)
        while some := list(islice(stream, ROWS)):
            ids = range(rows, rows + len(some))
            if writer:
                writer.write_table(pa.table({"id": ids, "text": some}, schema))
            else:
                lines = (json.dumps({"id": id, "text": text}) + "\n" for id, text in zip(ids, some, strict=True))
                file.write("".join(lines).encode())
            rows += len(some)
        if writer:
            writer.close()
    return rows


def measure(source: Path, options: list[str]) -> float:
    """Return the peak resident memory of scoring a file, in MB of a million bytes."""
    output = source.with_name(f"out{source.suffix}")
    command = [sys.executable, "-c", MEASURE, str(source), "-o", str(output), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"scoring failed, exit code {done.returncode}")
    found = re.search(r"(\d+)\n\Z", done.stdout)
    if not found:
        raise SystemExit(f"no peak in {done.stdout!r}")
    return int(found[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
