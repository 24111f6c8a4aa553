"""Score a file of gigabytes with `sentiline score`, kill and resume the run, and check every row of the output.

Usage: python -m benchmarks.scoring_large [--size 5GB] [--kills 2] [--folder .] [--archive aclImdb_v1.tar.gz]
       [--model bilstm]

The file contains the test reviews of the IMDB archive many times, each time in another order. The reviews are first
scored once by themselves: every row of the large output must be identical, in the order of the input, so its accuracy
is the same to the last digit after each pass. 5 GB take three quarters of an hour on two idle cores and 9 GB of disk
in FOLDER, which are freed at the end. If this script is stopped, it resumes when it is started again.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.memory import parse_size
from sentiline.scoring.scorer import COLUMNS
from training.data import imdb
from training.data.review import POSITIVE

ROWS = 4_096
SCHEMA = pa.schema([("id", pa.int64()), ("review", pa.string()), ("sentiment", pa.string())])
ADDED = list(COLUMNS)

Row = tuple[int, str, str]


class Run(NamedTuple):
    """The measurements of scoring a file.

    Attributes:
        seconds: The time from the first start to the last end.
        peak: The peak resident memory of any of its processes, in bytes.
        kills: The number of kills.
    """

    seconds: float
    peak: int
    kills: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--size", type=parse_size, default="5GB", help="bytes of text")
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--model", default="bilstm")
    options = parser.parse_args()
    test = imdb.load_test(options.archive, final_evaluation=True)
    reviews = [(review.text, "POSITIVE" if review.label == POSITIVE else "NEGATIVE") for review in test]
    once, large = options.folder / "once.parquet", options.folder / "large.parquet"
    write(once, ((index, *review) for index, review in enumerate(reviews)))
    score(once, options.model, kills=0)
    answers = [tuple(row.values()) for row in pq.read_table(scored(once), columns=ADDED).to_pylist()]
    accuracy = share(answers, [label for _, label in reviews])
    print(f"{len(reviews):,} reviews by themselves: accuracy {accuracy}")
    write(large, passes(reviews, options.size))
    run = score(large, options.model, kills=options.kills)
    rows = check(large, answers, len(reviews), [label for _, label in reviews])
    print(
        f"{rows:,} rows, {large.stat().st_size / 1e9:.1f} GB of Parquet, killed {run.kills} times and resumed: "
        f"{run.seconds / 60:.0f} min, {rows / run.seconds:,.0f} rows/s, peak resident memory {run.peak / 1e6:.0f} MB; "
        f"every row there, in order, and as by itself; accuracy of whole passes {accuracy}"
    )
    for path in (once, large, scored(once), scored(large)):
        path.unlink()


def scored(source: Path) -> Path:
    """Return the path of the output of a file."""
    return source.with_name(f"scored-{source.name}")


def passes(reviews: Sequence[tuple[str, str]], size: int) -> Iterator[Row]:
    """Yield rows of whole passes over the reviews, each in another order, until their texts reach a size in bytes."""
    rng = random.Random(0)
    done = 0
    while done < size:
        for index in rng.sample(range(len(reviews)), len(reviews)):
            yield index, *reviews[index]
            done += len(reviews[index][0].encode())


def write(path: Path, rows: Iterator[Row]) -> None:
    """Write rows as Parquet atomically, unless the file exists."""
    if path.exists():
        return
    growing = path.with_suffix(".growing")
    with pq.ParquetWriter(growing, SCHEMA) as writer:
        while some := list(islice(rows, ROWS)):
            columns = zip(*some, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            writer.write_table(pa.table(arrays, schema=SCHEMA))
    growing.rename(path)


def score(source: Path, model: str, *, kills: int) -> Run:
    """Score a file with the command, and kill it several times, evenly over its rows."""
    output = scored(source)
    journal = output.with_name(f"{output.name}.partial") / "journal.jsonl"
    chunks = pq.read_metadata(source).num_rows // CHUNK_ROWS
    limits = [chunks * (index + 1) // (kills + 1) for index in range(kills)]
    begun, peak, killed = time.monotonic(), 0, 0
    command = [sys.executable, "-m", "sentiline", "score", str(source), "-o", str(output), "--model", model]
    while not output.exists():
        process = subprocess.Popen([*command, "--text-column", "review", "--resume"])
        while process.poll() is None:
            time.sleep(0.2)
            peak = max(peak, resident(process.pid))
            if limits and journal.exists() and journal.read_bytes().count(b"\n") > limits[0]:
                process.send_signal(signal.SIGKILL)
                process.wait()
                limits.pop(0)
                killed += 1
        if process.returncode not in (0, -signal.SIGKILL):
            raise SystemExit(f"scoring failed, exit code {process.returncode}")
    return Run(time.monotonic() - begun, peak, killed)


def resident(process: int) -> int:
    """Return the peak resident memory of a process so far in bytes; 0 if it has exited."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def check(source: Path, answers: Sequence[tuple[Any, ...]], size: int, labels: Sequence[str]) -> int:
    """Compare an output with its input and with the answers to single reviews, and return the number of rows.

    Args:
        source: The input.
        answers: The added columns of each review, by its id.
        size: The number of rows per pass.
        labels: The label of each review, by its id.
    """
    accuracy = share(answers, labels)
    right = rows = 0
    batches = pq.ParquetFile(source).iter_batches(batch_size=CHUNK_ROWS)
    for batch in pq.ParquetFile(scored(source)).iter_batches(batch_size=CHUNK_ROWS):
        given = next(batches, None)
        if given is None or not batch.select(SCHEMA.names).equals(given):
            raise SystemExit(f"rows {rows + 1:,} and after are not those of the input")
        found = zip(*(batch.column(name).to_pylist() for name in ADDED), strict=True)
        for index, answer in zip(batch.column("id").to_pylist(), found, strict=True):
            rows += 1
            if answer != answers[index]:
                raise SystemExit(f"row {rows:,} says {answer}, and by itself {answers[index]}")
            right += answer[0] == labels[index]
            if rows % size == 0 and right != round(accuracy * rows):
                raise SystemExit(f"{right:,} of {rows:,} are right, where {accuracy} should be")
    if next(batches, None) is not None:
        raise SystemExit(f"rows after {rows:,} are lost")
    return rows


def share(answers: Sequence[tuple[Any, ...]], labels: Sequence[str]) -> float:
    """Return the share of answers with the right label."""
    return sum(answer[0] == label for answer, label in zip(answers, labels, strict=True)) / len(labels)


if __name__ == "__main__":
    main()
